# SPDX-License-Identifier: GPL-3.0-or-later
"""The lights of a clip: wandering, colour-changing key and fill, and a sky over a ground. Closed form in time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.types import Floats
from .noise import drift


@dataclass(frozen=True)
class Lights:
    """Lights over T frames, in camera axes; colours are linear RGB irradiance over pi (what white paper shows)."""

    key_direction: Floats
    """[T, 3] unit, towards the light."""
    key_colour: Floats
    """[T, 3]."""
    fill_direction: Floats
    """[T, 3]."""
    fill_colour: Floats
    """[T, 3]."""
    sky_colour: Floats
    """[T, 3] ambient from above."""
    ground_colour: Floats
    """[T, 3] ambient from below."""


@dataclass(frozen=True)
class LightRange:
    """How much the lights of a clip change."""

    wander: float = 1.0
    """Gain of all motion of the lights; 0 keeps them still."""
    colour: float = 1.0
    """Gain of all colour; 0 is white."""


def lights(seed: int, times_s: NDArray[np.float64], extent: LightRange) -> Lights:
    """Return the lights at the times [T]."""
    random = np.random.default_rng((seed, 31))
    side = 1.0 if random.random() < 0.5 else -1.0
    wander = extent.wander
    azimuth = side * 0.55 + wander * 0.65 * drift(random, times_s, 0.05, 0.25)
    height = 0.5 + wander * 0.3 * drift(random, times_s, 0.05, 0.25)
    key = 0.92 * (1 + wander * 0.28 * drift(random, times_s, 0.08, 0.6))
    fill_azimuth = -side * 0.95 + wander * 0.3 * drift(random, times_s, 0.05, 0.25)
    fill = 0.3 * (1 + wander * 0.4 * drift(random, times_s, 0.08, 0.5))
    ambient = 0.3 * (1 + wander * 0.2 * drift(random, times_s, 0.05, 0.3))
    hues = [extent.colour * (random.uniform(-1, 1) + wander * drift(random, times_s, 0.05, 0.25)) for _ in range(3)]
    tints = [extent.colour * 0.06 * wander * drift(random, times_s, 0.05, 0.25) for _ in range(3)]
    return Lights(
        key_direction=_direction(azimuth, height),
        key_colour=_colour(key, 0.13 * hues[0], tints[0]),
        fill_direction=_direction(fill_azimuth, 0.1 + 0 * height),
        fill_colour=_colour(fill, 0.22 * hues[1], tints[1]),
        sky_colour=_colour(ambient, 0.08 * hues[2], tints[2]),
        ground_colour=_colour(0.55 * ambient, 0.08 * hues[2] + 0.12 * extent.colour, tints[2]),
    )


def _direction(azimuth_rad: NDArray[np.float64], height_rad: NDArray[np.float64]) -> Floats:
    level = np.cos(height_rad)
    return np.stack([np.sin(azimuth_rad) * level, np.sin(height_rad), np.cos(azimuth_rad) * level], axis=1).astype(
        np.float32
    )


def _colour(strength: NDArray[np.float64], warmth: NDArray[np.float64], tint: NDArray[np.float64]) -> Floats:
    """Return [T, 3]: warmth over 0 is red, under 0 is blue; tint over 0 is green."""
    rgb = np.stack([np.exp(1.1 * warmth), np.exp(tint), np.exp(-1.5 * warmth)], axis=1)
    return (strength[:, None] * rgb).astype(np.float32)
