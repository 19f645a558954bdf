# SPDX-License-Identifier: GPL-3.0-or-later
"""A z-buffer in numpy: which triangle each pixel sees, and where in it. Knows nothing of cameras or colours."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.types import Floats

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Hits:
    """The pixels that something covers."""

    pixel: Integers
    """[N] row * width + column, each once."""
    face: Integers
    """[N] the triangle seen."""
    barycentric: Floats
    """[N, 3] perspective-correct weights of its corners; they sum to 1."""


@dataclass(frozen=True)
class _Spans:
    """Runs of pixels that a triangle covers in one row of the picture."""

    face: Integers
    """[M]."""
    row: Integers
    """[M]."""
    first: Integers
    """[M] column."""
    count: Integers
    """[M] over 0."""


def rasterise(points_px: Floats, nearness: Floats, faces: NDArray[np.int32], shape: tuple[int, int]) -> Hits:
    """Return what each pixel sees.

    Args:
        points_px: [V, 2] x to the right and y down; the first pixel's centre is at (0.5, 0.5).
        nearness: [V] over 0 and linear in the picture: 1 / depth under perspective.
        faces: [F, 3]; those that turn clockwise with y up, that is those seen from behind, are left out.
        shape: height and width of the picture.
    """
    corners = points_px.astype(np.float64)[faces]
    planes = _weight_planes(corners)
    near = nearness.astype(np.float64)[faces]
    spans = _spans(corners, planes, shape)
    along = np.arange(spans.count.sum()) - np.repeat(np.cumsum(spans.count) - spans.count, spans.count)
    slope, start = _nearness_along(spans, planes, near)
    key = (np.repeat(start, spans.count) + np.repeat(slope, spans.count) * along).astype(np.float32)
    pixel = np.repeat(spans.row * shape[1] + spans.first, spans.count) + along
    best = np.zeros(shape[0] * shape[1], np.float32)
    np.maximum.at(best, pixel, key)
    seen = np.flatnonzero(key == best[pixel])
    winner = np.full(len(best), -1, np.int64)
    winner[pixel[seen]] = np.repeat(spans.face, spans.count)[seen]
    covered = np.flatnonzero(winner >= 0)
    face = winner[covered]
    y, x = np.divmod(covered, shape[1])
    plane = planes[face]
    weights = plane[..., 0] * (x + 0.5)[:, None] + plane[..., 1] * (y + 0.5)[:, None] + plane[..., 2]
    corrected = np.clip(weights, 0, 1) * near[face]
    corrected /= corrected.sum(axis=1, keepdims=True)
    return Hits(covered, face, corrected.astype(np.float32))


def _weight_planes(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return [F, 3 weights, 3] barycentric weights as planes over x, y, 1; zero for faces seen from behind."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    area = (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1]) - (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1])
    scale = np.where(area > 1e-9, 1.0 / np.where(area > 1e-9, area, 1.0), 0.0)
    planes: list[NDArray[np.float64]] = []
    for p, q in ((b, c), (c, a), (a, b)):
        slope_x, slope_y = q[:, 1] - p[:, 1], p[:, 0] - q[:, 0]
        offset = -(slope_x * p[:, 0] + slope_y * p[:, 1])
        planes.append(np.stack([slope_x, slope_y, offset], axis=1) * scale[:, None])
    return np.stack(planes, axis=1)


def _spans(corners: NDArray[np.float64], planes: NDArray[np.float64], shape: tuple[int, int]) -> _Spans:
    """Return the pixels whose centres lie in each front face, row by row."""
    a, b, c = corners[:, 0, 1], corners[:, 1, 1], corners[:, 2, 1]
    low = np.clip(np.ceil(np.minimum(np.minimum(a, b), c) - 0.5), 0, shape[0]).astype(np.int64)
    high = np.clip(np.floor(np.maximum(np.maximum(a, b), c) - 0.5) + 1, 0, shape[0]).astype(np.int64)
    seen = (planes[:, 0, 0] != 0) | (planes[:, 0, 1] != 0)
    heights = np.where(seen, np.maximum(high - low, 0), 0)
    face = np.repeat(np.arange(len(heights)), heights)
    row = np.arange(len(face)) - np.repeat(np.cumsum(heights) - heights, heights) + low[face]
    plane = planes[face]
    constant = plane[..., 1] * (row + 0.5)[:, None] + plane[..., 2]
    slope = plane[..., 0]
    crossing = -constant / np.where(slope == 0, 1.0, slope)
    # three columns by hand: numpy is slow at reducing short axes
    left, right = np.full(len(face), -np.inf), np.full(len(face), np.inf)
    for edge in range(3):
        rising, falling = slope[:, edge] > 0, slope[:, edge] < 0
        left = np.where(rising, np.maximum(left, crossing[:, edge]), left)
        right = np.where(falling, np.minimum(right, crossing[:, edge]), right)
    # a hair's breadth wider than exact, so that neighbours leave no cracks
    first = np.clip(np.ceil(left - 0.5 - 1e-6), 0, shape[1]).astype(np.int64)
    past = np.clip(np.floor(right - 0.5 + 1e-6) + 1, 0, shape[1]).astype(np.int64)
    count = np.where(((slope == 0) & (constant < -1e-9)).any(axis=1), 0, past - first)
    kept = np.flatnonzero(count > 0)
    return _Spans(face[kept], row[kept], first[kept], count[kept])


def _nearness_along(
    spans: _Spans, planes: NDArray[np.float64], near: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the slope [M] of nearness along each span, and its value [M] at the first pixel."""
    plane = np.einsum("fwk,fw->fk", planes, near)[spans.face]
    return plane[:, 0], plane[:, 0] * (spans.first + 0.5) + plane[:, 1] * (spans.row + 0.5) + plane[:, 2]
