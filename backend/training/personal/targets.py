# SPDX-License-Identifier: GPL-3.0-or-later
"""What the geometry network learns: motion as coefficients of a linear basis, in millimetres."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.face import INNER_LIP_PAIRS, MOUTH_CORNERS, canonical_face, lip_gap_cm
from ...core.types import Floats

MM = 10.0
"""Millimetres a centimetre."""
BASIS_FRAMES = 5000
"""Frames that the basis is found from, at most."""
REST_SHARE = 0.1
"""The frames with the smallest opening from which the resting face is taken."""


@dataclass(frozen=True)
class MotionBasis:
    """Displacement = mean + coefficients x components; coefficients have unit variance in training."""

    mean_mm: Floats
    """[3 V]"""
    components_mm: Floats
    """[K, 3 V]"""
    analysis: Floats
    """[3 V, K] coefficients = (displacement in mm - mean) x analysis."""
    metric: Floats
    """[K, K] whose quadratic form of a coefficient difference is the weighted mean squared vertex error, mm^2."""

    def coefficients(self, displacement_cm: Floats) -> Floats:
        """Return [T, K] of displacements [T, V, 3]."""
        return (displacement_cm.reshape(len(displacement_cm), -1) * MM - self.mean_mm) @ self.analysis

    def displacement_cm(self, coefficients: Floats) -> Floats:
        """Return [T, V, 3] of coefficients [T, K]."""
        flat = (coefficients @ self.components_mm + self.mean_mm) / MM
        return flat.reshape(len(coefficients), -1, 3).astype(np.float32)

    def readout(self, weights: Floats) -> Floats:
        """Return [K], what a linear measure [3 V] of the displacement in mm is of the coefficients."""
        return self.components_mm @ weights


def lip_vertices() -> NDArray[np.int32]:
    """Return the vertices of the lips, inner and outer."""
    groups = canonical_face().landmarks
    return np.unique(np.concatenate([groups[name] for name in groups if name.startswith("lip_")]))


def fit_basis(displacements_cm: Sequence[Floats], components: int, lips: float) -> MotionBasis:
    """Return the principal components of a speaker's motion, where a lip vertex weighs `lips` times as much."""
    rows = np.concatenate([d.reshape(len(d), -1) for d in displacements_cm]) * np.float32(MM)
    weights = np.ones(rows.shape[1] // 3, np.float32)
    weights[lip_vertices()] = lips
    root = np.repeat(np.sqrt(weights), 3)
    mean = rows.mean(axis=0)
    chosen = rows[:: max(1, len(rows) // BASIS_FRAMES)]
    _, _, directions = np.linalg.svd((chosen - mean) * root, full_matrices=False)
    directions = directions[:components]
    scale = ((rows - mean) * root @ directions.T).std(axis=0) + 1e-3
    components_mm = directions / root * scale[:, None]
    analysis = (directions * root).T / scale
    weighted = components_mm * root
    metric = weighted @ weighted.T / np.sqrt(len(weights))
    return MotionBasis(*(np.asarray(a, np.float32) for a in (mean, components_mm, analysis, metric)))


def gap_weights(vertices: int = 468) -> Floats:
    """Return [3 V] such that the product with the displacement in mm is the change of the inner-lip opening in mm."""
    weights = np.zeros((vertices, 3), np.float32)
    weights[INNER_LIP_PAIRS[:, 0], 1] += 1 / len(INNER_LIP_PAIRS)
    weights[INNER_LIP_PAIRS[:, 1], 1] -= 1 / len(INNER_LIP_PAIRS)
    return weights.ravel()


def width_weights(vertices: int = 468) -> Floats:
    """Return [3 V] such that the product with the displacement in mm is, nearly, the change of the mouth's width."""
    weights = np.zeros((vertices, 3), np.float32)
    weights[MOUTH_CORNERS[1], 0], weights[MOUTH_CORNERS[0], 0] = 1, -1
    return weights.ravel()


def rest_cm(displacements_cm: Sequence[Floats], neutral_cm: Floats) -> Floats:
    """Return the displacement [V, 3] of the resting face: the median of the most closed frames."""
    every = np.concatenate(list(displacements_cm))
    gap = lip_gap_cm(every + neutral_cm)
    return np.median(every[gap <= np.quantile(gap, REST_SHARE)], axis=0).astype(np.float32)
