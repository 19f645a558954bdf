# SPDX-License-Identifier: GPL-3.0-or-later
"""The characters of the batch's sheets, made by the project itself.

    python -m benchmarks.batch.characters FOLDER

`head.blend`: the demo head with its 52 ARKit shapes. `visemes.glb`: a head of fewer vertices on which the add-on made
the 15 visemes. `puppet.glb`: the canonical face with its ARKit shapes. `no_mouth.glb`: a box with a shape that is none.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np

import blender_addon
from backend.core.blendshapes import ARKIT_NAMES
from backend.core.face import canonical_face
from blender_addon.scene import creating, demo_head, exporting

KEPT = 0.35
"""Part of the demo head's faces that the head with visemes has."""


def head() -> None:
    """Put the demo head into the scene."""
    demo_head.add_demo_head(bpy.context.scene.collection)


def visemes() -> None:
    """Put a lighter head with created visemes into the scene."""
    parts = demo_head.add_demo_head(bpy.context.scene.collection)
    for part in parts:
        if part.data.shape_keys is not None:
            part.shape_key_clear()
    skin = parts[0]
    skin.name = "Visemes"
    modifier = skin.modifiers.new("fewer", "DECIMATE")
    modifier.ratio = KEPT
    mesh = bpy.data.meshes.new_from_object(skin.evaluated_get(bpy.context.evaluated_depsgraph_get()))
    skin.modifiers.clear()
    skin.data = mesh
    creating.create(parts, creating.VISEMES)


def puppet() -> None:
    """Put the canonical face into the scene, with its own blendshapes."""
    face = canonical_face()
    mesh = bpy.data.meshes.new("Puppet")
    mesh.from_pydata(demo_head.in_blender(face.neutral_cm, 0.01), [], face.triangles.tolist())
    mesh.polygons.foreach_set("use_smooth", np.ones(len(face.triangles), bool))
    thing = bpy.data.objects.new("Puppet", mesh)
    bpy.context.scene.collection.objects.link(thing)
    thing.shape_key_add(name="Basis", from_mix=False)
    for name, moved in zip(ARKIT_NAMES, face.basis_cm, strict=True):
        block = thing.shape_key_add(name=name, from_mix=False)
        block.data.foreach_set("co", demo_head.in_blender(face.neutral_cm + moved, 0.01).ravel())
        block.value = 0.0


def no_mouth() -> None:
    """Put a box into the scene, with a shape key that moves no mouth."""
    mesh = bpy.data.meshes.new("Box")
    corners = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float32)
    mesh.from_pydata(corners, [], [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)])
    thing = bpy.data.objects.new("Box", mesh)
    bpy.context.scene.collection.objects.link(thing)
    thing.shape_key_add(name="Basis", from_mix=False)
    thing.shape_key_add(name="Bigger", from_mix=False).data.foreach_set("co", (1.5 * corners).ravel())


CHARACTERS: dict[str, tuple[str, Callable[[], None]]] = {
    "head.blend": ("save", head),
    "visemes.glb": ("export", visemes),
    "puppet.glb": ("export", puppet),
    "no_mouth.glb": ("export", no_mouth),
}


def make_characters(folder: Path) -> list[Path]:
    """Write all characters that are not there, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (kind, put) in CHARACTERS.items():
        if not (folder / name).is_file():
            bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
            put()
            exporting.write_outputs({kind: folder / name})
    return [folder / name for name in CHARACTERS]


if __name__ == "__main__":
    blender_addon.register()
    for made in make_characters(Path(sys.argv[1])):
        print(f"{made}  {made.stat().st_size / 1e6:.1f} MB")
    blender_addon.unregister()
