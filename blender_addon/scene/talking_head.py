# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts a talking head into the scene: mesh, shape keys, texture, Action, sound. All of it, or nothing."""

from contextlib import ExitStack
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Vector
from numpy.typing import NDArray

from ..backend.core.errors import SoundError
from ..backend.core.puppet.flip_book import FlipBook
from ..backend.core.puppet.head_glb import changes
from ..backend.core.puppet.head_motion import HeadMotion
from ..backend.core.timebase import s_to_frame
from ..jobs.head import PACKED, HeadClip
from . import actions
from .bake import LAST_FRAME, Placement, place_sound, scene_fps
from .character import HEAD_FACTS
from .demo_head import METRES_FROM_CM, in_blender
from .head_material import make_material

FLIP_BOOK = "Flip-book"
"""Name of the modifier that moves the UVs from tile to tile; the solid view, EEVEE and Cycles all follow it."""


@dataclass(frozen=True)
class HeadLook:
    """How a head is to look."""

    lit: bool = False
    """Whether the scene's lights fall on it."""
    texture: str = PACKED
    location: tuple[float, float, float] = (0.0, 0.0, 0.0)
    jpeg: bool = False
    """Whether a packed texture is JPEG instead of PNG."""
    leafs: bool = True
    """Whether a packed flip-book is leafed through by a modifier."""


@dataclass(frozen=True)
class HeadReport:
    """What was made, for people."""

    thing: bpy.types.Object
    shapes: int
    max_mm: float
    mean_mm: float
    frames: tuple[int, int]
    notes: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """All of it in a line."""
        text = f"{facts_line(self.shapes, self.max_mm, self.mean_mm)}; frames {self.frames[0]} to {self.frames[1]}"
        return "; ".join([text, *self.notes])


def facts_line(shapes: int, max_mm: float, mean_mm: float) -> str:
    """Return how a clip was kept, in words."""
    return f"{shapes} shapes, off by at most {max_mm:.2f} mm ({mean_mm:.3f} mm on average)"


def add_talking_head(scene: bpy.types.Scene, clip: HeadClip, placement: Placement, look: HeadLook) -> HeadReport:
    """Add the head to a scene, animated.

    Raises:
        SoundError: the sound's strip plays none of it, or Blender cannot open the sound; nothing is changed then.
    """
    every = s_to_frame(clip.times_s, scene_fps(scene), placement.start_frame)
    kept = _kept(every, placement)
    frames = every[kept]
    first, last = int(np.ceil(frames[0] - 1e-3)), int(np.floor(frames[-1] + 1e-3))
    name = f"Talking head {placement.sound.stem}"[:60]
    with ExitStack() as undo:
        thing = _object(name, clip, look, undo)
        material = make_material(thing.name, clip, lit=look.lit, jpeg=look.jpeg, first_frame=round(every[0]), undo=undo)
        thing.data.materials.append(material)
        scene.collection.objects.link(thing)
        _key_shapes(thing, clip, kept, frames, undo)
        undo.callback(_drop_action, thing)
        if clip.motion is not None:
            _key_motion(thing, clip.motion, kept, frames)
        if clip.book is not None and look.texture == PACKED and look.leafs:
            _leaf_through(thing, clip.book, every)
        notes = list(clip.notes)
        if placement.add_strip:
            notes += place_sound(scene, placement, thing.name, None, undo)
        if placement.set_range and last > 0:
            scene.frame_start, scene.frame_end = max(0, first), last
        undo.pop_all()
    shapes = clip.shapes
    facts = len(shapes.shapes_cm), shapes.max_mm, shapes.mean_mm
    thing[HEAD_FACTS] = facts_line(*facts)
    return HeadReport(thing, *facts, (first, last), tuple(notes))


def _kept(frames: NDArray[np.float64], placement: Placement) -> NDArray[np.bool_]:
    first = -np.inf if placement.first_frame is None else placement.first_frame
    last = LAST_FRAME if placement.last_frame is None else placement.last_frame
    kept = (frames >= first) & (frames <= last)
    if not kept.any():
        raise SoundError(f"{placement.sound}: its strip plays none of it; move the strip's ends")
    return kept


def _object(name: str, clip: HeadClip, look: HeadLook, undo: ExitStack) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(name)
    undo.callback(bpy.data.meshes.remove, mesh)
    head = clip.mesh
    mesh.from_pydata(in_blender(head.vertices_cm, METRES_FROM_CM), [], head.faces.tolist())
    mesh.polygons.foreach_set("use_smooth", np.ones(len(head.faces), bool))
    layer = mesh.uv_layers.new(name="UVMap")
    uv = _on_first_tile(head.uv, clip.book) if clip.book is not None and look.texture == PACKED else head.uv
    layer.data.foreach_set("uv", uv[head.triangles.ravel()].astype(np.float32).ravel())
    mesh.update()
    thing = bpy.data.objects.new(name, mesh)
    undo.callback(bpy.data.objects.remove, thing)
    thing.location = Vector(look.location)
    thing.shape_key_add(name="Basis", from_mix=False)
    for title, shape in zip(clip.shapes.names, clip.shapes.shapes_cm, strict=True):
        block = thing.shape_key_add(name=title, from_mix=False)
        block.data.foreach_set("co", in_blender(head.vertices_cm + head.moved(shape), METRES_FROM_CM).ravel())
        block.value = 0.0
    return thing


def _key_shapes(
    thing: bpy.types.Object, clip: HeadClip, kept: NDArray[np.bool_], frames: NDArray[np.float64], undo: ExitStack
) -> None:
    if not len(clip.shapes.shapes_cm):
        return
    blocks = thing.data.shape_keys.key_blocks[1:]
    weights = clip.shapes.weights[kept]
    values = {
        actions.Curve(f'key_blocks["{block.name}"].value'): weights[:, index] for index, block in enumerate(blocks)
    }
    action = actions.write(thing.data.shape_keys, thing.name, actions.Tracks(frames, values))
    undo.callback(bpy.data.actions.remove, action)


def _on_first_tile(uv: NDArray[np.float32], book: FlipBook) -> NDArray[np.float32]:
    """Return UVs [V, 2] (v upwards) on the tile at the top left of a page."""
    pages = np.array([book.columns, book.rows], np.float32)
    return (uv + np.array([0, book.rows - 1], np.float32)) / pages


def _key_motion(
    thing: bpy.types.Object, motion: HeadMotion, kept: NDArray[np.bool_], frames: NDArray[np.float64]
) -> None:
    """Key how the head turns and moves; canonical y is up, which is z here, and its z points forward, which is -y."""
    thing.rotation_mode = "QUATERNION"
    w, x, y, z = motion.rotation[kept].T
    right, up, forward = motion.shift_cm[kept].T * np.float32(METRES_FROM_CM)
    places = [shift + np.float32(start) for shift, start in zip((right, -forward, up), thing.location, strict=True)]
    values = {actions.Curve("rotation_quaternion", axis): one for axis, one in enumerate((w, x, -z, y))}
    values |= {actions.Curve("location", axis): one for axis, one in enumerate(places)}
    actions.write(thing, f"{thing.name} pose"[:60], actions.Tracks(frames, values))


def _leaf_through(thing: bpy.types.Object, book: FlipBook, frames: NDArray[np.float64]) -> None:
    """Key which tile of the page shows, in steps; frames [T] are those of the clip in the scene."""
    modifier = thing.modifiers.new(FLIP_BOOK, "UV_WARP")
    modifier.uv_layer, modifier.center = thing.data.uv_layers[0].name, (0.0, 0.0)
    at = changes(book)
    offsets = book.offsets()[at] * np.array([1, -1], np.float32)
    path = f'modifiers["{FLIP_BOOK}"].offset'
    values = {actions.Curve(path, axis, FLIP_BOOK): offsets[:, axis] for axis in range(2)}
    before = actions.assignment_of(thing)
    name = f"{thing.name} texture"[:60] if before.action is None else before.action.name
    made = actions.write(thing, name, actions.Tracks(frames[at], values, stepped=True))
    actions.drop_replaced(before, made, name)


def _drop_action(thing: bpy.types.Object) -> None:
    if thing.animation_data is not None and thing.animation_data.action is not None:
        bpy.data.actions.remove(thing.animation_data.action)
