# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds out what the controls of a rig do whose names say nothing, on the character's own mesh."""

from collections.abc import Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from ..backend.core.errors import RigError
from ..backend.fit.head import Facing, find_face, with_motions
from ..backend.fit.reading import read_controls
from ..backend.fit.surface import Surface
from ..backend.retarget.maps import Control
from . import probing
from .character import family_of
from .creating import Doubles, own_axes

SINGLE_MESHES = 6
"""So many meshes of a character are looked at by themselves where all together show no face."""


@dataclass(frozen=True)
class Measurement:
    """What was found out."""

    facing: Facing
    """The canonical face on the character."""
    controls: tuple[Control, ...]
    """With the effect and a confidence each."""
    meshes: tuple[str, ...]
    """Objects that were looked at."""
    tried: int
    """Number of controls that move anything."""

    @property
    def sentence(self) -> str:
        """All of it in a line."""
        sure = sum(control.confidence >= 0.5 for control in self.controls)
        return (
            f"tried {self.tried} controls on {', '.join(self.meshes)}: {len(self.controls)} move the face, "
            f"{sure} of them in a way that is well understood"
        )


def parts_of(chosen: bpy.types.Object, scene: bpy.types.Scene) -> tuple[list[bpy.types.Object], list[bpy.types.Object]]:
    """Return the visible meshes and the armatures of the character that an object stands for."""
    family = family_of(chosen, scene)
    meshes = [thing for thing in family if isinstance(thing.data, bpy.types.Mesh) and thing.visible_get()]
    return meshes, [thing for thing in family if thing.type == "ARMATURE"]


def measure(
    meshes: Sequence[bpy.types.Object],
    rigs: Sequence[bpy.types.Object],
    depsgraph: bpy.types.Depsgraph,
    places: dict[str, Doubles] | None = None,
) -> Measurement:
    """Measure what shape keys, custom properties and, where none of these opens the mouth, bones do.

    Args:
        meshes: of the character, visible.
        rigs: its armatures.
        depsgraph: of the scene shown.
        places: landmarks [3] in world space that were placed by hand; found where none are given.

    Raises:
        RigError: no face is found, or nothing parts its lips; everything is as it was in any case.
    """
    if not meshes:
        raise RigError("the character has no visible mesh to measure; show its face mesh")
    with probing.at_rest(meshes, rigs):
        problem: RigError | None = None
        for some in _choices(meshes):
            try:
                return _measure(some, rigs, depsgraph, places)
            except RigError as error:
                problem = problem or error
    assert problem is not None
    raise problem


def _choices(meshes: Sequence[bpy.types.Object]) -> list[list[bpy.types.Object]]:
    """Return the sets of meshes to look for a face on, the likeliest first."""
    shaped = [mesh for mesh in meshes if mesh.data.shape_keys is not None]
    single = sorted(meshes, key=lambda mesh: len(mesh.data.vertices), reverse=True)[:SINGLE_MESHES]
    choices = [shaped, list(meshes), *([mesh] for mesh in single)]
    return [some for index, some in enumerate(choices) if some and some not in choices[:index]]


def _measure(
    meshes: list[bpy.types.Object],
    rigs: Sequence[bpy.types.Object],
    depsgraph: bpy.types.Depsgraph,
    places: dict[str, Doubles] | None,
) -> Measurement:
    rest = probing.read(meshes, depsgraph)
    probes, motions = probing.try_shapes(meshes, rigs, depsgraph)
    facing = find_face(Surface(rest.vertices, rest.triangles, motions), places, own_axes((*rigs, *meshes)[0]))
    names = tuple(mesh.name for mesh in meshes)
    try:
        controls = read_controls(facing.surface, facing.fit, probes)
    except RigError:
        if not rigs:
            raise
        shown, moved = probing.try_bones(meshes, rigs, depsgraph, facing.fit.scale)
        probes, motions = [*probes, *shown], np.concatenate([motions, moved])
        controls = read_controls(with_motions(facing, motions).surface, facing.fit, probes)
    return Measurement(facing, tuple(controls), names, len(probes))
