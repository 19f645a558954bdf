# SPDX-License-Identifier: GPL-3.0-or-later
"""Light on surfaces: wrapped Lambert, hemispheric ambient, two Blinn-Phong lobes (Blinn 1977). All linear RGB."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.types import Floats
from .lights import Lights

WRAP = np.array([0.22, 0.11, 0.07], np.float32)
"""How far light creeps round the terminator of skin, by channel: red goes furthest under it."""
LOBES = ((12.0, 0.016), (45.0, 0.05))
"""Exponent and strength of each specular lobe."""
WET_LOBE = (500.0, 0.5)
"""The one lobe of wet surfaces."""


@dataclass(frozen=True)
class Surface:
    """N visible points."""

    albedo: Floats
    """[N, 3]."""
    normal: Floats
    """[N, 3] unit, camera axes."""
    to_camera: Floats
    """[N, 3] unit."""
    openness: Floats
    """[N] share of the surroundings that reaches the point."""
    gloss: Floats
    """[N] strength of specular light."""
    wet: NDArray[np.bool_]
    """[N] mirrors lamps as small sharp spots."""


def shade(surface: Surface, lights: Lights, frame: int) -> Floats:
    """Return the light [N, 3] that leaves the points towards the camera in one frame."""
    open_ = surface.openness[:, None]
    up = 0.5 + 0.5 * surface.normal[:, 1:2]
    diffuse = open_ * (up * lights.sky_colour[frame] + (1 - up) * lights.ground_colour[frame])
    specular = np.zeros_like(diffuse)
    # what little of the surroundings a fold sees, a lamp is likely not in
    direct = np.clip(1.6 * surface.openness - 0.35, 0, 1)[:, None]
    for direction, colour in (
        (lights.key_direction[frame], lights.key_colour[frame]),
        (lights.fill_direction[frame], lights.fill_colour[frame]),
    ):
        cosine = (surface.normal @ direction)[:, None]
        diffuse += direct * colour * np.clip((cosine + WRAP) / (1 + WRAP), 0, None)
        specular += direct * colour * _glint(surface, direction)
    return surface.albedo * diffuse + surface.gloss[:, None] * specular


def _glint(surface: Surface, direction: Floats) -> Floats:
    half = surface.to_camera + direction
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    facing = np.clip((surface.normal * half).sum(axis=1), 0, 1)
    lit = np.clip(4 * surface.normal @ direction, 0, 1)
    soft = sum(strength * facing**exponent for exponent, strength in LOBES)
    sharp = WET_LOBE[1] * facing ** WET_LOBE[0]
    return (np.pi * lit * np.where(surface.wet, sharp, soft))[:, None].astype(np.float32)
