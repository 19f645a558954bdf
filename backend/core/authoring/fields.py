# SPDX-License-Identifier: GPL-3.0-or-later
"""Smooth displacement fields on the face: a few pinned vertices, everything else follows like skin.

The spread is the discrete biharmonic surface (Botsch and Kobbelt 2004): the field u minimises |M^-1/2 L u|^2 under
u = given at the pins, with L the cotangent Laplacian and M the vertex areas of the mesh. As the mesh is open at the
mouth, a motion of the lower lip reaches the upper one only around the corners, as it does in a face.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Skin:
    """The face as an elastic sheet."""

    vertices_cm: Field
    """[468, 3] neutral."""
    bending: Field
    """[468, 468] L^T M^-1 L."""
    mirror: NDArray[np.int64]
    """[468] the mirror image of each vertex."""

    def spread(self, pins: Mapping[int, Field | float]) -> Field:
        """Return the smoothest field [468, C] that has the given values at the pinned vertices."""
        fixed = np.fromiter(pins, np.int64)
        values = np.array([np.atleast_1d(pins[int(vertex)]) for vertex in fixed], np.float64)
        free = np.setdiff1d(np.arange(len(self.vertices_cm)), fixed)
        field = np.zeros((len(self.vertices_cm), values.shape[1]))
        field[fixed] = values
        right = -self.bending[np.ix_(free, fixed)] @ values
        field[free] = np.linalg.solve(self.bending[np.ix_(free, free)], right)
        return field

    def reflect(self, field: Field) -> Field:
        """Return the mirror image of a displacement field [468, 3]."""
        return field[self.mirror] * (-1.0, 1.0, 1.0)

    def symmetric(self, field: Field) -> Field:
        """Return the symmetric part of a displacement field [468, 3]."""
        return 0.5 * (field + self.reflect(field))


def skin_of(vertices_cm: Field, triangles: NDArray[np.int64], mirror: NDArray[np.int64]) -> Skin:
    """Build the sheet: cotangent weights (clamped, so that thin triangles do no harm) and lumped areas."""
    count = len(vertices_cm)
    laplacian = np.zeros((count, count))
    area = np.zeros(count)
    for turn in range(3):
        a, b, c = (triangles[:, (turn + k) % 3] for k in range(3))
        to_a, to_b = vertices_cm[a] - vertices_cm[c], vertices_cm[b] - vertices_cm[c]
        double_area = np.linalg.norm(np.cross(to_a, to_b), axis=1)
        weight = np.clip((to_a * to_b).sum(axis=1) / double_area, 0.05, 3.0)
        np.add.at(laplacian, (a, b), -weight)
        np.add.at(laplacian, (b, a), -weight)
        np.add.at(laplacian, (a, a), weight)
        np.add.at(laplacian, (b, b), weight)
        np.add.at(area, c, double_area / 6)
    bending = laplacian.T @ (laplacian / area[:, None])
    return Skin(vertices_cm, bending, mirror)


def smoothstep(value: Field, low: float, high: float) -> Field:
    """Return 0 below `low`, 1 above `high`, with a smooth ramp between."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3 - 2 * t)


def even_profile(along: Field, middle: Field, side: Field, corner: Field) -> Field:
    """Return m + b a^2 + c a^4 through `middle` at a = 0, `side` at 1/2, `corner` at 1.

    Args:
        along: [N] distance from the lip's middle, in half lip widths.
        middle: [3], as are the other two.

    Returns:
        [N, 3].
    """
    slope = (16 * (side - middle) - (corner - middle)) / 3
    quartic = (corner - middle) - slope
    a2 = (along * along)[:, None]
    return middle + slope * a2 + quartic * a2 * a2
