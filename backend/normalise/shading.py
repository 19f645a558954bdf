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

NORMAL_SIGMA = 0.006
"""Blur of the normals, in atlas widths."""
EVEN = 5
"""How many of the functions are the same left and right; they come first."""
RIDGE = 1e-3
"""Holds amounts small that the seen part of the face does not tell, against weights that add up to 1."""


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
    return (left @ amounts).reshape(light.shape).astype(np.float32)


@lru_cache(maxsize=2)
def normal_functions(cells: int) -> Floats:
    """Return y, z, y², yz, x², x, xy and xz of the normals, over the atlas [cells, cells, 8]."""
    layout = atlas_layout(4 * cells)
    known = layout.picture(np.ones(len(layout.texels), np.float32))
    grid, sigma = (cells, cells), NORMAL_SIGMA * cells
    normals = cv2.resize(layout.picture(layout.interpolate(canonical_normals()).T), grid, interpolation=cv2.INTER_AREA)
    known = cv2.resize(known, grid, interpolation=cv2.INTER_AREA)
    near = np.maximum(cv2.GaussianBlur(known, (0, 0), sigma), 1e-2)[..., None]
    x, y, z = np.moveaxis(cv2.GaussianBlur(normals, (0, 0), sigma) / near, -1, 0)
    return np.stack([y, z, y * y, y * z, x * x, x, x * y, x * z], axis=-1).astype(np.float32)


def canonical_normals() -> Floats:
    """Return the outward unit normals [468, 3] of the canonical face."""
    face = canonical_face()
    corners = face.neutral_cm[face.triangles]
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    smooth = np.zeros_like(face.neutral_cm)
    np.add.at(smooth, face.triangles.ravel(), np.repeat(flat, 3, axis=0))
    return smooth / np.maximum(np.linalg.norm(smooth, axis=-1, keepdims=True), 1e-9)
