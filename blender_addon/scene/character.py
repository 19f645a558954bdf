# SPDX-License-Identifier: GPL-3.0-or-later
"""Which objects of the scene make a character, and all that may be keyed of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import bpy

from ..backend.core.errors import RigError
from ..backend.retarget.detect import RigNames
from .controls import ControlId, Face, Found, add_controls, add_shapes, reference_of
from .places import Place

HEAD_FACTS = "lipsync3d_head"
"""Custom property of a talking head's object: how its clip was kept, for the panel."""


@dataclass(frozen=True)
class Character:
    """What the lip-sync will move."""

    title: str
    faces: tuple[Face, ...]
    limits: dict[str, tuple[float, float]]
    """Lowest and highest value by name of a shape or property, within every mesh's sliders."""
    notes: tuple[str, ...]
    """What is left out and why."""
    places: Mapping[ControlId, tuple[Place, ...]] = field(default_factory=dict)
    """Where each control is keyed."""
    rigs: tuple[str, ...] = ()
    """Armatures whose bones may be keyed."""
    head: str = ""
    """Name of the object that holds it together, whichever of its parts is selected."""

    @property
    def names(self) -> RigNames:
        """Every name, once."""
        shapes, bones, properties = (
            tuple(name for other, name in self.places if other == kind) for kind in ("shape", "bone", "property")
        )
        return RigNames(shapes, bones, properties)

    @property
    def worn(self) -> tuple[str, ...]:
        """The objects that shape keys are keyed on, for messages."""
        return tuple(face.object_name for face in self.faces)


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
    family = family_of(chosen, scene)
    meshes = [thing for thing in family if _keys(thing) is not None]
    own = _keys(chosen)
    if own is not None:
        shapes = set(own.key_blocks.keys()) - {reference_of(own)}
        others = [thing for thing in [*meshes, *selected] if thing != chosen and _shares(thing, shapes)]
        meshes = [chosen, *others]
    return _character(chosen.name, _head_of_family(chosen).name, meshes, family)


def characters(scene: bpy.types.Scene) -> list[Character]:
    """Return every character of a scene that has something that could be keyed."""
    families: dict[bpy.types.Object, list[bpy.types.Object]] = {}
    for thing in scene.objects:
        if isinstance(thing.data, bpy.types.Mesh):
            families.setdefault(_head_of_family(thing), []).append(thing)
    families = {
        head: meshes
        for head, meshes in families.items()
        if head.type == "ARMATURE" or any(_keys(mesh) is not None for mesh in meshes)
    }
    found = []
    for head, meshes in families.items():
        try:
            shaped = [mesh for mesh in meshes if _keys(mesh) is not None]
            found.append(_character(head.name, head.name, shaped, [head, *meshes]))
        except RigError:
            if len(families) == 1:
                raise
    return found


def _character(
    title: str, head: str, meshes: Iterable[bpy.types.Object], family: Iterable[bpy.types.Object]
) -> Character:
    shaped = list(dict.fromkeys(meshes))
    heads = [thing for thing in shaped if HEAD_FACTS in thing]
    if heads and heads == shaped:
        raise RigError(
            f"{title!r} is a talking head, whose shapes are of the sound it was made with; "
            "for another sound, make another: Talking Head from Audio"
        )
    found = Found()
    for thing in shaped:
        if thing in heads:
            continue
        key = _keys(thing)
        assert key is not None
        if key.name_full not in found.seen:
            found.seen.add(key.name_full)
            add_shapes(found, thing, key)
    for thing in dict.fromkeys(family):
        add_controls(found, thing)
    if not found.places:
        if found.notes:
            raise RigError(f"nothing of {title!r} can be keyed: {'; '.join(found.notes)}")
        raise RigError(
            f"{title!r} has no shape keys, so nothing can move its mouth; "
            "select a face with shape keys or a face rig, or give it ARKit or viseme shape keys"
        )
    places = {control: tuple(some) for control, some in found.places.items()}
    told = tuple(found.notes)
    return Character(title, tuple(found.faces), found.limits, told, places, tuple(found.rigs), head)


def family_of(chosen: bpy.types.Object, scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """Return every object of the scene that belongs to the character that one stands for."""
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
    return key is not None and not shapes.isdisjoint(set(key.key_blocks.keys()) - {reference_of(key)})
