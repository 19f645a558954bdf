# SPDX-License-Identifier: GPL-3.0-or-later
"""Loop subdivision (Loop 1987; creases after Hoppe et al. 1994) of a triangle mesh with any values at its vertices."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .parts import Indices, Points


@dataclass(frozen=True)
class Refined:
    """A mesh after one or more subdivisions."""

    values: Points
    """[N, C]; the first vertices are those of the mesh before."""
    faces: Indices
    """[4 F, 3]; the four children of a face follow each other."""
    creases: Indices
    """[E, 2] edges that stay sharp."""


def subdivide(values: Points, faces: Indices, creases: Indices) -> Refined:
    """Split each triangle into four and smooth; creases and borders are smoothed along themselves only."""
    count = len(values)
    sides = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    key, edge_of_side, uses = np.unique(sides[:, 0] * count + sides[:, 1], return_inverse=True, return_counts=True)
    edges = np.stack([key // count, key % count], axis=1)
    opposite = np.zeros((len(edges), values.shape[1]))
    np.add.at(opposite, edge_of_side.ravel(), values[faces[:, [2, 0, 1]].ravel()])
    ends = values[edges[:, 0]] + values[edges[:, 1]]
    crease_key = np.sort(creases, axis=1) @ np.array([count, 1])
    sharp = np.isin(key, crease_key) | (uses == 1)
    odd = np.where(sharp[:, None], 0.5 * ends, 0.375 * ends + 0.125 * opposite)
    even = _even(values, edges, sharp)
    middle = count + edge_of_side.reshape(-1, 3)
    a, b, c = faces.T
    ab, bc, ca = middle.T
    children = np.stack([a, ab, ca, ab, b, bc, ca, bc, c, ab, bc, ca], axis=1).reshape(-1, 3)
    halves = edges[np.isin(key, crease_key)], count + np.flatnonzero(np.isin(key, crease_key))
    split = np.concatenate([np.stack([halves[0][:, side], halves[1]], axis=1) for side in (0, 1)])
    return Refined(np.concatenate([even, odd]), children, split)


def hold_shape(values: Points, faces: Indices, creases: Indices, rounds: int = 3) -> Points:
    """Return control values [V, C] whose subdivision comes back to `values` at the old vertices, nearly.

    Plain subdivision shrinks noses and lips; this undoes it by fixed-point rounds.
    """
    control = values.copy()
    for _ in range(rounds):
        control += values - subdivide(control, faces, creases).values[: len(values)]
    return control


def _even(values: Points, edges: Indices, sharp: NDArray[np.bool_]) -> Points:
    """Return the smoothed old vertices."""
    count = len(values)

    def gather(chosen: Indices) -> tuple[Points, Points]:
        total, number = np.zeros_like(values), np.zeros(count)
        for here, there in ((0, 1), (1, 0)):
            np.add.at(total, chosen[:, here], values[chosen[:, there]])
            np.add.at(number, chosen[:, here], 1)
        return total, number[:, None]

    total, valence = gather(edges)
    valence = np.maximum(valence, 1)
    beta = (0.625 - (0.375 + 0.25 * np.cos(2 * np.pi / valence)) ** 2) / valence
    smooth = (1 - valence * beta) * values + beta * total
    along, sharp_number = gather(edges[sharp])
    crease = 0.75 * values + 0.125 * along
    return np.where(sharp_number >= 3, values, np.where(sharp_number == 2, crease, smooth))
