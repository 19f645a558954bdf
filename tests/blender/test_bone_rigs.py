# SPDX-License-Identifier: GPL-3.0-or-later
"""Faces that bones move: a jaw by itself, a jaw beside shapes, and Rigify's own face rig, spoken and played."""

import subprocess
import sys

import numpy as np
import pytest

from .conftest import CHECKOUT, curves

INNER_LIPS = 13, 14
"""Vertices of the canonical face, with which the demo head's skin begins."""


@pytest.fixture(scope="module")
def prediction(speech):
    from benchmarks.rigs import predict

    return predict(speech)


def jaw_rig(head, name):
    """An armature with a head and a jaw that the head's skin is bound to, as far as jawOpen moves it."""
    import bpy

    rig = bpy.data.objects.new("rig", bpy.data.armatures.new("rig"))
    bpy.context.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    for one, start, end in (("Head", (0, 0.05, -0.05), (0, 0.05, 0.1)), (name, (0, 0.02, -0.01), (0, -0.04, -0.08))):
        bone = rig.data.edit_bones.new(one)
        bone.head, bone.tail = start, end
    bpy.ops.object.mode_set(mode="OBJECT")
    blocks = head.data.shape_keys.key_blocks
    rest, opened = (np.array([point.co for point in blocks[key].data]) for key in ("Basis", "jawOpen"))
    share = np.linalg.norm(opened - rest, axis=1)
    share /= share.max()
    groups = {one: head.vertex_groups.new(name=one) for one in ("Head", name)}
    for vertex, part in enumerate(share.tolist()):
        groups[name].add([vertex], part, "REPLACE")
        groups["Head"].add([vertex], 1 - part, "REPLACE")
    head.modifiers.new("Armature", "ARMATURE").object = rig
    return rig


def test_a_jaw_bone_alone_speaks(head, scene, prediction):
    import bpy

    from benchmarks.rigs import LipPair, score

    rig = jaw_rig(head, "Jaw")
    for thing in [one for one in bpy.data.objects if one.type == "MESH"]:
        thing.shape_key_clear()
        thing.animation_data_clear()
    found = score(rig, LipPair(head.name, *INNER_LIPS), prediction)
    assert found.map_title == "Jaw bone only"
    assert found.r > 0.9
    assert found.closed == found.closures > 5
    assert {curve.data_path for curve in curves(rig.animation_data.action)} == {'pose.bones["Jaw"].rotation_quaternion'}


def test_where_shapes_open_the_mouth_the_jaw_bone_rests(head, scene, prediction):
    from benchmarks.rigs import LipPair, score

    rig = jaw_rig(head, "Jaw")
    found = score(head, LipPair(head.name, *INNER_LIPS), prediction)
    assert (found.map_title, found.closed) == ("ARKit 52", found.closures)
    assert found.r > 0.95
    assert rig.animation_data is None


@pytest.mark.slow
@pytest.mark.parametrize(("face_rig", "corner"), [((), "lips.L"), (("upgraded",), "lip_end.L.001")])
def test_rigifys_own_face_speaks(scene, prediction, tmp_path, face_rig, corner):
    import bpy

    from benchmarks.rigs import LipPair, score

    path = tmp_path / "rigify.blend"
    command = [sys.executable, "-m", "tests.blender.rigify_face", str(path), *face_rig]
    subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, timeout=200)
    bpy.ops.wm.open_mainfile(filepath=str(path))
    rig, face = bpy.data.objects["rig"], bpy.data.objects["face"]
    found = score(face, LipPair("face", *INNER_LIPS), prediction)
    assert found.map_title == "Rigify face"
    assert found.r > 0.9
    assert found.closed == found.closures > 5
    keyed = {curve.data_path.split('"')[1] for curve in curves(rig.animation_data.action)}
    assert keyed >= {"jaw_master", "lip.T", "lip.B", corner}
    rested = bpy.context.scene.frame_end + 50
    bpy.context.scene.frame_set(rested)
    assert np.isfinite(LipPair("face", *INNER_LIPS).gap())
