# SPDX-License-Identifier: GPL-3.0-or-later
"""What drives a shape key, and what it has to be set to: simple drivers, turned round.

A driver is simple where it has one variable, which reads a custom property, a bone's or object's location or rotation,
or another shape key, and where the shape only rises or only falls with it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache

import bpy
import numpy as np
from numpy.typing import NDArray

from ..backend.retarget.maps import BoneChannel
from .driver_expression import NotSimpleError, evaluate
from .places import Owner, Place, bone_path

Doubles = NDArray[np.float64]
Law = Callable[[Doubles], Doubles]
"""What a driver gives [N] for its source [N]."""
Table = tuple[tuple[float, ...], tuple[float, ...]]

SAMPLES = 1025
WIDEST = (0.01, 0.1, 1.0, 2.0, 10.0, 100.0)
"""Half widths that are tried for a source without limits."""
PROBES = (-50.0, -1.0, -0.31, 0.0, 0.12, 0.25, 0.5, 0.69, 1.0, 1.7, 50.0)
"""Where a driver's curve is looked at."""
STRAIGHT = 1e-6
"""Change of slope, in parts of the steepest, up to which a table counts as a straight line."""
DEEPEST = 4
"""Drivers of drivers that are followed."""
ENDLESS = 1e5
"""A custom property's limits from here on are none."""
LIMITS = {"LIMIT_LOCATION": "location", "LIMIT_ROTATION": "rotation"}
_NUMBER = re.compile(r"^(?P<path>.*?)\[(?P<index>\d)\]$")
_TRANSFORM = re.compile(r"^(?P<bone>pose\.bones\[.+\]|)\.?(?P<channel>location|rotation_euler)$")


def drivers_of(owner: bpy.types.ID) -> Mapping[str, bpy.types.FCurve]:
    """Return the drivers of a datablock that act, by data path, those of arrays with the index in brackets."""
    data = owner.animation_data
    found: dict[str, bpy.types.FCurve] = {}
    for curve in data.drivers if data is not None else ():
        if curve.mute:
            continue
        found[curve.data_path] = found[f"{curve.data_path}[{curve.array_index}]"] = curve
    return found


def source_of(curve: bpy.types.FCurve, wanted: tuple[float, float], depth: int = 0) -> Place:
    """Return what drives a value, with what it has to be for each value wanted.

    Args:
        curve: the driver.
        wanted: lowest and highest value that is asked of it.
        depth: of the chain so far.

    Raises:
        NotSimpleError: the driver is none that can be turned round; says why.
    """
    driver = curve.driver
    if len(driver.variables) != 1:
        raise NotSimpleError(f"its driver has {len(driver.variables)} variables")
    variable = driver.variables[0]
    place, limits = _read_by(variable)
    table = _table(curve, variable.name, limits, wanted)
    chained = drivers_of(place.owner.find()).get(place.path if place.bone is None else "")
    if chained is None:
        return replace(place, table=table)
    if depth >= DEEPEST:
        raise NotSimpleError("its driver is driven by too long a chain")
    first = source_of(chained, (min(table[1]), max(table[1])), depth + 1)
    assert first.table is not None
    values = np.clip(np.asarray(table[1]), first.table[0][0], first.table[0][-1])
    return replace(first, table=(table[0], tuple(np.interp(values, *first.table).tolist())))


def _read_by(variable: bpy.types.DriverVariable) -> tuple[Place, tuple[float, float] | None]:
    """Return what a variable reads and the range it may take, where there is one."""
    target = variable.targets[0]
    if target.id is None:
        raise NotSimpleError("its driver reads nothing")
    if target.id.id_type not in ("OBJECT", "KEY") or target.id.library is not None or not target.id.is_editable:
        raise NotSimpleError(f"its driver reads {target.id.name!r}, which cannot be keyed here")
    owner = Owner(target.id.id_type, target.id.name)
    if variable.type == "TRANSFORMS":
        return _transform(target, owner)
    if variable.type != "SINGLE_PROP":
        raise NotSimpleError("its driver measures a distance or angle")
    return _property(target.id, owner, target.data_path)


def _transform(target: bpy.types.DriverTarget, owner: Owner) -> tuple[Place, tuple[float, float] | None]:
    kind, _, axis = target.transform_type.partition("_")
    if target.transform_space != "LOCAL_SPACE" or kind not in ("LOC", "ROT") or axis not in ("X", "Y", "Z"):
        raise NotSimpleError("its driver reads a transform that is not local location or rotation")
    channel = BoneChannel("location" if kind == "LOC" else "rotation", "XYZ".index(axis))
    if not target.bone_target:
        path = "location" if kind == "LOC" else "rotation_euler"
        if kind == "ROT" and target.id.rotation_mode in ("QUATERNION", "AXIS_ANGLE"):
            raise NotSimpleError("its driver reads a rotation that is no Euler angle")
        return Place(owner, path, channel.axis), _limited(target.id, channel)
    bone = target.id.pose.bones.get(target.bone_target) if target.id.pose is not None else None
    if bone is None:
        raise NotSimpleError(f"its driver reads the bone {target.bone_target!r}, which is not there")
    return Place(owner, bone_path(bone.name), bone=channel), _limited(bone, channel)


def _property(owner: bpy.types.ID, place: Owner, path: str) -> tuple[Place, tuple[float, float] | None]:
    try:
        value = owner.path_resolve(path)
    except ValueError as error:
        raise NotSimpleError(f"its driver reads {path}, which is not there") from error
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotSimpleError(f"its driver reads {path}, which is no number")
    number = _NUMBER.match(path)
    stem, index = (number["path"], int(number["index"])) if number else (path, 0)
    moved = _TRANSFORM.match(stem) if number else None
    if moved is not None and moved["bone"]:
        bone = owner.path_resolve(moved["bone"])
        channel = BoneChannel("location" if moved["channel"] == "location" else "rotation", index)
        return Place(place, moved["bone"], bone=channel), _limited(bone, channel)
    if owner.id_type == "KEY":
        block = next((one for one in owner.key_blocks if one.path_from_id("value") == path), None)
        return Place(place, path), (block.slider_min, block.slider_max) if block is not None else None
    return Place(place, stem, index), _property_limits(owner, path)


def property_limits(holder: bpy.types.ID | bpy.types.PoseBone, name: str) -> tuple[float, float] | None:
    """Return the limits of a custom property; None where it has none."""
    try:
        told = holder.id_properties_ui(name).as_dict()
    except (TypeError, KeyError):
        return None
    low, high = float(told.get("min", -ENDLESS)), float(told.get("max", ENDLESS))
    return (low, high) if -ENDLESS < low < high < ENDLESS else None


def _property_limits(owner: bpy.types.ID, path: str) -> tuple[float, float] | None:
    """Return the limits of a custom property by its path; None where it has none or is another kind of property."""
    stem, quote, name = path.rpartition('["')
    if not quote or not name.endswith('"]'):
        return None
    holder = owner.path_resolve(stem) if stem else owner
    return property_limits(holder, bpy.utils.unescape_identifier(name[:-2]))


def _limited(holder: bpy.types.Object | bpy.types.PoseBone, channel: BoneChannel) -> tuple[float, float] | None:
    """Return the limits that a constraint sets to a local location or rotation."""
    axis = "xyz"[channel.axis]
    for constraint in holder.constraints:
        if LIMITS.get(constraint.type) == channel.channel and not constraint.mute and constraint.owner_space == "LOCAL":
            uses = ("use_limit_", "use_limit_") if channel.channel == "rotation" else ("use_min_", "use_max_")
            if all(getattr(constraint, use + axis) for use in uses):
                return getattr(constraint, f"min_{axis}"), getattr(constraint, f"max_{axis}")
    return None


def _table(
    curve: bpy.types.FCurve, variable: str, limits: tuple[float, float] | None, wanted: tuple[float, float]
) -> Table:
    """Return what a driver makes of its source, turned round."""
    driver = curve.driver
    expression = driver.expression if driver.type == "SCRIPTED" else variable
    if any(modifier.type != "GENERATOR" or modifier.use_additive for modifier in curve.modifiers):
        raise NotSimpleError("its driver has modifiers")
    if _is_straight(curve):
        return _plain_table(expression, variable, limits, wanted)

    def law(sources: Doubles) -> Doubles:
        return np.array([curve.evaluate(value) for value in evaluate(expression, variable, sources).tolist()])

    return _inverse(law, limits or _unlimited(law, wanted))


def _is_straight(curve: bpy.types.FCurve) -> bool:
    """Return whether a driver's curve hands on what the driver gives, as those do that Blender makes."""
    bare = not len(curve.keyframe_points) and not len(curve.modifiers)
    return bare or all(abs(curve.evaluate(value) - value) <= 1e-5 * max(1.0, abs(value)) for value in PROBES)


@lru_cache(maxsize=2048)
def _plain_table(
    expression: str, variable: str, limits: tuple[float, float] | None, wanted: tuple[float, float]
) -> Table:
    """Return the table of a driver that is its expression alone; kept, since the panel asks after every change."""

    def law(sources: Doubles) -> Doubles:
        return evaluate(expression, variable, sources)

    return _inverse(law, limits or _unlimited(law, wanted))


def _inverse(law: Law, limits: tuple[float, float]) -> Table:
    """Return values, ascending, and for each the source nearest to rest (0) that gives it."""
    sources = _grid(limits)
    values = law(sources)
    steps = np.diff(values)
    if not ((steps >= -1e-9).all() or (steps <= 1e-9).all()):
        raise NotSimpleError("its driver rises and falls with what drives it")
    if np.ptp(values) < 1e-6:
        raise NotSimpleError("its driver does not move it")
    order = np.lexsort((np.abs(sources), np.round(values, 9)))
    _, first = np.unique(np.round(values[order], 9), return_index=True)
    values, sources = values[order[first]], sources[order[first]]
    kept = _corners(values, sources)
    return tuple(values[kept].tolist()), tuple(sources[kept].tolist())


def _corners(values: Doubles, sources: Doubles) -> NDArray[np.bool_]:
    """Return which points of a table [N] say more than the line between their neighbours."""
    slopes = np.diff(sources) / np.diff(values)
    bent = np.abs(np.diff(slopes)) > STRAIGHT * np.abs(slopes).max()
    return np.concatenate([[True], bent, [True]])


def _grid(limits: tuple[float, float]) -> Doubles:
    """Return values within limits, rest among them where it lies there."""
    grid = np.linspace(*limits, SAMPLES)
    return np.union1d(grid, [0.0]) if limits[0] < 0 < limits[1] else grid


def _unlimited(law: Law, wanted: tuple[float, float]) -> tuple[float, float]:
    """Return the narrowest range of a source that gives all values wanted, or else most of them."""
    reached = {width: float(np.ptp(np.clip(law(_grid((-width, width))), *wanted))) for width in WIDEST}
    most = max(reached.values())
    width = next(width for width, part in reached.items() if part >= most - 1e-6)
    return -width, width
