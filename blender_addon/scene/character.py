# SPDX-License-Identifier: GPL-3.0-or-later
"""Which meshes of the scene make a character, and which of their shape keys are free to be keyed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import bpy

from ..backend.core.errors import RigError


@dataclass(frozen=True)
class Face:
    """One set of shape keys that will be animated."""

    key_name: str
    """Name of the shape-key datablock; a name survives undo, a reference does not."""
    object_name: str
    """An object that wears it, for messages."""
    shapes: tuple[str, ...]
    """Shape keys that may be keyed."""
    driven: tuple[str, ...]
    """Shape keys left alone, because drivers own them."""
    muted: tuple[str, ...] = ()
    """Shape keys left alone, because they show nothing."""


@dataclass(frozen=True)
class Character:
    """What the lip-sync will move."""

    title: str
    faces: tuple[Face, ...]
    limits: dict[str, tuple[float, float]]
    """Lowest and highest value by shape name, within every mesh's sliders."""
    notes: tuple[str, ...]
    """What is left out and why."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every shape name, once."""
        return tuple(dict.fromkeys(name for face in self.faces for name in face.shapes))


def selected_character(context: bpy.types.Context) -> Character:
    """Return the character that is active in the window.

    An armature or empty stands for all of its meshes; a mesh for those of its character that share its shapes; a mesh
    without shapes for all of its character's meshes.

    Raises:
        RigError: nothing is selected, or nothing of it can be keyed.
    """
    active = context.object
    if active is None or not active.select_get():
        raise RigError("nothing is selected; select the character's mesh or armature")
    return character_of(active, context.scene, context.selected_objects)


def character_of(
    chosen: bpy.types.Object, scene: bpy.types.Scene, selected: Sequence[bpy.types.Object] = ()
) -> Character:
    """Return the character that an object stands for; other selected meshes with its shapes belong to it.

    Raises:
        RigError: nothing of it can be keyed.
    """
    family = _family(chosen, scene)
    meshes = [thing for thing in family if _keys(thing) is not None]
    own = _keys(chosen)
    if own is not None:
        shapes = set(own.key_blocks.keys()) - {_reference(own)}
        others = [thing for thing in [*meshes, *selected] if thing != chosen and _shares(thing, shapes)]
        meshes = [chosen, *others]
    if not meshes:
        raise RigError(
            f"{chosen.name!r} has no shape keys, so nothing can move its mouth; select a face with shape keys, "
            "or give it ARKit or viseme shape keys"
        )
    return _character(chosen.name, meshes)


def characters(scene: bpy.types.Scene) -> list[Character]:
    """Return every character of a scene that has shape keys free to be keyed."""
    families: dict[bpy.types.Object, list[bpy.types.Object]] = {}
    for thing in scene.objects:
        if _keys(thing) is not None:
            families.setdefault(_head_of_family(thing), []).append(thing)
    found = []
    for head, meshes in families.items():
        try:
            found.append(_character(head.name, meshes))
        except RigError:
            if len(families) == 1:
                raise
    return found


def key_of(face: Face) -> bpy.types.Key:
    """Return the shape keys of a face.

    Raises:
        RigError: they are gone since the character was looked at.
    """
    key = bpy.data.shape_keys.get((face.key_name, None))
    if key is None or key.user is None or any(name not in key.key_blocks for name in face.shapes):
        raise RigError(f"the shape keys of {face.object_name!r} changed during the lip-sync; run it again")
    return key


def _character(title: str, meshes: Iterable[bpy.types.Object]) -> Character:
    faces: dict[str, Face] = {}
    limits: dict[str, tuple[float, float]] = {}
    notes: list[str] = []
    for thing in meshes:
        key = _keys(thing)
        assert key is not None
        if key.name_full in faces:
            continue
        if (reason := _why_not(key)) is not None:
            notes.append(f"{thing.name}: {reason}")
            continue
        face = _face(thing, key)
        if face.driven:
            notes.append(f"{thing.name}: {len(face.driven)} shape keys have drivers and are left to them")
        if face.muted:
            notes.append(f"{thing.name}: {len(face.muted)} shape keys are muted and stay so")
        if face.shapes and thing.show_only_shape_key:
            notes.append(f"{thing.name}: it shows one shape key alone; unpin it to see the others move")
        if face.shapes:
            faces[key.name_full] = face
        for name in face.shapes:
            block = key.key_blocks[name]
            low, high = limits.get(name, (block.slider_min, block.slider_max))
            limits[name] = (max(low, block.slider_min), min(high, block.slider_max))
    if not faces:
        raise RigError(f"nothing of {title!r} can be keyed: {'; '.join(notes) or 'its meshes have no shape keys'}")
    return Character(title, tuple(faces.values()), limits, tuple(notes))


def _face(thing: bpy.types.Object, key: bpy.types.Key) -> Face:
    names = [block.name for block in key.key_blocks if block.name != _reference(key)]
    drivers = key.animation_data.drivers if key.animation_data else ()
    paths = {driver.data_path for driver in drivers}
    driven = tuple(name for name in names if key.key_blocks[name].path_from_id("value") in paths)
    muted = tuple(name for name in names if key.key_blocks[name].mute and name not in driven)
    free = tuple(name for name in names if name not in (*driven, *muted))
    return Face(key.name, thing.name, free, driven, muted)


def _why_not(key: bpy.types.Key) -> str | None:
    """Return why a set of shape keys cannot be keyed; None where it can."""
    if key.library is not None:
        return f"its mesh is linked from {key.library.filepath}; make a library override of the mesh, or append it"
    if not key.is_editable:
        return "its shape keys cannot be edited; make the mesh local, or a library override that may be edited"
    if not key.use_relative:
        return "its shape keys are absolute; switch on Relative in the mesh's Shape Keys panel"
    data = key.animation_data
    if data is not None and data.use_tweak_mode:
        return "an NLA strip of its shape keys is being edited; leave tweak mode (Tab in the NLA editor)"
    if data is not None and (data.action_influence == 0.0 or any(track.is_solo for track in data.nla_tracks)):
        return "its Action does not play; in the NLA editor, raise its influence and switch off the solo of tracks"
    return None


def _family(chosen: bpy.types.Object, scene: bpy.types.Scene) -> list[bpy.types.Object]:
    head = _head_of_family(chosen)
    return [thing for thing in scene.objects if _head_of_family(thing) == head]


def _head_of_family(thing: bpy.types.Object) -> bpy.types.Object:
    """Return what holds a character together: its armature, else its topmost parent, else the object itself."""
    if thing.type == "ARMATURE":
        return thing
    for modifier in thing.modifiers:
        if modifier.type == "ARMATURE" and modifier.object is not None:
            return modifier.object
    while thing.parent is not None:
        thing = thing.parent
        if thing.type == "ARMATURE":
            break
    return thing


def _keys(thing: bpy.types.Object) -> bpy.types.Key | None:
    key = thing.data.shape_keys if isinstance(thing.data, bpy.types.Mesh) else None
    return key if key is not None and len(key.key_blocks) > 1 else None


def _shares(thing: bpy.types.Object, shapes: set[str]) -> bool:
    key = _keys(thing)
    return key is not None and not shapes.isdisjoint(set(key.key_blocks.keys()) - {_reference(key)})


def _reference(key: bpy.types.Key) -> str:
    return key.reference_key.name if key.reference_key is not None else ""
