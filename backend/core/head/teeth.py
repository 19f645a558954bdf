# SPDX-License-Identifier: GPL-3.0-or-later
"""Teeth and gums: two arches of rounded teeth; the lower ones are fixed to the jaw's bone."""

import numpy as np

from ..jaw import bone_shapes
from .parts import MATERIAL_INDEX, HeadPart, Indices, Points, grid_faces, make_part

WIDTHS_CM = {"upper": (0.92, 0.72, 0.8, 0.74, 0.72, 1.0), "lower": (0.6, 0.64, 0.74, 0.74, 0.76, 1.05)}
"""Tooth widths from the middle to the first molar."""
EDGE_CM = {"upper": -4.62, "lower": -4.5}
"""Height of the biting edge: the upper ones overlap the lower."""
HEIGHT_CM = {"upper": 1.05, "lower": 0.9}
FRONT_CM = {"upper": 4.62, "lower": 4.3}
"""How far forward the front teeth stand, on their outer face."""
ARCH = 0.36
"""Curvature of the dental arch: z falls by this times x squared."""
SIDES = 10


def teeth(jaw: str) -> HeadPart:
    """Return the `upper` or `lower` teeth with their gum."""
    sign = 1.0 if jaw == "upper" else -1.0
    pieces: list[tuple[Points, Indices, str]] = []
    start = 0.0
    for index, width in enumerate(WIDTHS_CM[jaw]):
        along = start + width / 2
        start += width
        for mirror in (1.0, -1.0):
            points, faces = _tooth(jaw, along, width, index)
            points = points * (mirror, sign, 1.0) + (0, EDGE_CM[jaw], 0)
            pieces.append((points, faces if mirror * sign > 0 else faces[:, ::-1], "teeth"))
    points, faces = _gum(jaw, start)
    pieces.append((points * (1, sign, 1) + (0, EDGE_CM[jaw], 0), faces if sign > 0 else faces[:, ::-1], "gums"))
    offsets = np.cumsum([0, *(len(points) for points, _, _ in pieces)])
    vertices = np.concatenate([points for points, _, _ in pieces])
    all_faces = np.concatenate([faces + offset for (_, faces, _), offset in zip(pieces, offsets, strict=False)])
    materials = np.concatenate([np.full(len(faces), MATERIAL_INDEX[name]) for _, faces, name in pieces])
    shapes = bone_shapes(vertices) if jaw == "lower" else {}
    return make_part(f"teeth {jaw}", vertices, all_faces, materials, shapes)


def _arch_point(jaw: str, along: float) -> tuple[Points, Points]:
    """Return the point (x, z) at an arc length from the middle along the arch, and the outward direction there."""
    x = np.linspace(0, 4, 401)
    z = FRONT_CM[jaw] - ARCH * x**2
    travelled = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(z)))])
    place = np.array([np.interp(along, travelled, x), np.interp(along, travelled, z)])
    outward = np.array([2 * ARCH * place[0], 1.0])
    return place, outward / np.linalg.norm(outward)


def _tooth(jaw: str, along: float, width: float, index: int) -> tuple[Points, Indices]:
    """Return one tooth of the upper left: a rounded box, narrow at the gum, thin at the edge of the front teeth."""
    (x, z), outward = _arch_point(jaw, along)
    sideways = np.array([outward[1], -outward[0]])
    depth = 0.55 if index < 3 else 0.85
    edge_depth = 0.4 if index < 3 else 0.9
    tall = HEIGHT_CM[jaw] * (1.0, 0.93, 1.0, 0.88, 0.85, 0.8)[index]
    levels = np.array([0.0, 0.03, 0.14, 0.5, 0.8, 1.0]) * tall
    wide = np.array([0.0, 0.8, 0.97, 1.0, 0.92, 0.82]) * width * 0.5
    deep = np.array([0.0, 0.85, 1.0, 1.0, 1.0, 1.0]) * depth * np.linspace(edge_depth, 1.0, 6) * 0.5
    angle = np.linspace(0, 2 * np.pi, SIDES, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    across, through = np.sign(circle) * np.abs(circle) ** 0.55
    rows: list[Points] = []
    for level, half, half_depth in zip(levels, wide, deep, strict=True):
        plan = (
            (x, z)
            - outward * (depth * 0.5)
            + np.outer(across * half, sideways)
            + np.outer(through * half_depth, outward)
        )
        rows.append(np.column_stack([plan[:, 0], np.full(SIDES, level), plan[:, 1]]))
    return np.concatenate(rows), grid_faces(len(rows), SIDES, wrap=True)[:, ::-1]


def _gum(jaw: str, reach: float) -> tuple[Points, Indices]:
    """Return the gum: a tube along the arch over the teeth's roots."""
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    rows: list[Points] = []
    for along in np.linspace(-reach, reach, 33):
        (x, z), outward = _arch_point(jaw, abs(along))
        mirror = -1.0 if along < 0 else 1.0
        plan = np.array([x, z]) - outward * 0.3 + np.outer(np.cos(angle) * 0.36, outward)
        height = HEIGHT_CM[jaw] * 0.98 + 0.42 + 0.55 * np.sin(angle)
        rows.append(np.column_stack([plan[:, 0] * mirror, height, plan[:, 1]]))
    return np.concatenate(rows), grid_faces(len(rows), 12, wrap=True)[:, ::-1]
