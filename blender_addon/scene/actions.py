# SPDX-License-Identifier: GPL-3.0-or-later
"""The one module that makes Actions and writes keys: slots and channel bags where they exist (4.4 and newer).

An Action that is there is never changed: the new one starts as a copy of it, takes the lip-sync's keys over the
clip's range, and takes its place; the old one stays in the file with a fake user. Only an earlier take that nobody
has touched since goes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import bpy
import numpy as np
from numpy.typing import NDArray

LINEAR = 1
"""Blender's number of the interpolation mode, for `foreach_set`."""
KEPT = (("co", 2, np.float32), ("handle_left", 2, np.float32), ("handle_right", 2, np.float32),
        ("interpolation", 1, np.int32), ("handle_left_type", 1, np.int32), ("handle_right_type", 1, np.int32),
        ("easing", 1, np.int32))  # fmt: skip
"""What a key is made of: attribute, width and type of number."""
MARK = "lipsync3d"
"""Custom property of an Action that a lip-sync made: what its keys were then."""

KeyArrays = dict[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Tracks:
    """Keys to write."""

    frames: NDArray[np.float64]
    """[T] scene frames, ascending."""
    values: Mapping[str, NDArray[np.float32]]
    """[T] by shape name."""
    still: frozenset[str] = frozenset()
    """Shapes that stay at rest: they get keys only where keys of an earlier take lie."""


@dataclass(frozen=True)
class Assignment:
    """What plays on some shape keys, to be put back if the lip-sync is given up."""

    had_animation: bool
    action: bpy.types.Action | None
    slot: object | None
    had_fake_user: bool


def assignment_of(key: bpy.types.Key) -> Assignment:
    """Return what plays now."""
    data = key.animation_data
    action = data.action if data is not None else None
    slot = getattr(data, "action_slot", None) if action is not None else None
    return Assignment(data is not None, action, slot, action is not None and action.use_fake_user)


def write(key: bpy.types.Key, name: str, tracks: Tracks) -> bpy.types.Action:
    """Give the shape keys a new Action with these keys and return it.

    Other curves of the Action that played before are carried over, and so are its keys outside the range of frames.
    """
    data = key.animation_data or key.animation_data_create()
    before = assignment_of(key)
    if before.action is None:
        action = bpy.data.actions.new(name)
        _assign(data, action, _new_slot(action, key))
    else:
        action = before.action.copy()
        action.name = name
        before.action.use_fake_user = before.had_fake_user or _worth_keeping(before.action, key)
        _assign(data, action, _same_slot(action, before.slot))
    action.use_fake_user = False
    curves = curves_of(key)
    for shape, values in tracks.values.items():
        path = key.key_blocks[shape].path_from_id("value")
        if shape not in tracks.still or curves.find(path) is not None:
            _write_curve(curves, path, tracks.frames, values)
    action[MARK] = _digest(curves)
    return action


def drop_replaced(before: Assignment, action: bpy.types.Action, name: str) -> bool:
    """Remove what played before, where it was an untouched take that nothing uses, and return whether it went."""
    if before.action is None or before.action.library is not None or before.action.users:
        return False
    bpy.data.actions.remove(before.action)
    action.name = name
    return True


def restore(key: bpy.types.Key, before: Assignment) -> None:
    """Put back what played, and remove the Action that was to take its place."""
    data = key.animation_data
    if data is None:
        return
    made = data.action
    if before.had_animation:
        _assign(data, before.action, before.slot)
        if before.action is not None:
            before.action.use_fake_user = before.had_fake_user
    else:
        key.animation_data_clear()
    if made is not None and made != before.action:
        bpy.data.actions.remove(made)


def curves_of(key: bpy.types.Key) -> bpy.types.bpy_prop_collection:
    """Return the curves that play on some shape keys, which have an Action; they are made ready to take new ones."""
    data = key.animation_data
    action = data.action
    if not hasattr(action, "slots"):
        return action.fcurves
    layer = action.layers[0] if len(action.layers) else action.layers.new("Lip-sync")
    strip = layer.strips[0] if len(layer.strips) else layer.strips.new(type="KEYFRAME")
    return strip.channelbag(data.action_slot, ensure=True).fcurves


def _worth_keeping(action: bpy.types.Action, key: bpy.types.Key) -> bool:
    """Return whether an Action of this file holds anything but a lip-sync's own keys; asked while it plays."""
    if action.library is not None:
        return False
    unslotted = getattr(key.animation_data, "action_slot", action) is None
    return MARK not in action or unslotted or action[MARK] != _digest(curves_of(key))


def _digest(curves: bpy.types.bpy_prop_collection) -> str:
    told = sha256()
    for curve in curves:
        told.update(f"{curve.data_path} {len(curve.modifiers)}".encode())
        for attribute, width, kind in KEPT:
            flat = np.empty(len(curve.keyframe_points) * width, kind)
            curve.keyframe_points.foreach_get(attribute, flat)
            told.update(flat.tobytes())
    return told.hexdigest()


def _new_slot(action: bpy.types.Action, key: bpy.types.Key) -> object | None:
    if hasattr(action, "slots"):
        return action.slots.new("KEY", key.name)
    action.id_root = "KEY"
    return None


def _same_slot(copied: bpy.types.Action, slot: object | None) -> object | None:
    return next((one for one in copied.slots if one.handle == slot.handle), None) if slot is not None else None


def _assign(data: bpy.types.AnimData, action: bpy.types.Action | None, slot: object | None) -> None:
    data.action = action
    if action is None or not hasattr(action, "slots"):
        return
    data.action_slot = slot if slot is not None else _new_slot(action, data.id_data)


def _write_curve(
    curves: bpy.types.bpy_prop_collection, path: str, frames: NDArray[np.float64], values: NDArray[np.float32]
) -> None:
    """Write one curve: the new keys, and before and after them the keys that were there."""
    curve = curves.find(path)
    kept = _outside(curve, frames[0], frames[-1]) if curve is not None else None
    if curve is not None:
        curve.keyframe_points.clear()
        for modifier in list(curve.modifiers):  # cycles or noise would repeat or shake the speech
            curve.modifiers.remove(modifier)
        curve.mute, curve.extrapolation = False, "CONSTANT"  # or it would not play, or run on after the sound
    else:
        curve = curves.new(path)
    points = np.empty((len(frames), 2), np.float32)
    points[:, 0], points[:, 1] = frames, values
    new = _linear(points)
    every = new if kept is None else _merged(kept, new)
    count = len(every["co"])
    curve.keyframe_points.add(count)
    for attribute, array in every.items():
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
