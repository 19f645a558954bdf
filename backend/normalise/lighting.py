# SPDX-License-Identifier: GPL-3.0-or-later
"""Light taken out of texture atlases, and put back.

LipSync3D (Lahiri et al. 2021) normalises light in two steps, spatial by facial symmetry and temporal against a
reference frame; its equations are not known to us. Here light is a smooth gain per channel. With the atlas I,
eps = 0.01, and b the smooth part of log(I + eps) over stable, visible skin (`light_field`),

    reference:  b* = b_ref + (sym(B_ref) - B_ref) - s   spatial step, once
    each frame: g = b* - b,  I_n = exp(l + g) - eps     temporal step; per channel, so colour temperature goes too
    relight:    I = exp(log(I_n + eps) - g_target) - eps

B is b at a wider blur (`symmetry_sigma`), so that a mole on one side of the reference stays; b itself may be finer, as
both frames show the same skin. s is what of the symmetric light follows from the face's shape: forehead bright, chin
dark, as under any lamp above. It is one map a speaker, so what it takes of true albedo it takes from all frames alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..core.errors import LipSyncError
from ..core.types import Floats
from .atlas import Atlas
from .light_field import EPS, light_field, read_light, symmetric
from .masks import skin_mask
from .shading import fitted

LOG_LIMIT = 3.0
"""Largest |log gain|: twentyfold."""
LEAST_SKIN = 0.01
"""Share of the atlas that must be skin in sight for its light to be told."""


@dataclass(frozen=True, slots=True)
class LightSettings:
    """Widths of the light's estimate and which steps to take."""

    symmetry_sigma: float = 0.05
    """Standard deviation of the Gaussian of the spatial step, as a share of the atlas width."""
    temporal_sigma: float = 0.015
    """The same of the temporal step; not larger than the other. Narrower is steadier but takes wrinkles for light."""
    scarce: float = 0.15
    """Share of known skin under a Gaussian at which the next wider one counts as much."""
    symmetry: bool = True
    """Whether to take the spatial step."""
    temporal: bool = True
    """Whether each frame has its own gain; else all have the reference's."""
    shape: bool = True
    """Whether the face's normals help to tell the light."""
    mask: bool = True
    """Whether only stable skin counts; else every visible texel does."""


@dataclass(frozen=True)
class LightReference:
    """What all frames of a speaker are brought to."""

    light: Floats
    """[h, w, 3] log light b*."""
    gain: Floats
    """[h, w, 3] log gain of the spatial step; used alone when the temporal step is off."""
    mask: Floats
    """[S, S] texels that count."""
    settings: LightSettings


def light_reference(
    atlases: Sequence[Atlas], settings: LightSettings | None = None, mask: Floats | None = None
) -> LightReference:
    """Return the reference made of one or more frames of a speaker (their visibility-weighted mean in the log).

    One frontal frame is the paper's choice; some spread over the clip even out highlights and show both cheeks.
    `mask` [S, S] replaces the skin mask, e.g. to leave out a beard.

    Raises:
        LipSyncError: none of the frames shows enough skin.
    """
    settings = settings or LightSettings()
    size = len(atlases[0].rgb)
    if mask is None:
        mask = skin_mask(size) if settings.mask else np.ones((size, size), np.float32)
    reading = read_light(list(atlases), mask)
    if float(reading.weights.mean()) < LEAST_SKIN:
        raise LipSyncError("no skin in sight in the reference frames: choose frames that face the camera")
    wide = light_field(reading, settings.symmetry_sigma, settings.scarce, settings.shape)
    gain = np.zeros_like(wide)
    if settings.symmetry:
        even = symmetric(wide, reading.weights, settings.symmetry_sigma)
        gain = even - wide
        if settings.shape:
            gain -= fitted(even, reading.weights, even=True)
    light = light_field(reading, settings.temporal_sigma, settings.scarce, settings.shape) + gain
    return LightReference(light, gain, mask, settings)


def gain_field(atlas: Atlas, reference: LightReference) -> Floats:
    """Return the log gain [h, w, 3] that takes a frame's light to the reference's; small, stored with the frame.

    A frame with next to no skin in sight tells nothing and gets the gain of the spatial step alone.
    """
    settings = reference.settings
    if not settings.temporal:
        return reference.gain
    reading = read_light([atlas], reference.mask)
    if float(reading.weights.mean()) < LEAST_SKIN:
        return reference.gain
    light = light_field(reading, settings.temporal_sigma, settings.scarce, settings.shape)
    return np.clip(reference.light - light, -LOG_LIMIT, LOG_LIMIT)


def normalise(rgb: Floats, gain: Floats) -> Floats:
    """Return an atlas [S, S, 3] (sRGB 0-1) with the light of its frame taken out; may leave 0-1, not clipped."""
    return (rgb + np.float32(EPS)) * _factors(gain, rgb.shape[0]) - np.float32(EPS)


def relight(rgb_normalised: Floats, gain_target: Floats) -> Floats:
    """Return a normalised atlas [S, S, 3] in the light of the frame whose gain is given: `normalise` undone."""
    return (rgb_normalised + np.float32(EPS)) / _factors(gain_target, rgb_normalised.shape[0]) - np.float32(EPS)


def _factors(gain: Floats, size: int) -> Floats:
    """Return the gain [S, S, 3] to multiply with."""
    factors = cv2.resize(np.exp(gain), (size, size), interpolation=cv2.INTER_LINEAR)
    return np.asarray(factors, np.float32)
