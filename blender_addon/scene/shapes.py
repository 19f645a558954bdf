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
    blocks = key_of(face).key_blocks
    return {name: _coordinates(blocks[name]) - _coordinates(blocks[name].relative_key) for name in names}


def _coordinates(block: bpy.types.ShapeKey) -> Floats:
    flat = np.empty(3 * len(block.data), np.float32)
    block.data.foreach_get("co", flat)
    return flat.reshape(-1, 3)
