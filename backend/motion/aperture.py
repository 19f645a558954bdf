# SPDX-License-Identifier: GPL-3.0-or-later
"""Lip opening met exactly on the mesh: how far mouthClose, mouthLowerDown and mouthUpperUp must go.

The mesh is linear in the weights, so the heights of the two inner lips are too, and a wanted pair of heights is
solved in closed form, frame by frame, with every weight at or above 0 and mouthClose at or below jawOpen.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..core.blendshapes import ARKIT_INDEX
from ..core.face import INNER_LIP_PAIRS, canonical_face

Doubles = NDArray[np.float64]

JAW_OPEN, CLOSE = ARKIT_INDEX["jawOpen"], ARKIT_INDEX["mouthClose"]
FUNNEL, PUCKER = ARKIT_INDEX["mouthFunnel"], ARKIT_INDEX["mouthPucker"]
LOWER_DOWN = [ARKIT_INDEX["mouthLowerDownLeft"], ARKIT_INDEX["mouthLowerDownRight"]]
UPPER_UP = [ARKIT_INDEX["mouthUpperUpLeft"], ARKIT_INDEX["mouthUpperUpRight"]]
LOWER_SHARE = 0.7
"""Part of an opening beyond the jaw's that the lower lip makes."""
SLACK_MM = 0.35
"""Gap left in a closure where a rounded mouth cannot do better with mouthClose at or below jawOpen."""
TEETH_BELOW_MM = 1.5
"""Edge of the upper incisors below the line where the closed lips meet: the height of f v contact."""


@dataclass(frozen=True, slots=True)
class LipRows:
    """How the inner lips' mean heights depend on the weights, millimetres per unit of weight."""

    upper: Doubles
    """[52]"""
    lower: Doubles
    """[52]"""


@lru_cache(maxsize=1)
def lip_rows() -> LipRows:
    """Return the rows of the canonical face."""
    height_mm = 10.0 * canonical_face().basis_cm[:, :, 1].astype(np.float64)
    return LipRows(height_mm[:, INNER_LIP_PAIRS[:, 0]].mean(axis=1), height_mm[:, INNER_LIP_PAIRS[:, 1]].mean(axis=1))


def meet_opening(weights: Doubles, gap_mm: Doubles, on_teeth: Doubles) -> Doubles:
    """Return weights [T, 52] whose inner-lip gap on the mesh is exactly the wanted one.

    Args:
        weights: [T, 52] with the three solved blendshapes at 0.
        gap_mm: [T] wanted inner-lip gap, at or above 0.
        on_teeth: [T] in 0–1, how far the lower lip is drawn to the height of the upper teeth's edge.
    """
    rows = lip_rows()
    weights = _narrowed(weights, gap_mm)
    upper, lower = weights @ rows.upper, weights @ rows.lower
    missing = gap_mm - (upper - lower)
    close_share = rows.lower[CLOSE] / (rows.lower[CLOSE] - rows.upper[CLOSE])
    lower_share = np.where(missing > 0, LOWER_SHARE, close_share)
    wanted_lower = lower - lower_share * missing
    lift = on_teeth * (-TEETH_BELOW_MM - wanted_lower)
    return _with_heights(weights, (1 - lower_share) * missing + lift, -lower_share * missing + lift)


def _narrowed(weights: Doubles, gap_mm: Doubles) -> Doubles:
    """Return the weights with funnel and pucker small enough that mouthClose ≤ jawOpen can meet the gap."""
    rows = lip_rows()
    gap_row = rows.upper - rows.lower
    rounding = weights[:, [FUNNEL, PUCKER]] @ gap_row[[FUNNEL, PUCKER]]
    others = weights @ gap_row - rounding - weights[:, JAW_OPEN] * gap_row[JAW_OPEN]
    room = np.maximum(gap_mm - others, 0) + SLACK_MM
    narrowed = weights.copy()
    narrowed[:, [FUNNEL, PUCKER]] *= np.minimum(1, room / np.maximum(rounding, 1e-9))[:, None]
    return narrowed


def _with_heights(weights: Doubles, raise_upper: Doubles, raise_lower: Doubles) -> Doubles:
    """Return the weights with the inner lips raised by so many millimetres [T] each."""
    rows = lip_rows()
    close_up, close_down = rows.lower[CLOSE], -rows.upper[CLOSE]
    down, up = -rows.lower[LOWER_DOWN].sum(), rows.upper[UPPER_UP].sum()
    close = np.maximum(np.maximum(raise_lower / close_up, -raise_upper / close_down), 0)
    close = np.minimum(close, weights[:, JAW_OPEN])
    solved = weights.copy()
    solved[:, CLOSE] = close
    solved[:, LOWER_DOWN] = np.clip((close * close_up - raise_lower) / down, 0, 1)[:, None]
    solved[:, UPPER_UP] = np.clip((close * close_down + raise_upper) / up, 0, 1)[:, None]
    return solved
