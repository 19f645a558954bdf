# SPDX-License-Identifier: GPL-3.0-or-later
"""Lips that meet in the prediction meet on the rig: where they should be together, what holds them apart gives way.

A rig may have no control that widens the mouth and leaves it closed. The solve then opens the lips for the width's
sake, which is nearest on the whole and wrong in a p, b or m.
"""

import numpy as np

from ..core.face import canonical_face, lip_gap_cm
from ..core.types import Floats
from .quadratic import Doubles

TOGETHER_CM = 0.05
"""Predicted opening up to which nothing may hold the lips further apart."""
APART_CM = 0.15
"""Predicted opening from which on the solve is left as it is."""


def openings_cm(displacement_cm: Floats) -> Floats:
    """Return by how much displacements [..., 468, 3] open the lips [...]; negative where they press them together."""
    neutral_cm = canonical_face().neutral_cm
    return lip_gap_cm(neutral_cm + displacement_cm) - lip_gap_cm(neutral_cm)


def let_lips_meet(amounts: Doubles, opens_cm: Floats, wanted_cm: Floats) -> Doubles:
    """Return control values [T, K] with those that open the lips lowered in the frames in which the lips should meet.

    Args:
        amounts: [T, K] as solved.
        opens_cm: [K] opening of the lips by each control fully on.
        wanted_cm: [T] opening that is predicted.
    """
    parts_cm = amounts * opens_cm
    opened_cm = np.maximum(parts_cm, 0).sum(axis=1)
    excess_cm = np.maximum(parts_cm.sum(axis=1) - np.maximum(wanted_cm, 0), 0)
    due = np.clip((APART_CM - wanted_cm) / (APART_CM - TOGETHER_CM), 0, 1)
    kept = 1 - due * np.divide(excess_cm, opened_cm, out=np.zeros_like(excess_cm), where=opened_cm > 0)
    return np.where(parts_cm > 0, amounts * kept[:, None], amounts)
