# SPDX-License-Identifier: GPL-3.0-or-later
"""The eyebrows: soft strips of hair just over the skin, that go with it."""

import numpy as np

from ..face import CanonicalFace
from .parts import MATERIAL_INDEX, HeadPart, Indices, Points, grid_faces, make_part, vertex_normals

COLUMNS, ROWS = 25, 7
HALF_HEIGHT_CM = 0.36
LIFT_CM = 0.09


def brows(face: CanonicalFace, basis: dict[str, Points]) -> HeadPart:
    """Return both eyebrows in one mesh.

    Args:
        face: the canonical face.
        basis: blendshape name: displacement [468, 3].
    """
    neutral = face.neutral_cm.astype(np.float64)
    outward = vertex_normals(neutral, face.triangles)
    vertices: list[Points] = []
    weights: list[Points] = []
    for side in ("right", "left"):
        strip = face.landmarks[f"brow_{side}"].astype(np.int64)
        points, share = _strip(neutral, outward, strip.reshape(2, 5))
        vertices.append(points)
        weights.append(share)
    count = COLUMNS * ROWS
    faces = grid_faces(COLUMNS, ROWS, wrap=False)
    both = np.concatenate([faces, faces[:, ::-1] + count])
    share = np.concatenate(weights)
    shapes = {name: share @ field for name, field in basis.items()}
    return make_part("brows", np.concatenate(vertices), both, MATERIAL_INDEX["brows"], shapes)


def _strip(neutral: Points, outward: Points, edges: Indices) -> tuple[Points, Points]:
    """Return a brow's vertices [COLUMNS * ROWS, 3] and their weights [.., 468] over the face's vertices."""
    along = np.linspace(0, 4, COLUMNS)
    thickness = np.interp(along, [0, 0.8, 2.5, 3.6, 4], [0.12, 0.6, 1.0, 1.0, 0.55])
    across = np.linspace(-1, 1, ROWS)
    weights = np.zeros((COLUMNS, ROWS, len(neutral)))
    low = np.minimum(along.astype(int), 3)
    part = along - low
    for column in range(COLUMNS):
        for edge in range(2):
            weights[column, :, edges[edge, low[column]]] += 0.5 * (1 - part[column])
            weights[column, :, edges[edge, low[column] + 1]] += 0.5 * part[column]
    flat = weights.reshape(-1, len(neutral))
    middle = (flat @ neutral).reshape(COLUMNS, ROWS, 3)
    normal = (flat @ outward).reshape(COLUMNS, ROWS, 3)
    between = (neutral[edges[0]] - neutral[edges[1]]).mean(axis=0)
    up = between - normal * (normal @ between)[..., None]
    up /= np.linalg.norm(up, axis=-1, keepdims=True)
    bulge = (
        LIFT_CM
        * (1.6 * np.sqrt(1 - 0.98 * across**2) - 0.6)[None, :, None]
        * np.minimum(thickness * 1.5, 1)[:, None, None]
    )
    height = (thickness[:, None] * across)[..., None] * HALF_HEIGHT_CM
    curve_back = -0.06 * (across**2)[None, :, None]
    return (middle + up * height + normal * (bulge + 0.06 + curve_back)).reshape(-1, 3), flat
