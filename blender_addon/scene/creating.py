# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives face meshes shape keys to speak with; shape keys that are there are never touched."""

from collections.abc import Sequence
from dataclasses import dataclass

import bpy
import numpy as np
from numpy.typing import NDArray

from ..backend.core.blendshapes import ARKIT_NAMES
from ..backend.core.errors import RigError
from ..backend.fit.head import Facing, find_face, guess_landmarks
from ..backend.fit.surface import Surface
from ..backend.fit.transfer import Transfer, transfer
from ..backend.retarget.maps import load_maps

Doubles = NDArray[np.float64]
ARKIT, VISEMES = "ARKIT", "VISEMES"
SILENCE = "viseme_sil"
MOVES = 1e-5
"""A shape that moves a mesh less than this part of its size gets no key there."""


@dataclass(frozen=True)
class Created:
    """What was made."""

    names: tuple[str, ...]
    """Shape keys, over all meshes."""
    meshes: tuple[str, ...]
    there: tuple[str, ...]
    """Names that were taken already, and left alone."""
    sealed: bool

    @property
    def sentence(self) -> str:
        """All of it in a line."""
        text = f"made {len(self.names)} shape keys on {', '.join(self.meshes)}"
        if self.there:
            text += f"; left {len(self.there)} alone that were there"
        if self.sealed:
            text += "; the lips are one skin, so the mouth cannot open: cut it along the lips"
        return text


@dataclass(frozen=True)
class _Part:
    thing: bpy.types.Object
    vertices: slice
    """Its vertices among all."""


def create(things: Sequence[bpy.types.Object], kind: str, places: dict[str, Doubles] | None = None) -> Created:
    """Make the 52 ARKit shapes or the 15 visemes on the meshes of a face.

    Args:
        things: the face's mesh first, then teeth, tongue, brows and the like.
        kind: `ARKIT` or `VISEMES`.
        places: landmarks [3] in world space; found where none are given.

    Raises:
        RigError: no face is found, or a mesh cannot take shape keys; nothing is changed then.
    """
    for thing in things:
        if (reason := _why_not(thing)) is not None:
            raise RigError(f"{thing.name}: {reason}")
    surface, parts = surface_of(things)
    facing: Facing = find_face(surface, places, own_axes(things[0]))
    made = transfer(facing)
    fields = made.fields if kind == ARKIT else _visemes(made)
    return _write(parts, fields, facing, made)


def guess(things: Sequence[bpy.types.Object]) -> tuple[dict[str, Doubles], bool]:
    """Return a place [3] in world space for each landmark, and whether the face was found."""
    return guess_landmarks(surface_of(things)[0], own_axes(things[0]))


def own_axes(thing: bpy.types.Object) -> Doubles:
    """Return the rotation [3, 3] of an object in the world."""
    return np.asarray(thing.matrix_world.to_quaternion().to_matrix(), np.float64)


def surface_of(things: Sequence[bpy.types.Object]) -> tuple[Surface, list[_Part]]:
    """Return the meshes as they are without modifiers and shape keys, in world space."""
    vertices: list[Doubles] = []
    triangles: list[NDArray[np.int32]] = []
    parts: list[_Part] = []
    count = 0
    for thing in things:
        mesh = thing.data
        mesh.calc_loop_triangles()
        corners = np.empty(3 * len(mesh.loop_triangles), np.int32)
        mesh.loop_triangles.foreach_get("vertices", corners)
        flip = -1 if thing.matrix_world.is_negative else 1
        shown = _shown(thing)[corners.reshape(-1, 3)].all(axis=1)
        triangles.append(corners.reshape(-1, 3)[shown][:, ::flip] + count)
        world = np.asarray(thing.matrix_world, np.float64)
        vertices.append(_rest(mesh) @ world[:3, :3].T + world[:3, 3])
        parts.append(_Part(thing, slice(count, count + len(mesh.vertices))))
        count += len(mesh.vertices)
    return Surface(np.concatenate(vertices), np.concatenate(triangles), np.zeros((0, count, 3))), parts


def _shown(thing: bpy.types.Object) -> NDArray[np.bool_]:
    """Return [N] which vertices are neither hidden nor masked away, as the helpers of MakeHuman's mesh are."""
    mesh = thing.data
    hidden = np.empty(len(mesh.vertices), bool)
    mesh.vertices.foreach_get("hide", hidden)
    shown = ~hidden
    for modifier in thing.modifiers:
        if modifier.type == "MASK" and modifier.show_viewport and modifier.mode == "VERTEX_GROUP":
            group = thing.vertex_groups.get(modifier.vertex_group)
            if group is not None:
                kept = np.array([_weight(vertex, group.index) > modifier.threshold for vertex in mesh.vertices])
                shown &= kept ^ modifier.invert_vertex_group
    return shown


def _weight(vertex: bpy.types.MeshVertex, group: int) -> float:
    return next((one.weight for one in vertex.groups if one.group == group), 0.0)


def _rest(mesh: bpy.types.Mesh) -> NDArray[np.float32]:
    flat = np.empty(3 * len(mesh.vertices), np.float32)
    source = mesh.vertices if mesh.shape_keys is None else mesh.shape_keys.reference_key.data
    source.foreach_get("co", flat)
    return flat.reshape(-1, 3)


def _why_not(thing: bpy.types.Object) -> str | None:
    """Return why a mesh cannot be given shape keys; None where it can."""
    if thing.data.library is not None or not thing.data.is_editable:
        return "its mesh is linked and cannot be edited; make it local first"
    if thing.data.users > 1:
        return f"its mesh is shared by {thing.data.users} objects; make it a single user first (Object > Relations)"
    key = thing.data.shape_keys
    if key is not None and not key.use_relative:
        return "its shape keys are absolute; switch on Relative in the mesh's Shape Keys panel"
    if any(modifier.type == "MIRROR" for modifier in thing.modifiers):
        return "a Mirror modifier makes half of it; apply that modifier first"
    return None


def _visemes(made: Transfer) -> dict[str, Doubles]:
    """Return the 15 visemes as the mixtures of the ARKit shapes that their map says they are."""
    oculus = next(one for one in load_maps() if one.id == "oculus15")
    some = next(iter(made.fields.values()))
    fields: dict[str, Doubles] = {}
    for control in oculus.controls:
        known = [weight * made.fields[name] for name, weight in control.weights.items() if name in made.fields]
        fields[control.name] = sum(known, np.zeros_like(some))
    return fields


def _write(parts: Sequence[_Part], fields: dict[str, Doubles], facing: Facing, made: Transfer) -> Created:
    least = MOVES * float(np.ptp(facing.fit.placed, axis=0).max())
    names: dict[str, None] = {}
    meshes: dict[str, None] = {}
    there: dict[str, None] = {}
    order = [name for name in (*ARKIT_NAMES, *fields) if name in fields]
    for part in parts:
        for name in dict.fromkeys(order):
            field = fields[name][part.vertices]
            if np.abs(field).max(initial=0.0) < least and name != SILENCE:
                continue
            key = part.thing.data.shape_keys
            if key is not None and name in key.key_blocks:
                there[name] = None
                continue
            _add_key(part.thing, name, field)
            names[name] = meshes[part.thing.name] = None
    if not names:
        raise RigError(f"all shape keys are there already ({len(there)}); nothing was made")
    return Created(tuple(names), tuple(meshes), tuple(there), made.sealed)


def _add_key(thing: bpy.types.Object, name: str, field: Doubles) -> None:
    """Add one shape key that moves the vertices by a displacement [N, 3] in world space."""
    if thing.data.shape_keys is None:
        thing.shape_key_add(name="Basis", from_mix=False)
    own = field @ np.linalg.inv(np.asarray(thing.matrix_world, np.float64)[:3, :3]).T
    block = thing.shape_key_add(name=name, from_mix=False)
    block.data.foreach_set("co", (_rest(thing.data) + own).astype(np.float32).ravel())
    block.value = 0.0
