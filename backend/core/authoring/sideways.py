# SPDX-License-Identifier: GPL-3.0-or-later
"""mouthLeft: the whole mouth goes to one side, around the teeth; the leading corner rises and goes back."""

import numpy as np

from .fields import Field, Skin
from .mouth import SUPPORTS, at_rest
from .topology import LOWER_RINGS, UPPER_RINGS

SHIFT_CM = np.array([1.15, 0.08, -0.2])
"""Middle of the mouth."""
LEADING_CM = np.array([-0.4, 0.65, -0.45])
"""What the left corner does beyond the middle."""
TRAILING_CM = np.array([-0.15, -0.12, 0.72])
"""What the right corner does beyond the middle."""


def mouth_left(skin: Skin) -> Field:
    """Return the displacement [468, 3] of mouthLeft (a direction: to the subject's left, +X)."""
    pins: dict[int, Field] = {int(v): np.zeros(3) for v in at_rest(skin)}
    for vertex in SUPPORTS["chin"] + SUPPORTS["jawline"]:
        pins |= {int(v): np.zeros(3) for v in (vertex, skin.mirror[vertex])}
    pins |= {2: np.array([0.6, 0.05, -0.05]), 4: np.array([0.3, -0.03, -0.1]), 1: np.array([0.35, -0.03, -0.1])}
    for ring in (*UPPER_RINGS, *LOWER_RINGS):
        x = skin.vertices_cm[ring, 0]
        along = x / np.abs(x).max()
        for vertex, at in zip(ring, along, strict=True):
            extra = LEADING_CM if at > 0 else TRAILING_CM
            pins[int(vertex)] = SHIFT_CM + extra * abs(at) ** 1.5
    return skin.spread(pins)
