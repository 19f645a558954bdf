# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a light that the face's own shape explains.

Matt surfaces show distant light as a quadratic function of their normals (Ramamoorthi and Hanrahan 2001: second-order
spherical harmonics). Here the logarithm of light is fitted so, which keeps it a gain; normals are the canonical
face's, smoothed a little, since every face has its own.
"""

from functools import lru_cache

import cv2
import numpy as np

from ..core.face import canonical_face
from ..core.types import Floats
from .layout import atlas_layout

NORMAL_SIGMA = 0.004
"""Blur of the normals, in atlas widths."""
EVEN = 5
"""How many of the functions are the same left and right; they come first."""
RIDGE = 1e-3
"""Holds amounts small that the seen part of the face does not tell, against weights that add up to 1."""

WITHIN = (0.0, 1.0)
"""Quantiles of the fit on plain skin that bound it elsewhere: lips and nostrils point where no skin was read."""
HOLE_SIGMA = 0.03
"""Blur that carries normals into mouth and eyes, which have no surface of their own, in atlas widths."""


def fitted(light: Floats, weights: Floats, even: bool = False) -> Floats:
    """Return the fit [h, w, 3], of zero mean over the weights, to a log light on the grid.

    Args:
        light: [h, w, 3] log light; of any value where weights are 0.
        weights: [h, w] how much skin tells of it.
        even: only by functions that are the same left and right.
    """
    functions = normal_functions(len(light))[..., : EVEN if even else None]
    share = (weights / max(float(weights.sum()), 1e-6)).ravel()
    left, right = functions.reshape(-1, functions.shape[-1]), light.reshape(-1, 3)
    left = left - share @ left
    weighted = left.T * share
    ridge = RIDGE * np.eye(left.shape[1], dtype=np.float32)
    amounts = np.linalg.solve(weighted @ left + ridge, weighted @ right)
    fit = left @ amounts
    low, high = np.quantile(fit[share > share.max() / 2], WITHIN, axis=0)
    return np.clip(fit, low, high).reshape(light.shape).astype(np.float32)


@lru_cache(maxsize=2)
def normal_functions(cells: int) -> Floats:
    """Return y, z, y², yz, x², x, xy and xz of the normals, over the atlas [cells, cells, 8]."""
    layout = atlas_layout(4 * cells)
    surface = (layout.triangle < layout.mouth_start).astype(np.float32)
    normals, known = layout.picture((layout.interpolate(canonical_normals()) * surface).T), layout.picture(surface)
    normals, known = (cv2.resize(one, (cells, cells), interpolation=cv2.INTER_AREA) for one in (normals, known))
    near, wide = (
        [np.asarray(cv2.GaussianBlur(one, (0, 0), sigma * cells), np.float32) for one in (normals, known)]
        for sigma in (NORMAL_SIGMA, HOLE_SIGMA)
    )
    filled = known[..., None] * near[0] / np.maximum(near[1], 1e-2)[..., None]
    filled += (1 - known[..., None]) * wide[0] / np.maximum(wide[1], 1e-2)[..., None]
    x, y, z = np.moveaxis(filled, -1, 0)
    return np.stack([y, z, y * y, y * z, x * x, x, x * y, x * z], axis=-1).astype(np.float32)


def canonical_normals() -> Floats:
    """Return the outward unit normals [468, 3] of the canonical face."""
    face = canonical_face()
    corners = face.neutral_cm[face.triangles]
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    smooth = np.zeros_like(face.neutral_cm)
    np.add.at(smooth, face.triangles.ravel(), np.repeat(flat, 3, axis=0))
    return smooth / np.maximum(np.linalg.norm(smooth, axis=-1, keepdims=True), 1e-9)
