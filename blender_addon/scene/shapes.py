# SPDX-License-Identifier: GPL-3.0-or-later
"""What a character's own shape keys do to its meshes, read in bulk."""

from collections.abc import Iterable

import bpy
import numpy as np

from ..backend.core.types import Floats
from ..backend.retarget.detect import MapMatch
from ..backend.retarget.variants import fitted
from .character import Character
from .controls import Face, key_of


def fitted_match(character: Character, match: MapMatch) -> MapMatch:
    """Return the match with the shapes that names leave open taken as the character's mesh shows them to be meant."""
    ordered = {name for pair in match.map.ordered for name in pair}
    wanted = [name for matched in match.controls if matched.control.name in ordered for name in matched.names]
    for face in character.faces:
        if set(wanted) <= set(face.shapes):
            return fitted(match, displacements(face, wanted))
    return match


def displacements(face: Face, names: Iterable[str]) -> dict[str, Floats]:
    """Return what shape keys do to their mesh: name -> [V, 3], relative to the key that each is relative to."""
    key = key_of(face)
    blocks = {name: key.key_blocks[name] for name in names}
    moved = {name: _coordinates(block) - _coordinates(block.relative_key) for name, block in blocks.items()}
    return {name: moved[name] * _shares(key.user, block.vertex_group) for name, block in blocks.items()}


def _shares(mesh: bpy.types.Mesh, group: str) -> Floats:
    """Return how much of a shape key each vertex takes [V, 1] by the vertex group that it is limited to."""
    wearer = next((one for one in bpy.data.objects if one.data == mesh and group in one.vertex_groups), None)
    shares = np.ones((len(mesh.vertices), 1), np.float32)
    if not group or wearer is None:
        return shares
    index = wearer.vertex_groups[group].index
    for place, vertex in enumerate(mesh.vertices):
        shares[place] = next((one.weight for one in vertex.groups if one.group == index), 0.0)
    return shares


def _coordinates(block: bpy.types.ShapeKey) -> Floats:
    flat = np.empty(3 * len(block.data), np.float32)
    block.data.foreach_get("co", flat)
    return flat.reshape(-1, 3)
