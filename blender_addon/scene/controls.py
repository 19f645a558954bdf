# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a character's objects may be keyed, where, within which limits, and why not the rest."""

from collections.abc import Container
from dataclasses import dataclass, field

import bpy

from ..backend.core.errors import RigError
from .driver_expression import NotSimpleError
from .drivers import drivers_of, property_limits, source_of
from .places import Owner, Place, bone_path, property_path, shape_path

ControlId = tuple[str, str]
"""Kind of a control (`shape`, `bone`, `property`) and its name."""

MOVING = {"ARMATURE", "CHILD_OF", "COPY_LOCATION", "COPY_ROTATION", "COPY_TRANSFORMS", "DAMPED_TRACK", "IK",
          "LOCKED_TRACK", "STRETCH_TO", "TRACK_TO"}  # fmt: skip
"""Constraints that put a bone where they want, whatever keys say."""
LEAST_STEPS = 10
"""Steps of a property of whole numbers from which it moves smoothly enough to be keyed."""
BONE_CHANNELS = ("location", "rotation_euler", "rotation_quaternion", "rotation_axis_angle")


@dataclass(frozen=True)
class Face:
    """One set of shape keys that will be animated."""

    key_name: str
    """Full name of the shape-key datablock; a name survives undo, a reference does not."""
    object_name: str
    """An object that wears it, for messages."""
    shapes: tuple[str, ...]
    """Shape keys that may be moved: by keys of their own, or by what drives them."""
    driven: tuple[str, ...] = ()
    """Shape keys left alone, because drivers own them."""
    muted: tuple[str, ...] = ()
    """Shape keys left alone, because they show nothing."""


@dataclass
class Found:
    """What was found so far."""

    faces: list[Face] = field(default_factory=list)
    rigs: list[str] = field(default_factory=list)
    places: dict[ControlId, list[Place]] = field(default_factory=dict)
    limits: dict[str, tuple[float, float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    """Shape keys that were looked at, since objects share them."""

    def add(self, control: ControlId, place: Place, limits: tuple[float, float] | None = None) -> None:
        """Add a place of a control; its limits are those that suit all its places."""
        places = self.places.setdefault(control, [])
        if place not in places:
            places.append(place)
        if limits is not None:
            low, high = self.limits.get(control[1], limits)
            self.limits[control[1]] = (max(low, limits[0]), min(high, limits[1]))


def key_of(face: Face) -> bpy.types.Key:
    """Return the shape keys of a face.

    Raises:
        RigError: they are gone since the character was looked at.
    """
    key = next((one for one in bpy.data.shape_keys if one.name_full == face.key_name), None)
    if key is None or key.user is None or any(name not in key.key_blocks for name in face.shapes):
        raise RigError(f"the shape keys of {face.object_name!r} changed during the lip-sync; run it again")
    return key


def add_shapes(found: Found, thing: bpy.types.Object, key: bpy.types.Key) -> None:
    """Add the shape keys of a mesh object."""
    reason = _why_not(key)
    if reason is not None:
        found.notes.append(f"{thing.name}: {reason}")
    owner, drivers = Owner("KEY", key.name), drivers_of(key)
    shapes: list[str] = []
    led: list[str] = []
    muted: list[str] = []
    driven: dict[str, str] = {}
    for block in key.key_blocks:
        path, limits = shape_path(block.name), (block.slider_min, block.slider_max)
        if block.name == reference_of(key) or not key.use_relative:
            continue
        if path in drivers:
            try:
                place = source_of(drivers[path], limits)
            except NotSimpleError as error:
                driven[block.name] = str(error)
                continue
            assert place.table is not None
            low, high = place.table[0][0], place.table[0][-1]
            found.add(("shape", block.name), place, (max(low, limits[0]), min(high, limits[1])))
            led.append(block.name)
        elif reason is None and block.mute:
            muted.append(block.name)
        elif reason is None:
            found.add(("shape", block.name), Place(owner, path), limits)
            shapes.append(block.name)
    if shapes or led:
        found.faces.append(Face(key.name_full, thing.name, (*shapes, *led), tuple(driven), tuple(muted)))
    if led:
        found.notes.append(f"{thing.name}: {len(led)} shape keys have drivers; keys go on what drives them")
    if reason is None and driven:
        found.notes.append(
            f"{thing.name}: {len(driven)} shape keys have drivers and are left to them "
            f"({next(iter(driven))}: {next(iter(driven.values()))})"
        )
    if muted:
        found.notes.append(f"{thing.name}: {len(muted)} shape keys are muted and stay so")
    if (shapes or led) and thing.show_only_shape_key:
        found.notes.append(f"{thing.name}: it shows one shape key alone; unpin it to see the others move")


def add_controls(found: Found, thing: bpy.types.Object) -> None:
    """Add an object's custom properties, and an armature's bones with theirs."""
    if thing.library is not None or not thing.is_editable:
        if thing.type == "ARMATURE":
            found.notes.append(
                f"{thing.name}: it is linked, so its bones cannot be keyed; make a library override of it"
            )
        return
    owner, drivers = Owner("OBJECT", thing.name), set(drivers_of(thing))
    _add_properties(found, thing, Place(owner, ""), drivers)
    if thing.pose is None:
        return
    if (reason := _stopped(thing.animation_data)) is not None:
        found.notes.append(f"{thing.name}: {reason}")
        return
    found.rigs.append(thing.name)
    for bone in thing.pose.bones:
        path = bone_path(bone.name)
        _add_properties(found, bone, Place(owner, path), drivers)
        held = any(one.type in MOVING and not one.mute and one.influence > 0 for one in bone.constraints)
        if not held and not any(f"{path}.{channel}" in drivers for channel in BONE_CHANNELS):
            found.add(("bone", bone.name), Place(owner, path))


def reference_of(key: bpy.types.Key) -> str:
    """Return the name of the shape key that the others start from."""
    return key.reference_key.name if key.reference_key is not None else ""


def _add_properties(
    found: Found, holder: bpy.types.Object | bpy.types.PoseBone, where: Place, drivers: Container[str]
) -> None:
    """Add the custom properties of an object or bone that hold a number."""
    for name in holder.keys():  # noqa: SIM118  Blender's objects are no dictionaries
        value = holder[name]
        path = where.path + property_path(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or path in drivers:
            continue
        limits = property_limits(holder, name)
        if isinstance(value, int) and (limits is None or limits[1] - limits[0] < LEAST_STEPS):
            continue
        shaped = ("shape", name) in found.places
        found.add(("property", name), Place(where.owner, path), None if shaped else limits)


def _why_not(key: bpy.types.Key) -> str | None:
    """Return why a set of shape keys cannot be keyed; None where it can."""
    if key.library is not None:
        return f"its mesh is linked from {key.library.filepath}; make a library override of the mesh, or append it"
    if not key.is_editable:
        return "its shape keys cannot be edited; make the mesh local, or a library override that may be edited"
    if not key.use_relative:
        return "its shape keys are absolute; switch on Relative in the mesh's Shape Keys panel"
    return _stopped(key.animation_data)


def _stopped(data: bpy.types.AnimData | None) -> str | None:
    """Return why keys would not play; None where they would."""
    if data is not None and data.use_tweak_mode:
        return "an NLA strip of it is being edited; leave tweak mode (Tab in the NLA editor)"
    if data is not None and (data.action_influence == 0.0 or any(track.is_solo for track in data.nla_tracks)):
        return "its Action does not play; in the NLA editor, raise its influence and switch off the solo of tracks"
    return None
