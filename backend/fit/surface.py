# SPDX-License-Identifier: GPL-3.0-or-later
"""A character's mesh as one welded surface, and short ways along it."""

import heapq
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import RigError

Doubles = NDArray[np.float64]
Indices = NDArray[np.integer[Any]]

SAME_PLACE = 1e-5
"""Part of the mesh's size within which two vertices lie in one place."""
SAME_MOTION = 1e-4
FEWEST_VERTICES = 40


@dataclass(frozen=True)
class Surface:
    """All meshes of a face, upright."""

    vertices: Doubles
    """[N, 3] at rest, any unit."""
    triangles: NDArray[np.int32]
    """[F, 3] counter-clockwise seen from outside."""
    motions: Doubles
    """[K, N, 3] displacement by each control fully on; K may be 0."""

    def __post_init__(self) -> None:
        if len(self.vertices) < FEWEST_VERTICES or not len(self.triangles):
            raise RigError(
                f"the mesh has only {len(self.vertices)} vertices, too few for a face; select the face's mesh"
            )
        if not np.isfinite(self.vertices).all():
            raise RigError("the mesh has vertices that are not at finite places; mend it (Mesh > Clean Up)")

    @cached_property
    def normals(self) -> Doubles:
        """[N, 3] unit normals, of the welded surface."""
        corners = self.vertices[self.triangles]
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        total = np.zeros((len(self.vertices), 3))
        for corner in range(3):
            np.add.at(total, self.welded[self.triangles[:, corner]], across)
        total = total[self.welded]
        return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)

    @cached_property
    def welded(self) -> NDArray[np.int64]:
        """[N] the first vertex that lies in the same place and is the same point of the skin.

        Files cut meshes along UV seams. Lips that touch lie in one place too, but face each other or move apart.
        """
        size = max(float(np.ptp(self.vertices, axis=0).max()), 1e-12)
        keys = [np.round(self.vertices / (size * SAME_PLACE))]
        corners = self.vertices[self.triangles]
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        own = np.zeros((len(self.vertices), 3))
        for corner in range(3):
            np.add.at(own, self.triangles[:, corner], across)
        keys.append((own[:, 1:2] > 0) & (np.abs(own[:, 1:2]) > 0.5 * np.linalg.norm(own, axis=1, keepdims=True)))
        if len(self.motions):
            mix = np.random.default_rng(0).normal(size=(len(self.motions), 3))
            keys.append(np.round(np.einsum("knc,kc->n", self.motions, mix) / (size * SAME_MOTION))[:, None])
        _, first, inverse = np.unique(np.concatenate(keys, axis=1), axis=0, return_index=True, return_inverse=True)
        return first[inverse.ravel()].astype(np.int64)

    @cached_property
    def edges(self) -> NDArray[np.int64]:
        """[E, 2] edges of the welded surface, each once."""
        around = self.welded[self.triangles]
        every = np.sort(np.concatenate([around[:, [0, 1]], around[:, [1, 2]], around[:, [2, 0]]]), axis=1)
        return np.unique(every[every[:, 0] != every[:, 1]], axis=0)

    @cached_property
    def neighbours(self) -> dict[int, list[tuple[int, float]]]:
        """Welded vertex -> (neighbour, length of the edge)."""
        lengths = np.linalg.norm(self.vertices[self.edges[:, 0]] - self.vertices[self.edges[:, 1]], axis=1)
        table: dict[int, list[tuple[int, float]]] = {}
        for (a, b), length in zip(self.edges.tolist(), lengths.tolist(), strict=True):
            table.setdefault(a, []).append((b, length))
            table.setdefault(b, []).append((a, length))
        return table

    @cached_property
    def beside(self) -> dict[int, set[int]]:
        """Welded vertex -> those that an edge joins it to."""
        return {vertex: {other for other, _ in joined} for vertex, joined in self.neighbours.items()}

    def within(self, start: int, limit: float) -> dict[int, float]:
        """Return how far along the surface the welded vertices nearer than `limit` are from one."""
        return self._search({start: 0.0}, limit)[0]

    def way(self, start: int, ends: set[int], limit: float) -> list[int]:
        """Return the welded vertices of the shortest way to one of `ends`; empty where all are further than `limit`."""
        known, before = self._search({start: 0.0}, limit)
        reached = [(known[end], end) for end in ends if end in known]
        if not reached:
            return []
        steps = [min(reached)[1]]
        while steps[-1] != start:
            steps.append(before[steps[-1]])
        return steps[::-1]

    def _search(self, starts: dict[int, float], limit: float) -> tuple[dict[int, float], dict[int, int]]:
        """Dijkstra (1959), cut at `limit`: distances, and the vertex before each."""
        known, before = dict(starts), dict[int, int]()
        heap = [(distance, vertex) for vertex, distance in starts.items()]
        while heap:
            distance, vertex = heapq.heappop(heap)
            if distance > known[vertex]:
                continue
            for other, length in self.neighbours.get(vertex, ()):
                further = distance + length
                if further < limit and further < known.get(other, np.inf):
                    known[other], before[other] = further, vertex
                    heapq.heappush(heap, (further, other))
        return known, before

    def spread(self, starts: Indices) -> Doubles:
        """Return the distance [N] along the surface from the nearest of some vertices; infinite where none is."""
        known, _ = self._search({int(vertex): 0.0 for vertex in self.welded[starts]}, np.inf)
        far = np.full(len(self.vertices), np.inf)
        if known:
            far[np.fromiter(known.keys(), np.int64)] = np.fromiter(known.values(), np.float64)
        return far[self.welded]
