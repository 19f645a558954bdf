# SPDX-License-Identifier: GPL-3.0-or-later
"""The head as seen from the front, and where that view jumps from one part of the skin to another.

Lips that touch, lids on eyeballs: neighbours in the picture that are far from each other along the surface. Such
slits are what a face has in common over all styles, with or without shape keys.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.raster import rasterise
from .surface import Doubles, Surface

HEIGHT_PX = 240
DETOUR = 1.3
"""A way along the surface longer than this many times the straight one means a slit."""
OCCLUDES_PX = 4.0
"""Jump in depth, in pixels, from which an edge counts as one part in front of another."""


@dataclass(frozen=True)
class FrontView:
    """What is seen of a head, straight from the front."""

    surface: Surface
    triangle: NDArray[np.int32]
    """[H, W] triangle of the surface in each pixel, -1 where none."""
    barycentric: Doubles
    """[H, W, 3]."""
    points: Doubles
    """[H, W, 3] where on the surface; NaN where none."""
    pixel: float
    """Size of a pixel in the mesh's unit."""
    slits: NDArray[np.bool_]
    """[H - 1, W] whether pixel (row, column) and the one below it are apart along the surface."""
    steps: NDArray[np.bool_]
    """[H - 1, W] whether one of the two lies well in front of the other, or one of them is a hole."""
    sides: NDArray[np.bool_]
    """[H, W - 1] slits and steps between pixel (row, column) and the one to its right."""
    corner: Doubles
    """[2] x and y of the top left pixel."""

    def pixel_of(self, points: Doubles) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """Return the row and column [N] of points [N, 3], kept within the picture, and whether they lie in it."""
        column = np.round((points[:, 0] - self.corner[0]) / self.pixel).astype(np.int64)
        row = np.round((self.corner[1] - points[:, 1]) / self.pixel).astype(np.int64)
        height, width = self.triangle.shape
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        return np.clip(row, 0, height - 1), np.clip(column, 0, width - 1), inside


def front_view(surface: Surface, low: Doubles, high: Doubles) -> FrontView:
    """Return the view of the part of a surface in the box from low [2] to high [2] (x and y)."""
    pixel = float(high[1] - low[1]) / HEIGHT_PX
    shape = (HEIGHT_PX + 1, int((high[0] - low[0]) / pixel) + 2)
    flat = (surface.vertices[:, :2] - low) / pixel
    flat[:, 1] = HEIGHT_PX - flat[:, 1]
    corners = surface.vertices[surface.triangles]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    inside = (flat[surface.triangles].max(axis=1) >= 0).all(axis=1) & (
        flat[surface.triangles].min(axis=1) <= np.array(shape[::-1])
    ).all(axis=1)
    facing = np.flatnonzero((across[:, 2] > 0) & inside)
    cover = rasterise(
        flat.astype(np.float32), surface.triangles[facing], shape, surface.vertices[:, 2].astype(np.float32)
    )
    hit = cover.triangle >= 0
    triangle = np.where(hit, facing[cover.triangle] if len(facing) else -1, -1).astype(np.int32)
    weights = cover.barycentric.astype(np.float64)
    points = np.einsum("hwk,hwkc->hwc", weights, surface.vertices[surface.triangles[triangle]])
    points[~hit] = np.nan
    slits = _slits(surface, triangle, points, pixel)
    turned = points.swapaxes(0, 1)
    sides = (_slits(surface, triangle.T, turned, pixel) | _steps(turned, pixel)).T
    corner = np.array([low[0], high[1]])
    return FrontView(surface, triangle, weights, points, pixel, slits, _steps(points, pixel), sides, corner)


def _steps(points: Doubles, pixel: float) -> NDArray[np.bool_]:
    depth = np.where(np.isnan(points[..., 2]), -1e9, points[..., 2])
    return np.abs(np.diff(depth, axis=0)) > OCCLUDES_PX * pixel


def _slits(surface: Surface, triangle: NDArray[np.int32], points: Doubles, pixel: float) -> NDArray[np.bool_]:
    around = surface.welded[surface.triangles]
    above, below = triangle[:-1], triangle[1:]
    both = (above >= 0) & (below >= 0) & (above != below)
    both &= ~(around[above][..., :, None] == around[below][..., None, :]).any(axis=(2, 3))
    found = np.zeros(both.shape, bool)
    for row, column in zip(*np.nonzero(both), strict=True):
        upper, lower = points[row, column], points[row + 1, column]
        here, there = around[above[row, column]], around[below[row, column]]
        if any(surface.beside[vertex] & set(there.tolist()) for vertex in here.tolist()):
            continue
        out = np.linalg.norm(surface.vertices[here] - upper, axis=1)
        back = np.linalg.norm(surface.vertices[there] - lower, axis=1)
        limit = DETOUR * float(np.linalg.norm(upper - lower)) + out.min() + back.min() + 2 * pixel
        reached = surface.within(int(here[out.argmin()]), float(limit))
        found[row, column] = not any(int(vertex) in reached for vertex in there)
    return found
