# SPDX-License-Identifier: GPL-3.0-or-later
"""Triangles to pixels: which triangle covers each pixel centre, and where in it the centre lies.

Owns the one rasteriser of this part: it lays out the atlas, renders it back and fills the small depth buffer of the
visibility test. All triangles at once in numpy. Knows neither faces nor textures.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .types import Floats

MAX_CANDIDATES = 40_000_000
"""Pixels of triangles' boxes held at once; a caller that wants more should cut its picture."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What covers each pixel."""

    triangle: NDArray[np.int32]
    """[H, W] index of the nearest triangle, -1 where none."""
    barycentric: Floats
    """[H, W, 3] weights of its corners; zero where none."""


def rasterise(
    points_px: Floats, triangles: NDArray[np.int32], shape: tuple[int, int], nearness: Floats | None = None
) -> Coverage:
    """Cover a picture of `shape` (H, W) by triangles.

    Args:
        points_px: [V, 2] x to the right, y down; pixel centres lie at whole numbers.
        triangles: [F, 3], of either winding.
        shape: height and width.
        nearness: [V] larger is nearer; the nearest triangle wins. Without it the last listed one does.
    """
    corners = points_px.astype(np.float64)[triangles]
    owner, x, y = _candidates(corners, shape)
    weights = _barycentric(corners[owner], np.stack([x, y], axis=-1))
    inside = (weights >= -1e-6).all(axis=-1)
    owner, x, y, weights = owner[inside], x[inside], y[inside], weights[inside]
    if nearness is not None:
        order = np.argsort(np.einsum("nk,nk->n", weights, nearness[triangles[owner]]), kind="stable")
        owner, x, y, weights = owner[order], x[order], y[order], weights[order]
    covered = np.full(shape, -1, np.int32)
    barycentric = np.zeros((*shape, 3), np.float32)
    covered[y, x] = owner
    barycentric[y, x] = weights
    return Coverage(covered, barycentric)


def _candidates(
    corners: NDArray[np.float64], shape: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return (triangle, x, y) of every pixel in every triangle's box, boxes one after the other."""
    limit = np.array([shape[1] - 1, shape[0] - 1])
    low = np.clip(np.ceil(corners.min(axis=1) - 1e-6), 0, limit + 1).astype(np.int64)
    high = np.clip(np.floor(corners.max(axis=1) + 1e-6), -1, limit).astype(np.int64)
    size = np.maximum(high - low + 1, 0)
    count = size.prod(axis=1)
    if count.sum() > MAX_CANDIDATES:
        raise ValueError(f"{count.sum()} pixels to cover at once, more than {MAX_CANDIDATES}")
    owner = np.repeat(np.arange(len(corners)), count)
    rank = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    width = np.maximum(size[owner, 0], 1)
    return owner, low[owner, 0] + rank % width, low[owner, 1] + rank // width


def _barycentric(corners: NDArray[np.float64], points: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the weights [N, 3] of points [N, 2] in triangles [N, 3, 2]; outside all (-1) for triangles of no area."""
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    offset = points - corners[:, 0]
    area = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    flat = np.abs(area) < 1e-9
    area = np.where(flat, 1.0, area)
    along_second = (offset[:, 0] * second[:, 1] - offset[:, 1] * second[:, 0]) / area
    along_third = (first[:, 0] * offset[:, 1] - first[:, 1] * offset[:, 0]) / area
    weights = np.stack([1 - along_second - along_third, along_second, along_third], axis=-1)
    weights[flat] = -1.0
    return weights
