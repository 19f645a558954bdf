# SPDX-License-Identifier: GPL-3.0-or-later
"""The map as the user edits it in the panel: filled from what was matched, applied to a bake, saved as a map file."""

import math
import re
from dataclasses import replace

import bpy

from ..backend.core.blendshapes import ARKIT_INDEX
from ..backend.core.errors import RigError
from ..backend.retarget.detect import MapMatch, MatchedControl
from ..backend.retarget.maps import BlendshapeMap, Control
from .character import Character

LONGEST_ID = 50
CHANGED_BY = 1e-6
"""Differences from here on are changes; Blender keeps single precision."""


def fill(editor: bpy.types.PropertyGroup, character: Character, match: MapMatch) -> None:
    """Put every matched control into the editor, as the map has it."""
    editor.is_filling = True
    editor.controls.clear()
    for matched in match.controls:
        entry = editor.controls.add()
        control = matched.control
        entry.name, entry.kind, entry.region = control.name, control.kind, control.region
        entry.keys = ", ".join(matched.names)
        entry.gain, entry.confidence = control.gain, control.confidence
        low, high = control.limits or _usual(control)
        entry.low, entry.high, entry.use_limits = (
            _shown(low, control),
            _shown(high, control),
            control.limits is not None,
        )
        for name, weight in control.weights.items():
            one = entry.weights.add()
            one.name, one.value = name, weight
    editor.character, editor.map_id = character.head, match.map.id
    editor.active = min(editor.active, max(len(editor.controls) - 1, 0))
    editor.is_filling = False


def applies(editor: bpy.types.PropertyGroup, character: Character, match: MapMatch) -> bool:
    """Return whether what is in the editor belongs to this character and this map."""
    return len(editor.controls) > 0 and (editor.character, editor.map_id) == (character.head, match.map.id)


def edited(character: Character, match: MapMatch, editor: bpy.types.PropertyGroup) -> MapMatch:
    """Return the match as the user edited it; as it was where nothing of it is in the editor.

    Raises:
        RigError: every control is muted.
    """
    if not applies(editor, character, match):
        return match
    alone = any(entry.solo for entry in editor.controls)
    entries = {entry.name: entry for entry in editor.controls}
    kept = tuple(
        _edited(matched, entries.get(matched.control.name))
        for matched in match.controls
        if _plays(entries.get(matched.control.name), alone)
    )
    if not kept:
        raise RigError("every control is muted in the map editor, so nothing can move; unmute some")
    return replace(match, controls=kept)


def edited_map(character: Character, match: MapMatch, editor: bpy.types.PropertyGroup, title: str) -> BlendshapeMap:
    """Return the match's map with the edits in it, under a title of its own; muted controls are left out."""
    changed = {matched.control.name: matched.control for matched in edited(character, match, editor).controls}
    matched = {one.control.name for one in match.controls}
    controls = tuple(
        _with_edits(control, changed.get(control.name))
        for control in match.map.controls
        if control.name in changed or control.name not in matched
    )
    names = {control.name for control in controls}
    pairs = {
        field: tuple(pair for pair in getattr(match.map, field) if names.issuperset(pair))
        for field in ("cancel", "ordered")
    }
    needs = tuple(name for name in match.map.needs if name in names)
    least = min(match.map.minimum_controls, max(len(changed), 1))
    return replace(
        match.map, id=slug(title), title=title, controls=controls, needs=needs, minimum_controls=least, **pairs
    )


def slug(title: str) -> str:
    """Return a title as the id of a map may be written."""
    return re.sub(r"[^a-z0-9]+", "-", title.casefold()).strip("-")[:LONGEST_ID] or "map"


def _plays(entry: bpy.types.PropertyGroup | None, alone: bool) -> bool:
    if entry is None:
        return not alone
    return entry.solo if alone else not entry.mute


def _edited(matched: MatchedControl, entry: bpy.types.PropertyGroup | None) -> MatchedControl:
    if entry is None:
        return matched
    control = matched.control
    weights = {one.name: float(one.value) for one in entry.weights if one.name in ARKIT_INDEX and one.value}
    same = weights.keys() == control.weights.keys() and all(
        math.isclose(weights[name], control.weights[name], abs_tol=CHANGED_BY) for name in weights
    )
    limits = (_kept(entry.low, control), _kept(entry.high, control)) if entry.use_limits else None
    changed = replace(control, gain=float(entry.gain), region=entry.region, limits=limits)
    return replace(matched, control=changed if same else replace(changed, weights=weights, effect_cm=None))


def _with_edits(control: Control, changed: Control | None) -> Control:
    """Return a map's control with the edits of what was matched for it; its kind stays the map's own."""
    return control if changed is None else replace(changed, kind=control.kind)


def _usual(control: Control) -> tuple[float, float]:
    low, high = sorted((-control.full if control.signed else 0.0, control.full))
    return low, high


def _shown(value: float, control: Control) -> float:
    return math.degrees(value) if control.channel == "rotation" else value


def _kept(value: float, control: Control) -> float:
    return math.radians(value) if control.channel == "rotation" else float(value)
