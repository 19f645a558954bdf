# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of the blendshape map format: every problem of a parsed file, told at once.

The same rules stand in `blendshape_maps/schema.json` for editors; here they need no package.
"""

import re
import reprlib
from collections.abc import Container, Iterator, Mapping
from typing import Any, cast

from ..core.blendshapes import ARKIT_INDEX
from .names import spellings, words

FORMAT = "lipsync3d.blendshape_map"
VERSION = 1
REGIONS = ("jaw", "lips", "tongue", "upper_face")
KINDS = ("shape", "bone", "property")
CHOICES = {
    "kind": KINDS, "region": REGIONS, "side": ("left", "right"), "channel": ("location", "rotation"),
    "axis": ("x", "y", "z"), "space": ("bone", "face"),
}  # fmt: skip
"""Fields of a control that hold one of a few words."""
OF_BONES = ("channel", "axis", "space")
MAX_BYTES = 512_000
MAX_CONTROLS = 512
MAX_ALIASES = 64
MAX_IGNORED = 1000
MAX_TEXT = 200
MAX_WEIGHT = 4.0
MAX_GAIN = 4.0
MAX_SHOWN = 40
"""Problems told of one file; a file with more is no map."""

HUGE = 1e30
"""Numbers from here on are no better than infinity (which strict JSON has no word for, but 1e999 is)."""

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_TOP = {
    "format": str, "version": int, "id": str, "title": str, "description": str, "source": str, "controls": list,
    "minimum_controls": int, "priority": int, "cancel": list, "ordered": list, "$schema": str, "needs": list,
    "ignored": list, "exact": bool,
}  # fmt: skip
_TOP_NEEDED = ("format", "version", "id", "title", "controls")
_CONTROL = {
    "kind": str, "name": str, "aliases": list, "side": str, "weights": dict, "region": str, "full": float,
    "signed": bool, "extra": bool, "channel": str, "axis": str, "space": str, "confidence": float, "parts": list,
    "follows": dict, "whole": bool, "gain": float, "limits": list,
}  # fmt: skip
_CONTROL_NEEDED = ("name", "weights", "region")
_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}


def problems_of(data: object) -> list[str]:
    """Return every problem of a parsed map, each naming its place; empty for a good one."""
    if not isinstance(data, dict):
        return ["not an object"]
    top = cast(dict[str, Any], data)
    problems = list(_fields(top, "map", _TOP, _TOP_NEEDED))
    if isinstance(top.get("format"), str) and top["format"] != FORMAT:
        problems.append(f"format is {_shown(top['format'])}, expected {FORMAT!r}")
    if _is(top.get("version"), int) and top["version"] != VERSION:
        problems.append(f"version {_shown(top['version'])} is not known; this release reads version {VERSION}")
    if isinstance(top.get("id"), str) and not _ID.fullmatch(top["id"]):
        problems.append(f"id {_shown(top['id'])}: use 1 to 64 of a-z 0-9 _ -, not beginning with _ or -")
    if _is(top.get("minimum_controls"), int) and not 1 <= top["minimum_controls"] <= MAX_CONTROLS:
        problems.append(f"minimum_controls is {_shown(top['minimum_controls'])}, expected 1 to {MAX_CONTROLS}")
    if isinstance(top.get("controls"), list):
        problems += _controls(top["controls"], exact=top.get("exact") is True)
        entries = cast(list[Any], top["controls"])
        every = [str(entry["name"]) for entry in entries if isinstance(entry, dict) and _named(cast(Any, entry))]
        names = set(every)
        problems += [f"controls: two are called {_shown(name)}" for name in sorted(names) if every.count(name) > 1]
        for field in ("cancel", "ordered"):
            problems += _pairs(top.get(field), field, names)
        problems += [
            f"needs names {_shown(name)}, which is no control here"
            for name in _texts(top.get("needs"))
            if name not in names
        ]
        problems += _leaders(entries, names)
    problems += _names(top.get("ignored"), "map", "ignored", MAX_IGNORED)
    kept = problems[:MAX_SHOWN]
    return kept + [f"and {len(problems) - MAX_SHOWN} more"] * (len(problems) > MAX_SHOWN)


def _controls(entries: list[Any], exact: bool) -> Iterator[str]:
    if not 1 <= len(entries) <= MAX_CONTROLS:
        yield f"controls: {len(entries)} of them, expected 1 to {MAX_CONTROLS}"
        return
    owners: dict[tuple[object, ...], int] = {}
    for index, entry in enumerate(entries):
        place = f"controls[{index}]"
        if not isinstance(entry, dict):
            yield f"{place} is not an object"
            continue
        entry = cast(dict[str, Any], entry)
        if _named(entry):
            place += f" ({_shown(entry['name'])})"
        yield from _control(entry, place)
        what = _driven(entry)
        for spelled in () if exact else sorted(_keys(entry)):
            other = owners.setdefault((spelled, *what), index)
            if other != index:
                yield f"{place}: the spelling {_shown(spelled)} is also that of controls[{other}]"
                break


def _control(entry: Mapping[str, Any], place: str) -> Iterator[str]:
    yield from _fields(entry, place, _CONTROL, _CONTROL_NEEDED)
    for field, known in CHOICES.items():
        if isinstance(entry.get(field), str) and entry[field] not in known:
            yield f"{place}: {field} {_shown(entry[field])} is not one of {', '.join(known)}"
    yield from _bone_fields(entry, place)
    side = entry.get("side")
    if side in ("left", "right") and _named(entry) and words(entry["name"])[-1:] != [side]:
        yield f"{place}: side is {side} but the name does not end in {side.capitalize()}"
    if _is(entry.get("full"), float) and not 1e-3 <= abs(entry["full"]) <= 1e4:
        yield f"{place}: full is {_shown(entry['full'])}, expected 0.001 to 10000 (or that below zero)"
    for field in ("aliases", "parts"):
        yield from _names(entry.get(field), place, field, MAX_ALIASES)
    if isinstance(entry.get("weights"), dict):
        yield from _weights(entry["weights"], place)
    if _is(entry.get("gain"), float) and not 0 <= entry["gain"] <= MAX_GAIN:
        yield f"{place}: gain is {_shown(entry['gain'])}, expected 0 to {MAX_GAIN:g}"
    if isinstance(limits := entry.get("limits"), list) and not _is_range(cast(list[Any], limits)):
        yield f"{place}: limits are {_shown(limits)}, expected two numbers, the lower first"


def _bone_fields(entry: Mapping[str, Any], place: str) -> Iterator[str]:
    is_bone = entry.get("kind") == "bone"
    for field in ("channel", "axis"):
        if is_bone and field not in entry:
            yield f"{place}: {field} is missing, which a bone needs"
    for field in OF_BONES:
        if field in entry and not is_bone:
            yield f"{place}: {field} is only for bones"
    if _is(entry.get("confidence"), float) and not 0 <= entry["confidence"] <= 1:
        yield f"{place}: confidence is {_shown(entry['confidence'])}, expected 0 to 1"


def _names(names: object, place: str, field: str, most: int) -> Iterator[str]:
    if not isinstance(names, list):
        return
    names = cast(list[Any], names)
    if len(names) > most:
        yield f"{place}: {len(names)} {field}, expected at most {most}"
    for name in names[:most]:
        if not isinstance(name, str) or not 1 <= len(name) <= MAX_TEXT:
            yield f"{place}: {field} holds {_shown(name)}, which is not a text of 1 to {MAX_TEXT} characters"


def _leaders(entries: list[Any], names: Container[object]) -> Iterator[str]:
    for index, entry in enumerate(entries):
        follows = entry.get("follows") if isinstance(entry, dict) else None
        if not isinstance(follows, dict):
            continue
        if entry.get("weights"):
            yield f"controls[{index}]: a control that follows others has no weights of its own"
        for name, amount in cast(dict[str, Any], follows).items():
            if name not in names or name == entry.get("name"):
                yield f"controls[{index}]: follows {_shown(name)}, which is no other control here"
            if not _is(amount, float) or not abs(amount) <= MAX_WEIGHT:
                told = f"expected a number within ±{MAX_WEIGHT:g}"
                yield f"controls[{index}]: follows {_shown(name)} by {_shown(amount)}, {told}"


def _weights(weights: Mapping[str, Any], place: str) -> Iterator[str]:
    for name, weight in weights.items():
        if name not in ARKIT_INDEX:
            yield f"{place}: weights name {_shown(name)}, which is no canonical blendshape"
        elif not _is(weight, float) or not abs(weight) <= MAX_WEIGHT:
            yield f"{place}: weight of {name} is {_shown(weight)}, expected a number within ±{MAX_WEIGHT:g}"


def _pairs(pairs: object, field: str, names: Container[object]) -> Iterator[str]:
    if not isinstance(pairs, list):
        return
    seen: set[str] = set()
    for index, pair in enumerate(cast(list[Any], pairs)[:MAX_CONTROLS]):
        good = isinstance(pair, list) and len(pair) == 2 and all(isinstance(name, str) for name in pair)
        if not good or pair[0] == pair[1]:
            yield f"{field}[{index}] is not a pair of two control names"
            continue
        yield from (
            f"{field}[{index}] names {_shown(name)}, which is no control here" for name in pair if name not in names
        )
        yield from (f"{field}[{index}]: {_shown(name)} is in another pair already" for name in pair if name in seen)
        seen |= set(pair)


def _fields(entry: Mapping[str, Any], place: str, known: Mapping[str, type], needed: tuple[str, ...]) -> Iterator[str]:
    for name in needed:
        if name not in entry:
            yield f"{place}: {name} is missing"
    for name, value in entry.items():
        if name not in known:
            yield f"{place}: unknown field {_shown(name)}"
        elif not _is(value, known[name]):
            yield f"{place}: {name} is {_shown(value)}, expected {_WORDS[known[name]]}"
        elif isinstance(value, str) and not (1 <= len(value) <= MAX_TEXT or name in ("description", "source")):
            yield f"{place}: {name} has {len(value)} characters, expected 1 to {MAX_TEXT}"


def _is(value: object, kind: type) -> bool:
    """Return whether a JSON value is of a kind; whole numbers are numbers, true and false are not."""
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and -HUGE < value < HUGE
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))


def _is_range(limits: list[Any]) -> bool:
    return len(limits) == 2 and all(_is(end, float) for end in limits) and limits[0] <= limits[1]


def _named(entry: Mapping[str, Any]) -> bool:
    return isinstance(entry.get("name"), str)


def _texts(names: object) -> list[str]:
    texts = cast(list[Any], names)[:MAX_ALIASES] if isinstance(names, list) else []
    return [name for name in texts if isinstance(name, str)]


def _keys(entry: Mapping[str, Any]) -> set[str]:
    """Return the keys of every spelling of a control, as far as its fields are sound."""
    aliases = _texts(entry.get("aliases"))
    label = entry.get("kind") == "bone" and aliases
    names = [*([] if label else [entry.get("name")]), *aliases, *_texts(entry.get("parts"))]
    side = entry.get("side") if entry.get("side") in ("left", "right") else None
    return {found for name in names if isinstance(name, str) for found in spellings(name[:MAX_TEXT], side)}


def _driven(entry: Mapping[str, Any]) -> tuple[object, ...]:
    """Return what two controls with one spelling must not share: a bone has six channels, anything else one."""
    return tuple(str(entry.get(field)) for field in OF_BONES) if entry.get("kind") == "bone" else ()


def _shown(value: object) -> str:
    """Return a value as text, cut short: a stranger's file must not fill the screen."""
    return reprlib.repr(value)[:60]
