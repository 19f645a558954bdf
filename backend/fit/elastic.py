# SPDX-License-Identifier: GPL-3.0-or-later
"""Skin as an elastic sheet: what is not held goes along with its neighbours."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.types import Floats
from .surface import Doubles, Indices, Surface

MOST_STEPS = 600
CLOSE = 3e-3
"""Part of the first residual at which the solve ends."""
SHORTEST = 0.05
"""Springs shorter than this part of the usual one are no stiffer than one of that length."""
LOOSE = 1e-6


@dataclass(frozen=True)
class Sheet:
    """Springs between the vertices of a piece of skin."""

    joint: NDArray[np.int64]
    """[S] which point of the sheet each vertex is: the same for vertices in one place."""
    neighbour: NDArray[np.int64]
    """[P, D] points at the other ends of each point's springs; itself where it has fewer than D."""
    stiffness: Floats
    """[P, D] stronger where shorter, 0 where there is no spring."""


def sheet_of(surface: Surface, vertices: Indices) -> Sheet:
    """Return the sheet of some vertices [S] of a surface."""
    places, joint = np.unique(surface.welded[vertices], return_inverse=True)
    number = np.full(len(surface.vertices), -1)
    number[places] = np.arange(len(places))
    edges = number[surface.edges]
    edges = edges[(edges >= 0).all(axis=1)]
    length = np.linalg.norm(surface.vertices[places[edges[:, 0]]] - surface.vertices[places[edges[:, 1]]], axis=1)
    typical = max(float(np.median(length)), 1e-12) if len(length) else 1.0
    strength = np.tile(typical / np.maximum(length, SHORTEST * typical), 2)
    both = np.concatenate([edges, edges[:, ::-1]])
    order = np.argsort(both[:, 0], kind="stable")
    start, end = both[order].T
    slot = np.arange(len(start)) - np.searchsorted(start, start)
    widest = int(slot.max()) + 1 if len(slot) else 1
    neighbour = np.repeat(np.arange(len(places))[:, None], widest, axis=1)
    stiffness = np.zeros((len(places), widest), np.float32)
    neighbour[start, slot], stiffness[start, slot] = end, strength[order]
    return Sheet(joint.ravel(), neighbour, stiffness)


def settle_sheet(sheet: Sheet, target: Doubles, hold: Doubles) -> Doubles:
    """Return where vertices go [S, ...] that minimise Σ stiffness |u_i − u_j|² + Σ hold_i |u_i − target_i|².

    By conjugate gradients with the diagonal as preconditioner, for all columns at once.

    Args:
        sheet: of S vertices.
        target: [S, ...] where each is pulled.
        hold: [S] how firmly, 0 for not at all.
    """
    count = len(sheet.neighbour)
    columns = target.reshape(len(target), -1)
    share = np.bincount(sheet.joint, minlength=count)
    firm = np.bincount(sheet.joint, hold, count) / share
    pull = np.zeros((count, columns.shape[1]), np.float32)
    np.add.at(pull, sheet.joint, (hold / share[sheet.joint])[:, None].astype(np.float32) * columns.astype(np.float32))
    diagonal = (firm + sheet.stiffness.sum(axis=1) + LOOSE).astype(np.float32)

    def applied(u: Floats) -> Floats:
        result = diagonal[:, None] * u
        for slot in range(sheet.neighbour.shape[1]):
            tied = np.flatnonzero(sheet.stiffness[:, slot])
            result[tied] -= sheet.stiffness[tied, slot, None] * u[sheet.neighbour[tied, slot]]
        return result

    settled = _conjugate_gradients(applied, pull, diagonal)
    return settled[sheet.joint].reshape(target.shape).astype(np.float64)


def _conjugate_gradients(applied: Callable[[Floats], Floats], pull: Floats, diagonal: Floats) -> Floats:
    solution = pull / diagonal[:, None]
    left = pull - applied(solution)
    scaled = left / diagonal[:, None]
    way = scaled.copy()
    energy = (left * scaled).sum(axis=0)
    enough = CLOSE**2 * np.maximum(energy, np.float32(1e-30))
    for _ in range(MOST_STEPS):
        if (energy <= enough).all():
            break
        image = applied(way)
        step = energy / np.maximum((way * image).sum(axis=0), np.float32(1e-30))
        solution += step * way
        left -= step * image
        scaled = left / diagonal[:, None]
        after = (left * scaled).sum(axis=0)
        way = scaled + after / np.maximum(energy, np.float32(1e-30)) * way
        energy = after
    return solution
