# SPDX-License-Identifier: GPL-3.0-or-later
"""The values that pass between the rooms. Frozen dataclasses of numpy arrays; times are seconds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PhoneSpan:
    """One phone with its time."""

    phone: str
    """IPA label of `speech.phones.PHONES`; silence is `sil`."""
    start_s: float
    end_s: float
    confidence: float = 1.0
    """Probability that the label is right, 0–1."""


@dataclass(frozen=True, slots=True)
class FacePrediction:
    """What a predictor says of a clip, or of a piece of it.

    Frames lie at `times_s`; nothing here knows a scene's frame rate.
    """

    times_s: NDArray[np.float64]
    """[T] seconds from the start of the sound."""
    displacement_cm: Floats
    """[T, V, 3] from the canonical neutral face, canonical space (+X image right, +Y up, +Z out), centimetres."""
    confidence: Floats
    """[T] in 0–1."""
    phones: tuple[PhoneSpan, ...] = ()
    """Phones that touch the time range, in order; empty where a predictor knows none."""
    atlas: NDArray[np.uint8] | None = None
    """[T, H, W, 3] face texture in UV space, sRGB, where the bundle predicts texture."""
    reference_atlas: NDArray[np.uint8] | None = None
    """[H, W, 3] texture of the neutral face."""
    neutral_cm: Floats | None = None
    """[V, 3] the speaker's own closed-mouth face, where the predictor knows one; displacements are its motion."""
