# SPDX-License-Identifier: GPL-3.0-or-later
"""Smooth light over the atlas from the texels where it can be read, on a coarse grid.

A light field is a trend that the face's normals explain plus what is left, blurred by a normalised convolution
(Knutsson and Westin 1993). The trend carries the light into the mouth, which is masked, and round the nose, where a
blur alone is too smooth; where skin is scarce the rest comes from ever wider blurs.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..core.types import Floats
from .atlas import Atlas
from .shading import fitted

EPS = 0.01
"""Added to sRGB before the logarithm, so that black stays finite."""
GRID = 64
"""Cells along each side of light and gain fields."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one or more frames tell of the light."""

    sums: Floats
    """[h, w, 3] log colours times their weights."""
    weights: Floats
    """[h, w] how much stable, visible skin each cell holds, 0-1."""


def read_light(atlases: list[Atlas], mask: Floats) -> Reading:
    """Return the mean reading of frames; `mask` [S, S] says which texels count."""
    sums, weights = np.zeros((GRID, GRID, 3), np.float32), np.zeros((GRID, GRID), np.float32)
    for atlas in atlases:
        weight = mask * atlas.visibility
        logs = cv2.log(np.maximum(atlas.rgb, 0.0) + np.float32(EPS))
        sums += cv2.resize(logs * weight[..., None], (GRID, GRID), interpolation=cv2.INTER_AREA)
        weights += cv2.resize(weight, (GRID, GRID), interpolation=cv2.INTER_AREA)
    share = np.float32(1 / len(atlases))
    return Reading(sums * share, weights * share)


def light_field(reading: Reading, sigma: float, scarce: float, shape: bool) -> Floats:
    """Return the log light [h, w, 3].

    Args:
        reading: what is known of it.
        sigma: of the narrowest Gaussian, in atlas widths.
        scarce: share of known skin under a Gaussian at which the next wider one counts as much.
        shape: whether the trend by normals is taken first.
    """
    sums, weights = reading.sums, reading.weights
    trend = np.zeros_like(sums)
    if shape:
        trend = fitted(sums / np.maximum(weights, 1e-6)[..., None], weights)
        sums = sums - weights[..., None] * trend
    total = max(float(weights.sum()), 1e-6)
    estimate = np.broadcast_to(sums.sum(axis=(0, 1)) / total, sums.shape)
    for width in (8 * sigma, 4 * sigma, 2 * sigma, sigma):
        near = blur(weights, width)[..., None]
        trust = near**2 / (near**2 + scarce**2)
        estimate = estimate + trust * (blur(sums, width) / np.maximum(near, 1e-6) - estimate)
    return (estimate + trend).astype(np.float32)


def symmetric(light: Floats, weights: Floats, sigma: float) -> Floats:
    """Return the mean of a light [h, w, 3] and its mirror image, each weighted by how much skin told of it."""
    known = blur(weights, sigma)[..., None] + np.float32(1e-3)
    mirrored, mirrored_known = light[:, ::-1], known[:, ::-1]
    return (known * light + mirrored_known * mirrored) / (known + mirrored_known)


def blur(field: NDArray[np.float32], sigma: float) -> Floats:
    """Return a field convolved with a Gaussian of `sigma` atlas widths; outside the atlas lies nothing."""
    return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma * GRID, borderType=cv2.BORDER_CONSTANT), np.float32)
