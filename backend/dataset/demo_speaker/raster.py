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
class _Candidates:
    """Pixels that may lie in a triangle."""

    pixel: Integers
    face: Integers
    weights: Floats
    """[3, N] barycentric weights in the picture's plane."""


def rasterise(points_px: Floats, nearness: Floats, faces: NDArray[np.int32], shape: tuple[int, int]) -> Hits:
    """Return what each pixel sees.

    Args:
        points_px: [V, 2] x to the right and y down; the first pixel's centre is at (0.5, 0.5).
        nearness: [V] over 0 and linear in the picture: 1 / depth under perspective.
        faces: [F, 3]; those clockwise on screen with y down turned up, that is seen from behind, are left out.
        shape: height and width of the picture.
    """
    found = _inside(_candidates(points_px.astype(np.float32), faces, shape))
    near = nearness.astype(np.float32)[faces[found.face]].T
    depth_key = np.einsum("cn,cn->n", found.weights, near)
    best = np.zeros(shape[0] * shape[1], np.float32)
    np.maximum.at(best, found.pixel, depth_key)
    winner = np.full(len(best), -1)
    seen = np.flatnonzero(depth_key == best[found.pixel])
    winner[found.pixel[seen]] = seen
    kept = winner[winner >= 0]
    corrected = found.weights[:, kept] * near[:, kept] / depth_key[kept]
    return Hits(np.flatnonzero(winner >= 0), found.face[kept], np.ascontiguousarray(corrected.T))


def _candidates(points: Floats, faces: NDArray[np.int32], shape: tuple[int, int]) -> _Candidates:
    """Return every pixel of every front face's bounding box with its barycentric weights."""
    corners = points[faces]
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    area = (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1]) - (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1])
    limit = np.array([shape[1], shape[0]])
    low = np.clip(np.ceil(corners.min(axis=1) - 0.5), 0, limit).astype(np.int64)
    high = np.clip(np.floor(corners.max(axis=1) - 0.5) + 1, 0, limit).astype(np.int64)
    span = np.maximum(high - low, 0)
    chosen = np.flatnonzero((area > 1e-9) & (span.prod(axis=1) > 0))
    counts = span[chosen].prod(axis=1)
    face = np.repeat(chosen, counts)
    local = np.arange(len(face)) - np.repeat(np.cumsum(counts) - counts, counts)
    row = local // span[face, 0]
    column = local - row * span[face, 0] + low[face, 0]
    row += low[face, 1]
    x, y = (column + 0.5).astype(np.float32), (row + 0.5).astype(np.float32)
    # each weight is linear in x and y: slope, slope, offset per face
    planes = _weight_planes(a, b, c, area)[:, :, face]
    weights = planes[:, 0] * x + planes[:, 1] * y + planes[:, 2]
    return _Candidates(row * shape[1] + column, face, weights)


def _weight_planes(a: Floats, b: Floats, c: Floats, area: Floats) -> Floats:
    """Return [3 weights, 3 coefficients, F] of the barycentric weights as planes over x and y."""
    scale = 1.0 / np.where(area > 1e-9, area, 1.0)
    planes = []
    for p, q in ((b, c), (c, a), (a, b)):
        slope_x = (p[:, 1] - q[:, 1]) * -1.0
        slope_y = (q[:, 0] - p[:, 0]) * -1.0
        offset = -(slope_x * p[:, 0] + slope_y * p[:, 1])
        planes.append(np.stack([slope_x, slope_y, offset]) * scale)
    return np.stack(planes).astype(np.float32)


def _inside(candidates: _Candidates) -> _Candidates:
    kept = np.flatnonzero((candidates.weights >= -1e-5).all(axis=0))
    return _Candidates(candidates.pixel[kept], candidates.face[kept], candidates.weights[:, kept])
