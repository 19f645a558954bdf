# SPDX-License-Identifier: GPL-3.0-or-later
"""Short hair: a cap that lies on the skull, thick on the crown and tucked into the skin along the hairline."""

import numpy as np

from .parts import MATERIAL_INDEX, HeadPart, Indices, Points, make_part, vertex_normals
from .subdivide import subdivide

THICK_CM = 0.5
FRINGE_CM = 0.55
"""How much thicker the hair is over the forehead."""
TUCK_CM = -0.4
"""Height of the cap's edge over the skin."""
STRANDS, STRAND_CM = 36, 0.05
"""Combed grooves around the head, and their depth."""
FIRST_ROW = {0: 0, 1: 0, 2: 0, 3: 0, 4: 0, 5: 0, 6: 1, 7: 2, 8: 3, 9: 5}
"""Column from the middle: row where the hair begins; it goes behind the ear."""
LAST_ROW = {0: 11, 1: 11, 2: 11, 3: 11, 4: 11, 5: 11, 6: 11, 7: 10, 8: 9, 9: 8}
"""Column from the middle: row where it ends at the nape."""


def hair(rows_cm: Points) -> HeadPart:
    """Return the cap over the skull's rows [R, 36, 3], row 0 being the face's oval."""
    row_count, columns = rows_cm.shape[:2]
    grid = rows_cm.reshape(-1, 3)
    outward = vertex_normals(grid, _cells(row_count, columns, everywhere=True))
    used, faces = np.unique(_cells(row_count, columns), return_inverse=True)
    faces = faces.reshape(-1, 3)
    vertices, outward = _even_hairline(grid[used], faces), outward[used]
    lift = np.full(len(vertices), THICK_CM)
    lift += FRINGE_CM * np.exp(-(((vertices - (0, 11.0, 2.0)) / (5.0, 4.0, 4.0)) ** 2).sum(axis=1))
    lift[np.unique(_border_edges(faces))] = TUCK_CM
    lifted = vertices + outward * lift[:, None]
    creases = np.zeros((0, 2), np.int64)
    values = lifted
    for _ in range(2):
        refined = subdivide(values, faces, creases)
        values, faces, creases = refined.values, refined.faces, refined.creases
    strands = np.sin(STRANDS * np.arctan2(values[:, 0], values[:, 1] - 3.0))
    values = values + vertex_normals(values, faces) * (STRAND_CM * strands)[:, None]
    return make_part("hair", values, faces, MATERIAL_INDEX["hair"])


def _cells(row_count: int, columns: int, everywhere: bool = False) -> Indices:
    """Return the triangles of the cells that bear hair, or of all."""
    faces: list[tuple[int, int, int]] = []
    for row in range(row_count - 1):
        for column in range(columns):
            beside = (column + 1) % columns
            outermost = max(min(column, columns - column), min(beside, columns - beside))
            first, last = FIRST_ROW.get(outermost, row_count), LAST_ROW.get(outermost, 0)
            if not everywhere and not first <= row < last:
                continue
            a, b = row * columns + column, row * columns + beside
            d, c = a + columns, b + columns
            faces += [(a, b, c), (a, c, d)]
    return np.array(faces)


def _even_hairline(vertices: Points, faces: Indices) -> Points:
    """Return the vertices with the steps of the border smoothed out along it."""
    edges = _border_edges(faces)
    inner = np.unique(edges)
    smoothed = vertices.copy()
    for _ in range(4):
        total = np.zeros_like(vertices)
        np.add.at(total, edges[:, 0], smoothed[edges[:, 1]])
        np.add.at(total, edges[:, 1], smoothed[edges[:, 0]])
        smoothed[inner] = 0.5 * smoothed[inner] + 0.25 * total[inner]
    return smoothed


def _border_edges(faces: Indices) -> Indices:
    """Return the edges [E, 2] of one face only."""
    sides = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    edges, uses = np.unique(sides, axis=0, return_counts=True)
    return edges[uses == 1]
