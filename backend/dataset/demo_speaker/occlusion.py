# SPDX-License-Identifier: GPL-3.0-or-later
"""Ambient occlusion at rest: how much of the surroundings each vertex sees, by depth maps from many sides."""

import numpy as np
from numpy.typing import NDArray

from ...core.types import Floats
from .raster import rasterise

DIRECTIONS = 48
MAP_SIZE = 168
BIAS_CM = 0.5
"""How far a vertex may lie behind the depth map: its own surface."""


def ambient_openness(vertices_cm: Floats, triangles: NDArray[np.int32], normals: Floats) -> Floats:
    """Return [V] the cosine-weighted share of the sphere in front of each vertex that nothing hides, 0-1."""
    seen, total = np.zeros(len(vertices_cm)), np.zeros(len(vertices_cm))
    for direction in _fibonacci_sphere(DIRECTIONS):
        facing = np.clip(normals @ direction, 0, None)
        total += facing
        seen += facing * _visible(vertices_cm, triangles, direction)
    return (seen / np.maximum(total, 1e-6)).astype(np.float32)


def smoothed(values: Floats, triangles: NDArray[np.int32], rounds: int = 4) -> Floats:
    """Return values [V] averaged with their neighbours over triangles [F, 3]: depth maps are grainy."""
    corners = triangles.ravel()
    uses = np.maximum(np.bincount(corners, minlength=len(values)), 1)
    for _ in range(rounds):
        middle = np.repeat(values[triangles].mean(axis=1), 3)
        values = (np.bincount(corners, middle, len(values)) / uses).astype(np.float32)
    return values


def _visible(vertices: Floats, triangles: NDArray[np.int32], direction: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return [V] whether a vertex sees out towards `direction`."""
    side = np.cross(direction, (0.0, 1.0, 0.0) if abs(direction[1]) < 0.9 else (1.0, 0.0, 0.0))
    side /= np.linalg.norm(side)
    up = np.cross(side, direction)
    across, upward, towards = vertices @ -side, vertices @ up, vertices @ direction
    flat = np.stack([across, -upward], axis=1)
    low = flat.min(axis=0)
    points = (flat - low) / (np.ptp(flat, axis=0).max() + 1e-6) * (MAP_SIZE - 2) + 1
    near = (towards - towards.min() + 1.0).astype(np.float32)
    hits = rasterise(points.astype(np.float32), near, triangles, (MAP_SIZE, MAP_SIZE))
    depth = np.zeros(MAP_SIZE * MAP_SIZE)
    # barycentrics come back weighted by nearness; take that out, the map is orthographic
    plain = hits.barycentric / near[triangles[hits.face]]
    plain /= plain.sum(axis=1, keepdims=True)
    depth[hits.pixel] = (plain * near[triangles[hits.face]]).sum(axis=1)
    cell = points.astype(np.int64)
    return near + BIAS_CM > depth[cell[:, 1] * MAP_SIZE + cell[:, 0]]


def _fibonacci_sphere(count: int) -> NDArray[np.float64]:
    """Return [N, 3] unit directions spread evenly (Swinbank and Purser 2006)."""
    index = np.arange(count) + 0.5
    height = 1 - 2 * index / count
    angle = np.pi * (1 + np.sqrt(5)) * index
    radius = np.sqrt(1 - height**2)
    return np.stack([radius * np.cos(angle), height, radius * np.sin(angle)], axis=1)
