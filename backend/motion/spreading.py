# SPDX-License-Identifier: GPL-3.0-or-later
"""Mouth width as lip shapes: which channels widen or narrow the canonical mouth, and how a width is come by."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..core.blendshapes import ARKIT_INDEX
from ..core.face import canonical_face, mouth_width_cm, vertices_from_weights
from .targets import CHANNELS, FUNNEL, PUCKER, SHAPE_BLENDSHAPES, SMILE, STRETCH

Doubles = NDArray[np.float64]

MM = 10.0
SMALL = 0.1
"""Weight at which the width's slope is taken."""
SMILE_SHARE = 0.5
"""Part of a widening that smile makes; stretch makes the rest."""


@lru_cache(maxsize=1)
def width_rows() -> Doubles:
    """Return how each channel widens the canonical mouth [7], mm a unit; the opening does not."""
    neutral = canonical_face().neutral_cm
    rows = np.zeros(len(CHANNELS))
    for channel, names in SHAPE_BLENDSHAPES.items():
        weights = np.zeros(len(ARKIT_INDEX))
        weights[[ARKIT_INDEX[name] for name in names]] = SMALL
        wider = mouth_width_cm(neutral + vertices_from_weights(weights)) - mouth_width_cm(neutral)
        rows[channel] = MM / SMALL * float(wider)
    rows.setflags(write=False)
    return rows


def widened(tracks: Doubles, by_mm: Doubles) -> Doubles:
    """Return tracks [T, 7] whose lip shapes make the mouth wider by so much [T], narrower where negative.

    What narrows is taken back before the corners are drawn out, and the other way round.
    """
    rows, moved = width_rows(), tracks.copy()
    for sign, opposed, growing in (
        (1.0, (PUCKER, FUNNEL), {SMILE: SMILE_SHARE, STRETCH: 1 - SMILE_SHARE}),
        (-1.0, (SMILE, STRETCH), {PUCKER: 1.0}),
    ):
        wanted = np.maximum(sign * by_mm, 0)
        there = moved[:, opposed] @ np.abs(rows[list(opposed)])
        taken = np.minimum(wanted, there)
        moved[:, opposed] *= (1 - taken / np.maximum(there, 1e-9))[:, None]
        for channel, share in growing.items():
            moved[:, channel] += share * (wanted - taken) / abs(rows[channel])
    return np.minimum(moved, np.where(np.arange(len(CHANNELS)) < 1, np.inf, 1.0))
