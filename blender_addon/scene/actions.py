# SPDX-License-Identifier: GPL-3.0-or-later
"""The one module that makes Actions and writes keys: slots and channel bags where they exist (4.4 and newer).

An Action that is there is never changed: the new one starts as a copy of it, takes the lip-sync's keys over the
clip's range, and takes its place; the old one stays in the file with a fake user. Only an earlier take that nobody
has touched since goes. Or, where a track of the NLA is asked for, what plays stays and the new Action lies in a track.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import bpy
import numpy as np
from numpy.typing import NDArray

from . import keys

MARK = "lipsync3d"
"""Custom property of an Action that a lip-sync made: what its keys were then."""

TRACK = "Lip-sync"
"""Name of the NLA tracks that are made here."""

Animated = bpy.types.Key | bpy.types.Object
"""What can be given an Action here."""


@dataclass(frozen=True, order=True)
class Curve:
    """One number of a datablock that can be keyed."""

    path: str
    """Data path from the datablock."""
    index: int = 0
    """Of an array; 0 for a plain number."""
    group: str = ""
    """Under which name Blender's editors show it: the bone of a bone's channel."""


@dataclass(frozen=True)
class Tracks:
    """Keys to write."""

    frames: NDArray[np.float64]
    """[T] scene frames, ascending."""
    values: Mapping[Curve, NDArray[np.float32]]
    """[T] each."""
    still: frozenset[Curve] = frozenset()
    """What stays at rest: it gets keys only where keys of an earlier take lie."""
    stepped: bool = False
    """Whether new curves hold each value until the next key."""
    instead: tuple[float, float] | None = None
    """First and last frame of an earlier take whose keys go too."""


@dataclass(frozen=True)
class Assignment:
    """What plays on a datablock, to be put back if the lip-sync is given up."""

    had_animation: bool
    action: bpy.types.Action | None
    slot: object | None
    had_fake_user: bool


def assignment_of(owner: Animated) -> Assignment:
    """Return what plays now."""
    data = owner.animation_data
    action = data.action if data is not None else None
    slot = getattr(data, "action_slot", None) if action is not None else None
    return Assignment(data is not None, action, slot, action is not None and action.use_fake_user)


def write(owner: Animated, name: str, tracks: Tracks) -> bpy.types.Action:
    """Give a datablock a new Action with these keys and return it.

    Other curves of the Action that played before are carried over, and so are its keys outside the range of frames.
    """
    data = owner.animation_data or owner.animation_data_create()
    before = assignment_of(owner)
    if before.action is None:
        action = bpy.data.actions.new(name)
        _assign(data, action, _new_slot(action, owner))
    else:
        action = before.action.copy()
        action.name = name
        before.action.use_fake_user = before.had_fake_user or _worth_keeping(before.action, owner)
        _assign(data, action, _same_slot(action, before.slot))
    action.use_fake_user = False
    _write_curves(_bag_of(owner), tracks)
    action[MARK] = keys.digest(curves_of(owner))
    return action


def write_track(owner: Animated, name: str, tracks: Tracks) -> bpy.types.Action:
    """Lay a new Action with these keys into a new NLA track above the others, and return it; what plays stays."""
    data = owner.animation_data or owner.animation_data_create()
    before = assignment_of(owner)
    action = bpy.data.actions.new(name)
    slot = _new_slot(action, owner)
    _assign(data, action, slot)
    _write_curves(_bag_of(owner), tracks)
    action[MARK] = keys.digest(curves_of(owner))
    _assign(data, before.action, before.slot)
    track = data.nla_tracks.new()
    track.name = TRACK
    strip = track.strips.new(name, int(tracks.frames[0]), action)
    if slot is not None:
        strip.action_slot = slot
    strip.extrapolation, strip.blend_type = "NOTHING", "REPLACE"
    return action


def drop_earlier_tracks(owner: Animated, newest: bpy.types.Action) -> list[str]:
    """Remove the tracks of earlier takes that nobody has touched; return the names of the touched ones, now muted."""
    tracks, kept = owner.animation_data.nla_tracks, []
    for track in [one for one in tracks if one.name.startswith(TRACK) and len(one.strips) == 1]:
        strip = track.strips[0]
        action = strip.action
        if action is None or action == newest or MARK not in action:
            continue
        bag = _bag_in(action, getattr(strip, "action_slot", None))
        if action.library is None and action[MARK] == keys.digest(bag.fcurves):
            tracks.remove(track)
            if not action.users:
                bpy.data.actions.remove(action)
        elif not track.mute:
            track.mute = True
            kept.append(action.name)
    return kept


def plays_over_tracks(owner: Animated, wanted: Iterable[Curve]) -> bool:
    """Return whether the Action that plays keys any of these too: it lies above every NLA track."""
    data = owner.animation_data
    if data is None or data.action is None or data.action_influence == 0.0:
        return False
    if getattr(data, "action_slot", data.action) is None:
        return False
    curves = _bag_of(owner).fcurves
    return any(curves.find(curve.path, index=curve.index) is not None for curve in wanted)


def drop_replaced(before: Assignment, action: bpy.types.Action, name: str) -> bool:
    """Remove what played before, where it was an untouched take that nothing uses, and return whether it went."""
    if before.action is None or before.action.library is not None or before.action.users:
        return False
    bpy.data.actions.remove(before.action)
    action.name = name
    return True


def restore(owner: Animated, before: Assignment) -> None:
    """Put back what played, and remove the Action that was to take its place."""
    data = owner.animation_data
    if data is None:
        return
    made = data.action
    if before.had_animation:
        _assign(data, before.action, before.slot)
        if before.action is not None:
            before.action.use_fake_user = before.had_fake_user
    else:
        owner.animation_data_clear()
    if made is not None and made != before.action:
        bpy.data.actions.remove(made)


def restore_tracks(owner: Animated, before: Assignment, action: bpy.types.Action) -> None:
    """Remove an Action that `write_track` made, with its track."""
    for track in list(owner.animation_data.nla_tracks):
        if any(strip.action == action for strip in track.strips):
            owner.animation_data.nla_tracks.remove(track)
    bpy.data.actions.remove(action)
    if not before.had_animation:
        owner.animation_data_clear()


def curves_of(owner: Animated) -> bpy.types.bpy_prop_collection:
    """Return the curves that play on a datablock, which has an Action; they are made ready to take new ones."""
    return _bag_of(owner).fcurves


def every_curve(action: bpy.types.Action) -> list[bpy.types.FCurve]:
    """Return the curves of all slots of an Action."""
    if not hasattr(action, "layers"):
        return list(action.fcurves)
    strips = [strip for layer in action.layers for strip in layer.strips]
    return [curve for strip in strips for bag in strip.channelbags for curve in bag.fcurves]


def _bag_of(owner: Animated) -> bpy.types.Action:
    data = owner.animation_data
    return _bag_in(data.action, getattr(data, "action_slot", None))


def _bag_in(action: bpy.types.Action, slot: object | None) -> bpy.types.Action:
    """Return what holds the curves of a slot: its channel bag, which is made where there is none, or the Action."""
    if not hasattr(action, "slots"):
        return action
    layer = action.layers[0] if len(action.layers) else action.layers.new("Lip-sync")
    strip = layer.strips[0] if len(layer.strips) else layer.strips.new(type="KEYFRAME")
    return strip.channelbag(slot, ensure=True)


def _worth_keeping(action: bpy.types.Action, owner: Animated) -> bool:
    """Return whether an Action of this file holds anything but a lip-sync's own keys; asked while it plays."""
    if action.library is not None:
        return False
    unslotted = getattr(owner.animation_data, "action_slot", action) is None
    return MARK not in action or unslotted or action[MARK] != keys.digest(curves_of(owner))


def _new_slot(action: bpy.types.Action, owner: Animated) -> object | None:
    if hasattr(action, "slots"):
        return action.slots.new(owner.id_type, owner.name)
    action.id_root = owner.id_type
    return None


def _same_slot(copied: bpy.types.Action, slot: object | None) -> object | None:
    return next((one for one in copied.slots if one.handle == slot.handle), None) if slot is not None else None


def _assign(data: bpy.types.AnimData, action: bpy.types.Action | None, slot: object | None) -> None:
    data.action = action
    if action is None or not hasattr(action, "slots"):
        return
    data.action_slot = slot if slot is not None else _new_slot(action, data.id_data)


def _write_curves(bag: bpy.types.Action, tracks: Tracks) -> None:
    """Write into an Action, or the channel bag that does for one; both hold curves and groups."""
    for where, values in tracks.values.items():
        curve = bag.fcurves.find(where.path, index=where.index)
        if curve is None and where in tracks.still:
            continue
        if curve is None:
            curve = bag.fcurves.new(where.path, index=where.index)
            if where.group:
                curve.group = bag.groups.get(where.group) or bag.groups.new(where.group)
            keys.write(curve, tracks.frames, values, keys.CONSTANT if tracks.stepped else keys.LINEAR)
        else:
            keys.replace(curve, tracks.frames, values, tracks.instead)
