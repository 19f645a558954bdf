# SPDX-License-Identifier: GPL-3.0-or-later
"""GLB files of many lines of one character: the character is exported once, each line adds its own motion.

Blender's exporter spends its time on the mesh and its shapes, which are the same in every line. Only where shape keys
alone are animated; any other character goes through the exporter each time.
"""

import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from ..backend.core.puppet.motion_glb import with_motion
from . import actions, exporting
from .bake import scene_fps

KEPT = 3
"""Characters whose file is kept, the latest."""
PATH = 'key_blocks["{}"].value'
Floats = NDArray[np.float32]


class StillFiles:
    """The exported characters of a Blender process."""

    def __init__(self) -> None:
        self._files: OrderedDict[tuple[str, int], bytes] = OrderedDict()

    def of_scene(self, character: Path) -> bytes | None:
        """Return the open scene as a GLB without motion; None where something in it moves by itself.

        Args:
            character: the file that was just opened.
        """
        if any(_moves(one) for one in _animatable()):
            return None
        key = str(character), character.stat().st_mtime_ns
        if key not in self._files:
            with tempfile.TemporaryDirectory(prefix="lipsync3d-", ignore_cleanup_errors=True) as folder:
                path = Path(folder) / "still.glb"
                exporting.write_outputs({"still": path}, {"still": exporting.export_still_glb})
                self._files[key] = path.read_bytes()
        self._files.move_to_end(key)
        while len(self._files) > KEPT:
            self._files.popitem(last=False)
        return self._files[key]


def only_shapes_move() -> bool:
    """Return whether nothing but shape keys is animated in the open file."""
    return not any(_moves(one) for one in _animatable() if not isinstance(one, bpy.types.Key))


def write_quickly(still: bytes, title: str, path: Path) -> None:
    """Write the open scene, whose motion is of shape keys alone, by its file without motion."""
    scene = bpy.context.scene
    frames = np.arange(scene.frame_start, scene.frame_end + 1)
    tracks: dict[str, dict[str, Floats]] = {}
    for thing in scene.objects:
        key = thing.data.shape_keys if isinstance(thing.data, bpy.types.Mesh) else None
        if key is not None and _moves(key):
            tracks[thing.name] = _weights(key, frames)
    path.write_bytes(with_motion(still, title, (frames - frames[0]) / float(scene_fps(scene)), tracks))


def _weights(key: bpy.types.Key, frames: NDArray[np.int64]) -> dict[str, Floats]:
    curves = {curve.data_path: curve for curve in actions.curves_of(key)}
    found: dict[str, Floats] = {}
    for block in key.key_blocks[1:]:
        curve = curves.get(PATH.format(bpy.utils.escape_identifier(block.name)))
        if curve is not None and not block.mute:
            points = np.empty(2 * len(curve.keyframe_points), np.float32)
            curve.keyframe_points.foreach_get("co", points)
            found[block.name] = np.interp(frames, points[::2], points[1::2]).astype(np.float32)
    return found


def _moves(one: bpy.types.ID) -> bool:
    data = one.animation_data
    return data is not None and (data.action is not None or len(data.drivers) > 0 or len(data.nla_tracks) > 0)


def _animatable() -> Iterator[bpy.types.ID]:
    """Yield everything that may have an animation which the exporter would write."""
    for collection in ("objects", "shape_keys", "armatures", "materials", "cameras", "lights", "meshes", "scenes"):
        yield from getattr(bpy.data, collection)
