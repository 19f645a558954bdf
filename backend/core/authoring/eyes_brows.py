# SPDX-License-Identifier: GPL-3.0-or-later
"""The eye, brow, cheek and nose blendshapes of the left half; the right half is their mirror."""

import numpy as np

from .fields import Field, Skin
from .topology import EYE_LOWER_LEFT, EYE_UPPER_LEFT

Move = tuple[float, float, float]

LID_MEETING = 0.92
"""Where a blink's lids meet: 0 at the open upper lid, 1 at the lower lid."""


def eye_shape(skin: Skin, name: str) -> Field:
    """Return the displacement [468, 3] of a left eye's blendshape (eyeLook: the lids' part; the globe is elsewhere)."""
    upper, lower = EYE_UPPER_LEFT[1:-1], EYE_LOWER_LEFT[1:-1]
    gap = skin.vertices_cm[lower] - skin.vertices_cm[upper]
    still = np.zeros_like(gap)
    left, up = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    bulge = np.array([0.0, 0.0, 0.12])
    moves = {
        "eyeBlinkLeft": (LID_MEETING * gap + bulge, (LID_MEETING - 1) * gap + bulge),
        "eyeSquintLeft": (0.12 * gap, -0.42 * gap),
        "eyeWideLeft": (-0.35 * gap, 0.08 * gap),
        "eyeLookDownLeft": (0.6 * gap, still - 0.12 * up),
        "eyeLookUpLeft": (-0.35 * gap, still + 0.05 * up),
        "eyeLookInLeft": (still - 0.05 * left, still - 0.05 * left),
        "eyeLookOutLeft": (still + 0.05 * left, still + 0.05 * left),
    }
    pins = _elsewhere(skin, reach_cm=1.7)
    for lid, move in zip((upper, lower), moves[name], strict=True):
        pins |= {int(v): value for v, value in zip(lid, move, strict=True)}
    return skin.spread(pins)


def _elsewhere(skin: Skin, reach_cm: float) -> dict[int, Field]:
    """Return zero pins for the corners of the eye and for all that lies farther than `reach_cm` from its lids."""
    lids = skin.vertices_cm[np.concatenate([EYE_UPPER_LEFT, EYE_LOWER_LEFT])]
    distance = np.linalg.norm(skin.vertices_cm[:, None] - lids[None], axis=-1).min(axis=1)
    still = np.concatenate([np.flatnonzero(distance > reach_cm), EYE_UPPER_LEFT[[0, -1]]])
    return {int(v): np.zeros(3) for v in still}


BUMPS: dict[str, tuple[tuple[int, float, Move], ...]] = {
    "browDownLeft": ((285, 1.5, (-0.35, -0.65, 0.2)), (334, 1.6, (-0.35, -0.4, 0.25)), (300, 1.4, (-0.15, -0.15, 0.2))),
    "browOuterUpLeft": ((300, 1.5, (0.0, 0.85, -0.3)), (334, 1.5, (0.1, 0.7, -0.25))),
    "browInnerUp": ((336, 1.5, (0.15, 1.0, -0.15)), (9, 1.2, (0.0, 0.35, 0.0)), (334, 0.9, (0.0, 0.15, 0.0))),
    "cheekSquintLeft": ((345, 1.6, (-0.15, 0.6, 0.2)), (280, 1.6, (-0.08, 0.35, 0.15)), (352, 1.5, (0.0, 0.3, 0.1))),
    "noseSneerLeft": ((278, 1.3, (0.02, 0.62, 0.0)), (355, 1.1, (-0.03, 0.3, 0.1)), (285, 1.2, (-0.06, -0.3, 0.08))),
}
"""Blendshape: (centre vertex, radius in cm, move) of each soft bump that makes it."""


def bump_shape(skin: Skin, name: str) -> Field:
    """Return the displacement [468, 3] of a sum of Gaussian bumps of skin."""
    field = np.zeros_like(skin.vertices_cm)
    for centre, radius_cm, move in BUMPS[name]:
        distance = np.linalg.norm(skin.vertices_cm - skin.vertices_cm[centre], axis=1)
        field += np.exp(-((distance / radius_cm) ** 2))[:, None] * np.array(move)
    if name.endswith("Left"):
        return field
    return np.where(np.abs(skin.vertices_cm[:, :1]) < 1e-6, 0.5, 1.0) * (field + skin.reflect(field))
