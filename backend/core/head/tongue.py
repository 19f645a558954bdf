# SPDX-License-Identifier: GPL-3.0-or-later
"""The tongue: a soft tapering body on the floor of the mouth, fixed to the jaw at its root."""

import numpy as np

from ..jaw import bone_shapes
from .parts import MATERIAL_INDEX, HeadPart, Points, grid_faces, make_part

SECTIONS = 14
SIDES = 16


def tongue() -> HeadPart:
    """Return the tongue with the jaw's shapes and tongueOut."""
    t = np.linspace(0, 1, SECTIONS)
    centre = np.stack([0 * t, -6.1 + 0.75 * np.sin(t * np.pi * 0.55) + 0.25 * t, -1.6 + 5.35 * t], axis=1)
    half_width = 1.75 * np.sqrt(np.clip(1 - (0.96 * t) ** 5, 0, 1)) * (1 - 0.22 * t)
    half_height = 0.8 * (1 - 0.62 * t) * np.sqrt(np.clip(1 - (0.97 * t) ** 8, 0, 1))
    angle = np.linspace(0, 2 * np.pi, SIDES, endpoint=False)
    across, up = np.cos(angle), np.sin(angle)
    groove = 0.18 * np.exp(-((across / 0.3) ** 2)) * (up > 0)
    x = half_width[:, None] * across
    y = centre[:, 1:2] + half_height[:, None] * (up - groove)
    z = np.broadcast_to(centre[:, 2:3], x.shape)
    body = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    tip = centre[-1] + (0, 0, 0.14)
    vertices = np.concatenate([body, tip[None]])
    last = (SECTIONS - 1) * SIDES + np.arange(SIDES)
    cap = np.stack([last, (SECTIONS - 1) * SIDES + (np.arange(SIDES) + 1) % SIDES, np.full(SIDES, len(body))], axis=1)
    faces = np.concatenate([grid_faces(SECTIONS, SIDES, wrap=True), cap])
    shapes = bone_shapes(vertices) | {"tongueOut": _out(np.append(np.repeat(t, SIDES), 1.0))}
    return make_part("tongue", vertices, faces, MATERIAL_INDEX["tongue"], shapes)


def _out(t: Points) -> Points:
    """Return the displacement of tongueOut by the place along the tongue [N]: forward, and down at the tip."""
    return np.stack([0 * t, 0.75 * t**2 - 1.3 * t**5, 3.4 * t**1.5], axis=1)
