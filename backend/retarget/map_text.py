# SPDX-License-Identifier: GPL-3.0-or-later
"""A blendshape map as the JSON text that `maps.load_map` reads back: what users save and share."""

import json
import math
from typing import Any

from .map_checks import FORMAT, VERSION
from .maps import AXES, BlendshapeMap, Control

_AXIS_NAMES = {axis: name for name, axis in AXES.items()}
_PLAIN = Control("", {}, "")
"""What a control's fields are where the file need not name them."""


def map_text(one: BlendshapeMap, description: str = "") -> str:
    """Return the file's text, one control a line; effects that were measured stay behind, their weights are kept."""
    top: dict[str, Any] = {"format": FORMAT, "version": VERSION, "id": one.id, "title": one.title}
    if description:
        top["description"] = description
    if one.exact:
        top["exact"] = True
    top |= {"minimum_controls": one.minimum_controls, "priority": one.priority}
    for field in ("needs", "ignored", "cancel", "ordered"):
        if value := getattr(one, field, ()):
            top[field] = [list(pair) if isinstance(pair, tuple) else pair for pair in value]
    head = [f"  {json.dumps(name)}: {_line(value)}," for name, value in top.items()]
    controls = ",\n".join(f"    {_line(_entry(control))}" for control in one.controls)
    return "{\n" + "\n".join(head) + f'\n  "controls": [\n{controls}\n  ]\n}}\n'


def _entry(control: Control) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": control.name, "region": control.region}
    entry["weights"] = {name: round(float(weight), 4) for name, weight in control.weights.items()}
    for field in ("kind", "side", "signed", "whole", "extra", "gain", "confidence"):
        if (value := getattr(control, field)) != getattr(_PLAIN, field):
            entry[field] = value
    for field in ("aliases", "parts"):
        if value := getattr(control, field, ()):
            entry[field] = list(value)
    if follows := getattr(control, "follows", {}):
        entry["follows"] = dict(follows)
    if control.bone is not None:
        entry |= {"channel": control.bone.channel, "axis": _AXIS_NAMES[control.bone.axis], "space": control.bone.space}
    turns = control.bone is not None and control.bone.channel == "rotation"
    full = math.degrees(control.full) if turns else control.full
    if turns or full != _PLAIN.full:
        entry["full"] = round(full, 6)
    if control.limits is not None:
        entry["limits"] = [round(math.degrees(end) if turns else end, 6) for end in control.limits]
    return entry


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
