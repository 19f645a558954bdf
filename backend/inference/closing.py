# SPDX-License-Identifier: GPL-3.0-or-later
"""Closes a personal model's lips where p, b and m are heard.

A network that learnt one voice misses closures in others (the opening is what it generalises worst, see
`docs/personal_model.md`). Phones are known more surely, so each sure p, b, m pulls the lips together, by the
smallest change of the face that does so; nothing else is touched, and lips that are closed already stay as they are.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..core.face import lip_gap_cm
from ..core.lips import gap_weights, lip_vertices
from ..core.types import Floats, PhoneSpan
from ..speech.phones import BILABIAL
from .speaker_face import MM, SpeakerFace

SURE = 0.6
"""Confidence of a phone from which it closes the lips."""
LEAD_S, TAIL_S = 0.06, 0.04
"""Time in which the lips come together before the sound, and part around its end."""
RELEASE_S = 0.03
"""How long before the end of a label the lips begin to part."""
LIP_WEIGHT = 3.0
"""Weight of a lip vertex in what makes a change small."""
STIFFNESS = 1e-2
"""Of the smallest change, mm^2 a unit of coefficient: what keeps a nearly empty component from being used."""


class Closing:
    """The way a speaker's lips close, in coefficients of the speaker's basis."""

    def __init__(self, face: SpeakerFace) -> None:
        weights = np.ones(len(face.neutral_cm))
        weights[lip_vertices()] = LIP_WEIGHT
        moved = face.components_mm.astype(np.float64) * np.repeat(np.sqrt(weights), 3)
        self._gap = face.components_mm.astype(np.float64) @ gap_weights()
        rest_mm = float(lip_gap_cm(face.neutral_cm)) * MM
        self._mean_mm = float(face.mean_mm @ gap_weights()) + rest_mm
        self._closed_mm = max(0.0, rest_mm)
        way = np.linalg.solve(moved @ moved.T + STIFFNESS * np.eye(len(moved)), self._gap)
        reach = float(self._gap @ way)
        self._way = way / reach if reach > 0 else np.zeros_like(way)

    def closed(self, coefficients: Floats, times_s: NDArray[np.float64], phones: Sequence[PhoneSpan]) -> Floats:
        """Return coefficients [S, K] with the lips closed at every sure p, b and m.

        Args:
            coefficients: [S, K].
            times_s: [S] of them.
            phones: of the sound.
        """
        opening_mm = coefficients @ self._gap + self._mean_mm
        change_mm = -_closeness(times_s, phones) * np.maximum(opening_mm - self._closed_mm, 0.0)
        return (coefficients + change_mm[:, None] * self._way).astype(np.float32)


def _closeness(times_s: NDArray[np.float64], phones: Sequence[PhoneSpan]) -> NDArray[np.float64]:
    """Return [S] how far the lips must be closed, 0-1."""
    needed = np.zeros(len(times_s))
    for span in phones:
        if span.phone not in BILABIAL or span.confidence < SURE:
            continue
        part_s = max(span.start_s + RELEASE_S, span.end_s - RELEASE_S)
        first, last = np.searchsorted(times_s, (span.start_s - LEAD_S, part_s + TAIL_S))
        near = times_s[first:last]
        rise = np.clip((near - span.start_s) / LEAD_S + 1, 0, 1)
        fall = np.clip((part_s - near) / TAIL_S + 1, 0, 1)
        needed[first:last] = np.maximum(needed[first:last], 0.5 - 0.5 * np.cos(np.pi * np.minimum(rise, fall)))
    return needed
