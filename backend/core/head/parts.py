# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head is made of: parts with shapes, and their materials."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..types import Floats

Points = NDArray[np.float64]
Indices = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Material:
    """A plain surface, in the terms of a principled shader."""

    name: str
    """Unique in `MATERIALS`."""
    colour: tuple[float, float, float]
    """Base colour, linear RGB 0-1."""
    roughness: float
    """0 is a mirror."""
    subsurface: float = 0.0
    """Weight of subsurface scattering, 0-1."""


MATERIALS: tuple[Material, ...] = (
    Material("skin", (0.58, 0.31, 0.21), 0.5, 0.15),
    Material("lips", (0.46, 0.13, 0.12), 0.35, 0.15),
    Material("mouth inside", (0.13, 0.018, 0.02), 0.45),
    Material("lid edge", (0.42, 0.17, 0.13), 0.4, 0.1),
    Material("lashes", (0.012, 0.008, 0.006), 0.7),
    Material("brows", (0.035, 0.018, 0.01), 0.8),
    Material("eye white", (0.82, 0.8, 0.77), 0.12),
    Material("iris", (0.05, 0.14, 0.2), 0.08),
    Material("pupil", (0.003, 0.003, 0.003), 0.05),
    Material("teeth", (0.82, 0.77, 0.66), 0.2, 0.1),
    Material("gums", (0.5, 0.15, 0.14), 0.3, 0.1),
    Material("tongue", (0.5, 0.14, 0.13), 0.4, 0.1),
    Material("hair", (0.045, 0.02, 0.01), 0.7),
)
"""Every part's `material_index` counts in this order."""

MATERIAL_INDEX: dict[str, int] = {material.name: index for index, material in enumerate(MATERIALS)}


@dataclass(frozen=True)
class HeadPart:
    """One mesh of the head."""

    name: str
    """Unique in the head."""
    vertices_cm: Floats
    """[N, 3] neutral, canonical space (+X to the subject's left, +Y up, +Z out of the face)."""
    faces: NDArray[np.int32]
    """[F, 3] counter-clockwise seen from outside."""
    material_index: NDArray[np.int32]
    """[F] into `MATERIALS`."""
    shapes: dict[str, Floats]
    """Blendshape: displacement [N, 3] in cm at weight 1, for each ARKit name that moves this part."""
    uv: Floats
    """[N, 2] in 0-1; the face's own layout on the face, a plain projection elsewhere."""


def make_part(
    name: str,
    vertices_cm: Points,
    faces: Indices,
    material_index: Indices | int,
    shapes: dict[str, Points] | None = None,
    uv: Points | None = None,
) -> HeadPart:
    """Return a part in the storage types, without the shapes that move nothing."""
    materials = np.broadcast_to(np.asarray(material_index, np.int32), (len(faces),))
    moving = {key: field for key, field in (shapes or {}).items() if np.abs(field).max() > 1e-4}
    return HeadPart(
        name=name,
        vertices_cm=vertices_cm.astype(np.float32),
        faces=faces.astype(np.int32),
        material_index=np.ascontiguousarray(materials),
        shapes={key: field.astype(np.float32) for key, field in moving.items()},
        uv=(_front_projection(vertices_cm) if uv is None else np.clip(uv, 0.0, 1.0)).astype(np.float32),
    )


def grid_faces(rows: int, columns: int, wrap: bool) -> Indices:
    """Return the triangles of a grid of vertices [rows, columns], columns joined end to end where `wrap`.

    Counter-clockwise where columns run to the right and rows run up.
    """
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(columns if wrap else columns - 1), indexing="ij")
    right = (column + 1) % columns
    a, b = row * columns + column, row * columns + right
    c, d = (row + 1) * columns + right, (row + 1) * columns + column
    return np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])


def vertex_normals(vertices: Points, triangles: Indices) -> Points:
    """Return the unit normals [V, 3]."""
    a, b, c = (vertices[triangles[:, corner]] for corner in range(3))
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], np.cross(b - a, c - a))
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)


def _front_projection(vertices_cm: Points) -> Points:
    low, high = vertices_cm[:, :2].min(axis=0), vertices_cm[:, :2].max(axis=0)
    return (vertices_cm[:, :2] - low) / np.maximum(high - low, 1e-9)
