# SPDX-License-Identifier: GPL-3.0-or-later
"""What controls do to the canonical face, and what counts on that face when a rig is solved for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..core.blendshapes import ARKIT_INDEX, ARKIT_NAMES
from ..core.face import canonical_face, lip_gap_cm
from ..core.types import Floats
from .maps import Control

OPENS_CM = 0.25
"""Lip opening at full weight from which a control is one that opens the mouth."""
LIP_REACH_CM = 3.0
"""Distance from the lips over which vertices lose their weight."""
AWAY_WEIGHT = 0.5
"""Weight of a vertex far from the mouth; on the lips it is 1."""
GAP_WEIGHT = 6.0
"""Weight of the opening of one pair of inner-lip vertices, over that of one lip vertex's position: what the eye sees
first is whether lips that should touch do."""


@dataclass(frozen=True)
class Metric:
    """How far apart two faces are."""

    vertex_weights: Floats
    """[V], square root of the weight of each vertex's squared distance."""
    gap_pairs: NDArray[np.int32]
    """[P, 2] upper and lower inner-lip vertices whose vertical distance counts as well."""
    gap_weight: float
    """Square root of the weight of each of those squared distances."""


@lru_cache(maxsize=1)
def canonical_metric() -> Metric:
    """Return the metric of the canonical face: lips first, above all whether they touch."""
    face = canonical_face()
    upper, lower = face.landmarks["lip_inner_upper"], face.landmarks["lip_inner_lower"]
    lips = np.concatenate([upper, lower, face.landmarks["lip_outer_upper"], face.landmarks["lip_outer_lower"]])
    distance = np.linalg.norm(face.neutral_cm[:, None] - face.neutral_cm[None, np.unique(lips)], axis=2).min(axis=1)
    weights = AWAY_WEIGHT + (1 - AWAY_WEIGHT) * np.exp(-((distance / LIP_REACH_CM) ** 2))
    apart = upper != lower
    return Metric(weights.astype(np.float32), np.stack([upper[apart], lower[apart]], axis=1), GAP_WEIGHT)


def canonical_weights(controls: Sequence[Control]) -> Floats:
    """Return [K, 52], the canonical blendshapes that each control amounts to when fully on."""
    weights = np.zeros((len(controls), len(ARKIT_NAMES)), np.float32)
    for row, control in zip(weights, controls, strict=True):
        for name, weight in control.weights.items():
            row[ARKIT_INDEX[name]] = weight
    return weights


def effects_cm(controls: Sequence[Control]) -> Floats:
    """Return [K, 468, 3], the displacement of the canonical face by each control fully on: measured, or by weights."""
    effects = np.einsum("kb,bvc->kvc", canonical_weights(controls), canonical_face().basis_cm).astype(np.float32)
    for effect, control in zip(effects, controls, strict=True):
        if control.effect_cm is not None:
            effect[:] = control.effect_cm
    return effects


def opens_mouth(control: Control) -> bool:
    """Return whether a control, fully on, parts the lips."""
    return float(lip_gap_cm(canonical_face().neutral_cm + effects_cm([control])[0])) > OPENS_CM
