# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves all animation of a file in time and back again, for formats that know no first frame."""

from collections.abc import Iterator
from contextlib import contextmanager

import bpy

from . import keys
from .actions import every_curve


@contextmanager
def starting_at_zero(scene: bpy.types.Scene) -> Iterator[None]:
    """Let the scene's first frame be frame 0 for as long as the context lasts; then all is as it was."""
    first = scene.frame_start
    frame = scene.frame_current, scene.frame_subframe
    _move(scene, -first)
    try:
        yield
    finally:
        _move(scene, first)
        scene.frame_set(frame[0], subframe=frame[1])


def _move(scene: bpy.types.Scene, frames: int) -> None:
    """Move every Action's keys, every strip of the NLA and the scene's range by whole frames."""
    if not frames:
        return
    for action in bpy.data.actions:
        if action.library is None:
            for curve in every_curve(action):
                keys.move(curve, frames)
    for owner in _animated():
        for track in owner.animation_data.nla_tracks:
            for strip in track.strips:
                _move_strip(strip, frames)
    # the end first where the range goes up, or Blender would push it ahead of the start
    ends = [("frame_start", scene.frame_start + frames), ("frame_end", scene.frame_end + frames)]
    for name, value in ends if frames < 0 else reversed(ends):
        setattr(scene, name, value)


def _move_strip(strip: bpy.types.NlaStrip, frames: int) -> None:
    bounds = strip.frame_start, strip.frame_end, strip.action_frame_start, strip.action_frame_end
    if strip.action is not None and strip.action.library is None:
        first, last = ("start", "end") if frames < 0 else ("end", "start")
        values = {"start": bounds[2] + frames, "end": bounds[3] + frames}
        for which in (first, last):
            setattr(strip, f"action_frame_{which}", values[which])
    strip.frame_start_raw, strip.frame_end_raw = bounds[0] + frames, bounds[1] + frames


def _animated() -> Iterator[bpy.types.ID]:
    """Yield everything of the file that may have strips, with the node trees inside it."""
    for kind in ("objects", "shape_keys", "armatures", "meshes", "materials", "lights", "cameras", "worlds"):
        for one in getattr(bpy.data, kind):
            for owner in (one, getattr(one, "node_tree", None)):
                if owner is not None and owner.animation_data is not None:
                    yield owner
