# SPDX-License-Identifier: GPL-3.0-or-later
"""A talking head for game engines: GLB by this project's own writer, FBX and USD by Blender's.

In each the sound begins at time 0, weights lie within 0 and 1, and the UVs lie on tile 0 of the flip-book's page, so
that the still speaker shows where nobody plays the book. FBX and USD know no unlit materials: there the texture is the
skin's colour.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import bpy

from ..backend.core.puppet.head_glb import GlbHead, head_glb
from ..jobs.head import PACKED, HeadClip
from .bake import Placement
from .exporting import WRITERS, Writer
from .pictures import jpeg_bytes
from .talking_head import HeadLook, add_talking_head

ASIDE = " (in the scene)"
"""Added to names of the open file while a copy for export bears them."""


@dataclass(frozen=True)
class EngineLook:
    """How a head looks in an engine."""

    lit: bool = False
    """Whether lights fall on it, where the format lets us choose."""
    jpeg: bool = False
    """Whether the texture is JPEG instead of PNG."""


def engine_writer(thing: bpy.types.Object, clip: HeadClip, ending: str, look: EngineLook) -> Writer:
    """Return what writes a head by itself.

    Args:
        thing: the head in the scene, which lends its names.
        clip: what it says.
        ending: of the file, one of those that `--export` takes.
        look: how it shall look.
    """

    def write_glb(path: Path) -> None:
        picture = clip.reference_atlas if clip.book is None else clip.book.page
        jpeg = jpeg_bytes(picture) if look.jpeg and picture is not None else None
        head = GlbHead(
            thing.name,
            clip.times_s,
            clip.mesh,
            clip.shapes,
            clip.reference_atlas,
            clip.book,
            look.lit,
            jpeg,
            clip.motion,
        )
        path.write_bytes(head_glb(head))

    def write(path: Path) -> None:
        with _alone(thing, clip, look):
            WRITERS["export"][ending](path)

    return write_glb if ending == ".glb" else write


@contextmanager
def _alone(thing: bpy.types.Object, clip: HeadClip, look: EngineLook) -> Iterator[None]:
    """Let a scene be current that holds nothing but a head, from frame 0 on; then it goes again."""
    data = bpy.data
    shown = bpy.context.scene
    with ExitStack() as undo:
        for one in (thing, thing.data, thing.active_material):
            if one is not None:
                undo.callback(setattr, one, "name", one.name)
                one.name += ASIDE
        scene = data.scenes.new("Talking head")
        undo.callback(data.scenes.remove, scene)
        scene.render.fps, scene.render.fps_base = shown.render.fps, shown.render.fps_base
        placement = Placement(Path(thing.name.removesuffix(ASIDE)), 0, add_strip=False)
        worn = HeadLook(lit=True, texture=PACKED, jpeg=look.jpeg, leafs=False)
        copy = add_talking_head(scene, replace(clip, pictures=None), placement, worn).thing
        undo.callback(_remove, copy)
        name = thing.name.removesuffix(ASIDE)
        copy.name = copy.data.name = copy.active_material.name = name
        for image in _images(copy):
            image.name = f"{name} texture"
        with bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0]):
            yield


def _images(thing: bpy.types.Object) -> list[bpy.types.Image]:
    return [node.image for node in thing.active_material.node_tree.nodes if node.type == "TEX_IMAGE"]


def _remove(thing: bpy.types.Object) -> None:
    mesh, material = thing.data, thing.active_material
    images = _images(thing)
    owners = [one for one in (thing, mesh.shape_keys) if one is not None and one.animation_data is not None]
    actions = [one.animation_data.action for one in owners]
    bpy.data.objects.remove(thing)
    bpy.data.meshes.remove(mesh)
    bpy.data.materials.remove(material)
    for image in images:
        bpy.data.images.remove(image)
    for action in actions:
        bpy.data.actions.remove(action)
