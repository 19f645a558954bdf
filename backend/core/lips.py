# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures of the mouth that are linear in the displacement, so that they read directly off a linear basis."""

import numpy as np
from numpy.typing import NDArray

from .face import INNER_LIP_PAIRS, MOUTH_CORNERS, canonical_face
from .types import Floats


def lip_vertices() -> NDArray[np.int32]:
    """Return the vertices of the lips, inner and outer."""
    groups = canonical_face().landmarks
    return np.unique(np.concatenate([groups[name] for name in groups if name.startswith("lip_")]))


def gap_weights(vertices: int = 468) -> Floats:
    """Return [3 V] whose product with a displacement [3 V] is the change of the inner-lip opening."""
    weights = np.zeros((vertices, 3), np.float32)
    weights[INNER_LIP_PAIRS[:, 0], 1] += 1 / len(INNER_LIP_PAIRS)
    weights[INNER_LIP_PAIRS[:, 1], 1] -= 1 / len(INNER_LIP_PAIRS)
    return weights.ravel()


def width_weights(vertices: int = 468) -> Floats:
    """Return [3 V] whose product with a displacement [3 V] is, nearly, the change of the mouth's width."""
    weights = np.zeros((vertices, 3), np.float32)
    weights[MOUTH_CORNERS[1], 0], weights[MOUTH_CORNERS[0], 0] = 1, -1
    return weights.ravel()
