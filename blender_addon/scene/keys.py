# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of one curve, written and read in bulk. Knows nothing of Actions."""

from hashlib import sha256

import bpy
import numpy as np
from numpy.typing import NDArray

CONSTANT, LINEAR = 0, 1
"""Blender's numbers of the interpolation modes, for `foreach_set`."""
KEPT = (("co", 2, np.float32), ("handle_left", 2, np.float32), ("handle_right", 2, np.float32),
        ("interpolation", 1, np.int32), ("handle_left_type", 1, np.int32), ("handle_right_type", 1, np.int32),
        ("easing", 1, np.int32))  # fmt: skip
"""What a key is made of: attribute, width and type of number."""
KeyArrays = dict[str, NDArray[np.generic]]


def write(
    curve: bpy.types.FCurve, frames: NDArray[np.float64], values: NDArray[np.float32], mode: int = LINEAR
) -> None:
    """Give a curve without keys linear ones, or steps: frames [T] ascending, values [T]."""
    new = _linear(np.stack([frames, values], axis=1).astype(np.float32))
    new["interpolation"] = np.full(len(frames), mode, np.int32)
    _fill(curve, new)


def replace(
    curve: bpy.types.FCurve,
    frames: NDArray[np.float64],
    values: NDArray[np.float32],
    instead: tuple[float, float] | None = None,
) -> None:
    """Put linear keys in place of a curve's own between the first and the last frame; those outside stay.

    Args:
        curve: to change.
        frames: [T] ascending.
        values: [T]
        instead: first and last frame of a further range whose keys go, which meets the other.
    """
    first, last = instead or (frames[0], frames[-1])
    kept = _outside(curve, min(first, frames[0]), max(last, frames[-1]))
    curve.keyframe_points.clear()
    for modifier in list(curve.modifiers):  # cycles or noise would repeat or shake the speech
        curve.modifiers.remove(modifier)
    curve.mute, curve.extrapolation = False, "CONSTANT"  # or it would not play, or run on after the sound
    new = _linear(np.stack([frames, values], axis=1).astype(np.float32))
    _fill(curve, new if kept is None else _merged(kept, new))


def move(curve: bpy.types.FCurve, frames: int) -> None:
    """Move every key of a curve in time, with its handles."""
    for attribute in ("co", "handle_left", "handle_right"):
        points = np.empty(2 * len(curve.keyframe_points), np.float32)
        curve.keyframe_points.foreach_get(attribute, points)
        points[::2] += frames
        curve.keyframe_points.foreach_set(attribute, points)
    curve.update()


def digest(curves: bpy.types.bpy_prop_collection) -> str:
    """Return what changes with any key of any curve."""
    told = sha256()
    for curve in curves:
        told.update(f"{curve.data_path} {curve.array_index} {len(curve.modifiers)}".encode())
        for attribute, width, kind in KEPT:
            flat = np.empty(len(curve.keyframe_points) * width, kind)
            curve.keyframe_points.foreach_get(attribute, flat)
            told.update(flat.tobytes())
    return told.hexdigest()


def _fill(curve: bpy.types.FCurve, arrays: KeyArrays) -> None:
    curve.keyframe_points.add(len(arrays["co"]))
    for attribute, array in arrays.items():
        curve.keyframe_points.foreach_set(attribute, np.ascontiguousarray(array).ravel())
    curve.update()


def _linear(points: NDArray[np.float32]) -> KeyArrays:
    """Return linear keys at points [T, 2]; handles lie on the line a third of the way, as Blender would put them."""
    thirds = np.diff(points, axis=0) / 3
    left, right = points.copy(), points.copy()
    left[1:] -= thirds
    right[:-1] += thirds
    modes = np.full(len(points), LINEAR, np.int32)
    kinds = np.zeros(len(points), np.int32)
    return {"co": points, "handle_left": left, "handle_right": right, "interpolation": modes,
            "handle_left_type": kinds, "handle_right_type": kinds, "easing": kinds}  # fmt: skip


def _outside(curve: bpy.types.FCurve, first: float, last: float) -> KeyArrays | None:
    """Return the keys before the first and after the last frame; None where there are none."""
    count = len(curve.keyframe_points)
    arrays: KeyArrays = {}
    for attribute, width, kind in KEPT:
        flat = np.empty(count * width, kind)
        curve.keyframe_points.foreach_get(attribute, flat)
        arrays[attribute] = flat.reshape(count, width) if width > 1 else flat
    frames = arrays["co"][:, 0]
    outside = (frames < first) | (frames > last)
    return {name: array[outside] for name, array in arrays.items()} if outside.any() else None


def _merged(kept: KeyArrays, new: KeyArrays) -> KeyArrays:
    order = np.argsort(np.concatenate([kept["co"][:, 0], new["co"][:, 0]]), kind="stable")
    return {name: np.concatenate([kept[name], new[name]])[order] for name in new}
