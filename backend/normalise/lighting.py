# SPDX-License-Identifier: GPL-3.0-or-later
"""Light taken out of texture atlases, and put back.

LipSync3D (Lahiri et al. 2021) normalises light in two steps, spatial by facial symmetry and temporal against a
reference frame; its equations are not known to us. Here light is a smooth gain per channel. With the atlas I,
eps = 0.01, weights w = skin mask x visibility and a Gaussian G,

    l = log(I + eps),    b = G(w l) / G(w)              the light at each texel, filled in where w is 0
    reference:  l* = l_ref + (sym(b_ref) - b_ref)       spatial step: its wide light is made symmetric, once
    each frame: g = b* - b,  I_n = exp(l + g) - eps     temporal step; per channel, so colour temperature goes too
    relight:    I = exp(log(I_n + eps) - g_target) - eps

Two widths: the symmetric part is taken over `symmetry_sigma`, so that a mole on one side stays; the gain to the
reference over the narrower `temporal_sigma`, since both frames show the same skin. Where w is scarce (the mouth, a
cheek turned away), b goes over to wider Gaussians by itself. Blurs run on a grid of `GRID` cells, which holds such
smooth fields.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..core.types import Floats
from .atlas import Atlas
from .masks import skin_mask

EPS = 0.01
"""Added to sRGB before the logarithm, so that black stays finite."""
GRID = 64
"""Cells along each side of light and gain fields."""
LOG_LIMIT = 3.0
"""Largest |log gain|: twentyfold."""


@dataclass(frozen=True, slots=True)
class LightSettings:
    """Widths of the light's estimate and which steps to take."""

    symmetry_sigma: float = 0.05
    """Standard deviation of the Gaussian of the spatial step, as a share of the atlas width."""
    temporal_sigma: float = 0.035
    """The same of the temporal step; not larger than the other."""
    scarce: float = 0.15
    """Share of known skin under a Gaussian at which the next wider one counts as much."""
    symmetry: bool = True
    """Whether to take the spatial step."""
    temporal: bool = True
    """Whether each frame has its own gain; else all have the reference's."""
    mask: bool = True
    """Whether only stable skin counts; else every visible texel does."""


@dataclass(frozen=True)
class LightReference:
    """What all frames of a speaker are brought to."""

    light: Floats
    """[h, w, 3] log light of the reference, symmetric, over the temporal width."""
    gain: Floats
    """[h, w, 3] log gain that made the reference itself symmetric; used alone when the temporal step is off."""
    mask: Floats
    """[S, S] texels that count."""
    settings: LightSettings


def light_reference(
    atlases: Sequence[Atlas], settings: LightSettings | None = None, mask: Floats | None = None
) -> LightReference:
    """Return the reference made of one or more frames of a speaker (their visibility-weighted mean in the log).

    One frontal frame is the paper's choice; some spread over the clip even out highlights and show both cheeks.
    `mask` [S, S] replaces the skin mask, e.g. to leave out a beard.
    """
    settings = settings or LightSettings()
    size = len(atlases[0].rgb)
    if mask is None:
        mask = skin_mask(size) if settings.mask else np.ones((size, size), np.float32)
    sums, weights = np.zeros((GRID, GRID, 3), np.float32), np.zeros((GRID, GRID), np.float32)
    for atlas in atlases:
        total, weight = _gather(atlas, mask)
        sums += total
        weights += weight
    share = np.float32(1 / len(atlases))
    sums, weights = sums * share, weights * share
    wide = _smooth(sums, weights, settings.symmetry_sigma, settings.scarce)
    gain = _symmetric(wide, weights, settings) - wide if settings.symmetry else np.zeros_like(wide)
    light = _smooth(sums, weights, settings.temporal_sigma, settings.scarce) + gain
    return LightReference(light, gain, mask, settings)


def gain_field(atlas: Atlas, reference: LightReference) -> Floats:
    """Return the log gain [h, w, 3] that takes a frame's light to the reference's; small, stored with the frame."""
    if not reference.settings.temporal:
        return reference.gain
    sums, weight = _gather(atlas, reference.mask)
    light = _smooth(sums, weight, reference.settings.temporal_sigma, reference.settings.scarce)
    return np.clip(reference.light - light, -LOG_LIMIT, LOG_LIMIT)


def normalise(rgb: Floats, gain: Floats) -> Floats:
    """Return an atlas [S, S, 3] (sRGB 0-1) with the light of its frame taken out; may leave 0-1, not clipped."""
    return (rgb + EPS) * _factors(gain, rgb.shape[0]) - EPS


def relight(rgb_normalised: Floats, gain_target: Floats) -> Floats:
    """Return a normalised atlas [S, S, 3] in the light of the frame whose gain is given: `normalise` undone."""
    return (rgb_normalised + EPS) / _factors(gain_target, rgb_normalised.shape[0]) - EPS


def _factors(gain: Floats, size: int) -> Floats:
    """Return the gain [S, S, 3] to multiply with."""
    return cv2.resize(np.exp(gain, dtype=np.float32), (size, size), interpolation=cv2.INTER_LINEAR)


def _gather(atlas: Atlas, mask: Floats) -> tuple[Floats, Floats]:
    """Return (weighted log colours [h, w, 3], weights [h, w]) of a frame on the grid."""
    weight = mask * atlas.visibility
    logs = cv2.log(np.maximum(atlas.rgb, 0.0, dtype=np.float32) + np.float32(EPS))
    grid = (GRID, GRID)
    sums = cv2.resize(logs * weight[..., None], grid, interpolation=cv2.INTER_AREA)
    return sums, cv2.resize(weight, grid, interpolation=cv2.INTER_AREA)


def _smooth(sums: Floats, weights: Floats, sigma: float, scarce: float) -> Floats:
    """Return the normalised convolution [h, w, 3], from ever wider Gaussians where skin is scarce."""
    total = float(weights.sum())
    estimate = np.broadcast_to(sums.sum(axis=(0, 1)) / max(total, 1e-6), sums.shape)
    for width in (8 * sigma, 4 * sigma, 2 * sigma, sigma):
        near = _blur(weights, width)[..., None]
        trust = near**2 / (near**2 + scarce**2)
        estimate = estimate + trust * (_blur(sums, width) / np.maximum(near, 1e-6) - estimate)
    return estimate.astype(np.float32)


def _symmetric(light: Floats, weights: Floats, settings: LightSettings) -> Floats:
    """Return the mean of a light and its mirror image, each weighted by how much skin told of it."""
    known = _blur(weights, settings.symmetry_sigma)[..., None] + np.float32(1e-3)
    mirrored, mirrored_known = light[:, ::-1], known[:, ::-1]
    return (known * light + mirrored_known * mirrored) / (known + mirrored_known)


def _blur(field: NDArray[np.float32], sigma: float) -> Floats:
    """Return a field convolved with a Gaussian of `sigma` atlas widths; outside the atlas lies nothing."""
    return cv2.GaussianBlur(field, (0, 0), sigma * GRID, borderType=cv2.BORDER_CONSTANT)
