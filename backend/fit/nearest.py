# SPDX-License-Identifier: GPL-3.0-or-later
"""The nearest point of a few triangles to each of many points (Ericson 2005, Real-Time Collision Detection, 5.1.5)."""

import numpy as np
from numpy.typing import NDArray

from .surface import Doubles, Indices

AT_ONCE = 400_000
"""Pairs of point and triangle held at once."""
LOOKED_AT = 24
"""Triangles that are looked at closely, by how near their middles lie."""


def nearest_on(points: Doubles, corners: Doubles) -> tuple[NDArray[np.int64], Doubles, Doubles]:
    """Return the nearest point of triangles.

    Args:
        points: [N, 3].
        corners: [F, 3, 3].

    Returns:
        (triangle [N], barycentric coordinates [N, 3], distance [N]).
    """
    rows = max(1, AT_ONCE // len(corners))
    parts = [_nearest(points[first : first + rows], corners) for first in range(0, len(points), rows)]
    if not parts:
        return np.zeros(0, np.int64), np.zeros((0, 3)), np.zeros(0)
    triangle, weights, distance = (np.concatenate(kind) for kind in zip(*parts, strict=True))
    return triangle, weights, distance


def _nearest(points: Doubles, corners: Doubles) -> tuple[Indices, Doubles, Doubles]:
    middles = corners.mean(axis=1)
    far = (middles**2).sum(axis=1)[None] - 2 * points @ middles.T
    count = min(LOOKED_AT, len(corners))
    some = np.argpartition(far, count - 1, axis=1)[:, :count]
    weights = _barycentric(points[:, None], corners[some])
    found = np.einsum("nfk,nfkc->nfc", weights, corners[some])
    distance = np.linalg.norm(found - points[:, None], axis=2)
    best = distance.argmin(axis=1)
    row = np.arange(len(points))
    return some[row, best], weights[row, best], distance[row, best]


def _barycentric(points: Doubles, corners: Doubles) -> Doubles:
    """Return the barycentric coordinates [N, F, 3] of the nearest points: inside, else on the nearest edge."""
    a, b, c = corners[..., 0, :], corners[..., 1, :], corners[..., 2, :]
    ab, ac = b - a, c - a
    normal = np.cross(ab, ac)
    area = np.maximum((normal**2).sum(axis=-1), 1e-30)
    to = points - a
    v = (np.cross(to, ac) * normal).sum(axis=-1) / area
    w = (np.cross(ab, to) * normal).sum(axis=-1) / area
    inside = (v >= 0) & (w >= 0) & (v + w <= 1)
    best = np.stack([1 - v - w, v, w], axis=-1)
    nearest = np.where(inside, 0.0, np.inf)
    for first, second, start, along in ((0, 1, a, ab), (0, 2, a, ac), (1, 2, b, c - b)):
        share = ((points - start) * along).sum(axis=-1) / np.maximum((along**2).sum(axis=-1), 1e-30)
        share = np.clip(share, 0.0, 1.0)
        off = ((points - start - share[..., None] * along) ** 2).sum(axis=-1)
        better = ~inside & (off < nearest)
        nearest = np.where(better, off, nearest)
        edge = np.zeros_like(best)
        edge[..., first], edge[..., second] = 1 - share, share
        best = np.where(better[..., None], edge, best)
    return best
