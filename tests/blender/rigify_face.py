# SPDX-License-Identifier: GPL-3.0-or-later
"""A face moved by Rigify's bones: `python -m tests.blender.rigify_face OUT.blend [upgraded]`, in a process of its own.

Rigify left enabled keeps a bare Blender from ending, so this one ends itself. The demo head's skin, without its
shapes, is fitted to the bones of Rigify's human and bound to them: near bones count, and upper and lower lip are told
apart by what jawOpen moves.
"""

import os
import sys

import bpy
import numpy as np

from backend.core.head import demo_head

FIT = {
    "lip.T": (0, 13), "lip.B": (14, 17), "lips.L": (291,), "lips.R": (61,), "lip_end.L.001": (291,),
    "lip_end.R.001": (61,), "chin": (152,), "nose.002": (1,), "master_eye.L": (362, 263), "master_eye.R": (133, 33),
    "eye_master.L": (362, 263), "eye_master.R": (133, 33),
}  # fmt: skip
"""Bone of either face of Rigify -> the vertices of the canonical face whose middle it should lie on."""
NEAREST = 4
HELD_BY_HEAD_CM = 2.5
"""Distance from all face bones at which the head bone takes half of a vertex."""
LOWER = 0.5
"""Part of jawOpen's largest movement from which a vertex belongs to the lower jaw."""


def rig(upgraded):
    """Rigify's human, generated, with its face of old or the new one."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.preferences.addon_enable(module="rigify")
    bpy.ops.object.armature_human_metarig_add()
    meta = bpy.context.object
    if upgraded:
        bpy.ops.pose.rigify_upgrade_face()
        bpy.ops.object.mode_set(mode="OBJECT")
    bpy.ops.pose.rigify_generate()
    made = next(thing for thing in bpy.data.objects if thing.type == "ARMATURE" and thing != meta)
    bpy.data.objects.remove(meta)
    return made


def bound_face(armature):
    """The skin, fitted and weighted."""
    part = demo_head()[0]
    points = part.vertices_cm.astype(np.float64)
    found = {name: some for name, some in FIT.items() if name in armature.data.bones}
    here = np.array([points[list(some)].mean(axis=0) for some in found.values()])
    there = np.array([armature.data.bones[name].head_local for name in found])
    solved, *_ = np.linalg.lstsq(np.column_stack([here, np.ones(len(here))]), there, rcond=None)
    mesh = bpy.data.meshes.new("face")
    placed = np.column_stack([points, np.ones(len(points))]) @ solved
    mesh.from_pydata(placed.tolist(), [], part.faces.tolist())
    face = bpy.data.objects.new("face", mesh)
    bpy.context.scene.collection.objects.link(face)
    face.parent = armature
    face.modifiers.new("Armature", "ARMATURE").object = armature
    opened = part.shapes["jawOpen"].astype(np.float64)
    weigh(face, armature, placed, np.linalg.norm(opened, axis=1) / np.linalg.norm(opened, axis=1).max())
    return face


def weigh(face, armature, points, by_jaw):
    """Give each vertex to the nearest bones of its own lip, and far ones to the head."""
    bones = [bone for bone in armature.data.bones if bone.use_deform and is_of_the_mouth(bone.name)]
    unit = np.linalg.norm(points[291] - points[61]) / 4.9
    near = np.stack([distance(points, bone) for bone in bones], axis=1) / unit
    lower = np.array([bone.name.startswith(("DEF-lip.B", "DEF-chin", "DEF-jaw")) for bone in bones])
    corner = np.abs(points[:, 0]) > 0.9 * abs(points[291, 0])
    wrong = (by_jaw > LOWER)[:, None] != lower[None]
    near[wrong & ~corner[:, None]] = np.inf
    order = np.argsort(near, axis=1)[:, :NEAREST]
    closest = np.take_along_axis(near, order, axis=1)
    shares = 1 / (closest + 0.05) ** 4
    shares /= shares.sum(axis=1, keepdims=True)
    held = closest[:, 0] ** 4 / (closest[:, 0] ** 4 + HELD_BY_HEAD_CM**4)
    held[~np.isfinite(closest[:, 0])] = 1.0
    groups = [face.vertex_groups.new(name=bone.name) for bone in bones]
    head = face.vertex_groups.new(name="DEF-spine.006")
    for vertex in range(len(points)):
        head.add([vertex], held[vertex], "REPLACE")
        for place, share in zip(order[vertex], shares[vertex], strict=True):
            if np.isfinite(near[vertex, place]):
                groups[place].add([vertex], (1 - held[vertex]) * share, "REPLACE")


def is_of_the_mouth(name):
    """Whether a deforming bone belongs to lips, chin, jaw or cheeks."""
    return name.startswith(("DEF-lip", "DEF-chin", "DEF-jaw", "DEF-cheek.B"))


def distance(points, bone):
    """[N] from points to a bone's line."""
    start, end = np.array(bone.head_local), np.array(bone.tail_local)
    along = np.clip((points - start) @ (end - start) / ((end - start) @ (end - start)), 0, 1)
    return np.linalg.norm(points - start - along[:, None] * (end - start), axis=1)


if __name__ == "__main__":
    bound_face(rig("upgraded" in sys.argv[2:]))
    bpy.ops.wm.save_as_mainfile(filepath=sys.argv[1])
    sys.stdout.flush()
    os._exit(0)
