# SPDX-License-Identifier: GPL-3.0-or-later
"""Shapes that hang on one slider: they move together, or to either side of its rest, so they are solved as such."""

from dataclasses import dataclass, replace

import numpy as np

from ..backend.core.types import Floats
from ..backend.retarget.detect import MapMatch, MatchedControl
from ..backend.retarget.effects import effects_cm
from .character import Character
from .places import Place

TOGETHER = 0.05
"""Part of fully on from which a shape moves along with another one's slider."""

Source = tuple[object, ...]


@dataclass(frozen=True)
class Fit:
    """How a character fits a map, with what people should know of it."""

    match: MapMatch
    notes: tuple[str, ...] = ()


def with_shared_sources(character: Character, match: MapMatch) -> Fit:
    """Return the match with each slider as one control, however many shapes hang on it.

    Shapes that rise together become one control with the sum of their effects; shapes on either side of the slider's
    rest become a pair of which one is on at a time. Where the map knows the slider itself, the shapes on it are left
    out.
    """
    direct = {
        _source(place, matched)
        for matched in match.controls
        for place in _places(character, matched)
        if place.table is None
    }
    groups: dict[Source, list[tuple[MatchedControl, Place]]] = {}
    kept: list[MatchedControl] = []
    doubled: list[str] = []
    for matched in match.controls:
        place = next((one for one in _places(character, matched) if one.table is not None), None)
        if place is None:
            kept.append(matched)
        elif _source(place, matched) in direct:
            doubled.append(matched.names[0])
        else:
            groups.setdefault(_source(place, matched), []).append((matched, place))
    cancel = list(match.map.cancel)
    notes = [f"{', '.join(doubled)}: left to what the map moves them by"] if doubled else []
    for members in groups.values():
        controls, pairs = _as_controls(members)
        kept += controls
        cancel += [pair for pair in pairs if pair not in cancel]
        if len(controls) < len(members):
            names = ", ".join(matched.names[0] for matched, _ in members)
            notes.append(f"{names} hang on one slider and move together")
    order = {matched.control.name: place for place, matched in enumerate(match.controls)}
    kept.sort(key=lambda matched: order[matched.control.name])
    changed = replace(match, controls=tuple(kept), map=replace(match.map, cancel=tuple(cancel)))
    return Fit(changed, tuple(notes))


def _as_controls(
    members: list[tuple[MatchedControl, Place]],
) -> tuple[list[MatchedControl], list[tuple[str, str]]]:
    """Return the controls that the shapes of one slider amount to, and the pairs of them that exclude each other."""
    controls: list[MatchedControl] = []
    left = list(members)
    while left:
        first, place = left[0]
        amounts = [_along(place, first, other, its) for other, its in left]
        together = [(other, amount) for (other, _), amount in zip(left, amounts, strict=True) if amount > TOGETHER]
        controls.append(_summed(first, together) if len(together) > 1 else first)
        left = [pair for pair, amount in zip(left, amounts, strict=True) if amount <= TOGETHER and pair[0] is not first]
    names = [matched.control.name for matched in controls]
    return controls, [(a, b) for index, b in enumerate(names) for a in names[:index]]


def _along(place: Place, first: MatchedControl, other: MatchedControl, its: Place) -> float:
    """Return how far another shape on the same slider is on, in parts, where the first one is fully on."""
    assert place.table is not None and its.table is not None
    slider = float(np.interp(first.control.full, *place.table))
    values, sliders = (np.array(column) for column in its.table)
    order = np.argsort(sliders)
    return float(np.interp(slider, sliders[order], values[order])) / other.control.full


def _summed(first: MatchedControl, together: list[tuple[MatchedControl, float]]) -> MatchedControl:
    weights: dict[str, float] = {}
    effect: Floats | None = None
    for matched, amount in together:
        for name, weight in matched.control.weights.items():
            weights[name] = weights.get(name, 0.0) + amount * weight
        if matched.control.effect_cm is not None:
            part = np.float32(amount) * effects_cm([matched.control])[0]
            effect = part if effect is None else effect + part
    return replace(first, control=replace(first.control, weights=weights, effect_cm=effect))


def owners_of(character: Character, matched: MatchedControl) -> list[str]:
    """Return the names of the objects that get keys for a control."""
    worn = {face.key_name: face.object_name for face in character.faces}
    owners = [place.owner for place in _places(character, matched)]
    return [worn.get(owner.name, owner.name) if owner.kind == "KEY" else owner.name for owner in owners]


def _places(character: Character, matched: MatchedControl) -> list[Place]:
    return [place for name in matched.names for place in character.places.get((matched.control.kind, name), ())]


def _source(place: Place, matched: MatchedControl) -> Source:
    return place.owner, place.path, place.index, place.bone or matched.control.bone
