# SPDX-License-Identifier: GPL-3.0-or-later
"""Closes the lips of the published canonical face, whose inner edges stand 5.5 mm apart."""

import numpy as np

from .fields import Field, Indices, Skin
from .topology import LOWER_RINGS, UPPER_RINGS

OUTER_SHARE = 0.3
"""How far the outer lip edges follow the inner ones."""


def close_lips(skin: Skin) -> Field:
    """Return [468, 3] with each inner upper vertex exactly on its lower partner.

    The partners meet half way; lip bodies are spread between the edges, and the skin around follows.
    """
    vertices = skin.vertices_cm
    upper, lower = UPPER_RINGS[0, 1:-1], LOWER_RINGS[0, 1:-1]
    meeting = 0.5 * (vertices[upper] + vertices[lower])
    pins: dict[int, Field] = {int(v): np.zeros(3) for v in far_from_mouth(vertices)}
    for rings, inner in ((UPPER_RINGS, upper), (LOWER_RINGS, lower)):
        shift = meeting - vertices[inner]
        for ring, share in ((0, 1.0), (1, 0.8), (2, 0.55), (3, OUTER_SHARE)):
            pins |= {int(v): share * move for v, move in zip(rings[ring, 1:-1], shift, strict=True)}
    pins |= {int(v): np.zeros(3) for v in UPPER_RINGS[:, [0, -1]].ravel()}
    closed = vertices + skin.symmetric(skin.spread(pins))
    closed[upper] = closed[lower] = 0.5 * (closed[upper] + closed[lower])
    return closed


def far_from_mouth(vertices_cm: Field) -> Indices:
    """Return the indices of the vertices over 3.2 cm from the lips."""
    lips = vertices_cm[np.concatenate([UPPER_RINGS[3], LOWER_RINGS[3]])]
    distance = np.linalg.norm(vertices_cm[:, None] - lips[None], axis=-1).min(axis=1)
    return np.flatnonzero(distance > 3.2)
