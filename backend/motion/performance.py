# SPDX-License-Identifier: GPL-3.0-or-later
"""A performance: timed phones as face motion, at any times asked for."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.blendshapes import ARKIT_INDEX, ARKIT_NAMES
from ..core.face import vertices_from_weights
from ..core.style import MotionStyle
from ..core.types import Floats, PhoneSpan
from . import contacts
from .aperture import meet_opening
from .coarticulation import Likely, Tracks
from .parameters import MotionParameters, fitted_parameters
from .targets import FUNNEL, GAP, JAW, PUCKER, SHAPE_BLENDSHAPES
from .timeline import timeline

Doubles = NDArray[np.float64]

CLOSING_SHAPES: dict[str, float] = {
    "mouthPressLeft": 0.3,
    "mouthPressRight": 0.3,
    "mouthRollLower": 0.12,
    "mouthRollUpper": 0.12,
}
"""What pressed lips add to a closure."""
TOOTH_SHAPES: dict[str, float] = {"mouthRollLower": 0.35}
"""What draws the lower lip in under the teeth."""
TOOTH_GAP_MM = 1.8
"""Inner-lip gap in f v: the upper lip clears the edge of the teeth."""
PUCKER_KEPT_CLOSED, PUCKER_KEPT_ON_TEETH = 0.25, 0.6
"""Rounding that survives the contacts: pucker and funnel part the lips, so the rest has to go."""
FUNNEL_KEPT_ON_TEETH = 0.3
JAW_KEPT_CLOSED = 0.6
"""Part of the jaw's opening that survives a closure; more parts the lips of rigs whose jaw opens further than said."""
JAW_ON_TEETH = 0.06
"""Most that the jaw is open in f v: the lower lip rides up on it."""

LIFE_SIZE = 1.3
"""Gain of opening and jaw where an ear's corrections move them: what regression learns hedges. On GRID's clips the lips
were 1.58 times too near on average, of which the tracker made up 1.2."""


class Performance:
    """The motion of one clip: any times give the same values, alone or together.

    Guaranteed on the mesh: lips meet in every p b m, the lower lip is at the upper teeth in every f v, and the face is
    exactly neutral within every silence of 0.25 s and more.
    """

    def __init__(
        self,
        phones: Sequence[PhoneSpan],
        duration_s: float,
        style: MotionStyle | None = None,
        likely: Likely | None = None,
        parameters: MotionParameters | None = None,
    ) -> None:
        """Read the phones.

        Args:
            phones: what is said; where nothing is, it is silent.
            duration_s: length of the sound.
            style: how much to move.
            likely: what the ear holds likely at each moment, where there was one; contacts and rest follow the phones.
            parameters: of the coarticulation; None for the shipped ones.

        Raises:
            TimingError: unknown labels, impossible times, a style out of range.
        """
        self.style = (style or MotionStyle()).checked()
        line = timeline(phones, duration_s)
        self._size = 1.0 if likely is None or likely.corrections is None else LIFE_SIZE
        self._tracks = Tracks(line, parameters or fitted_parameters(), likely, self.style.smoothing)
        self._closures = contacts.closures(line)
        self._teeth = contacts.tooth_contacts(line)
        self._rests = contacts.rests(line)

    def weights(self, times_s: ArrayLike) -> Floats:
        """Return the 52 ARKit weights [T, 52] in 0–1 at the times [T] in seconds, in any order."""
        times = np.asarray(times_s, np.float64)
        order = np.argsort(times, kind="stable")
        weights = np.empty((len(times), len(ARKIT_NAMES)), np.float32)
        weights[order] = self._sorted_weights(times[order])
        return weights

    def displacement_cm(self, times_s: ArrayLike) -> Floats:
        """Return the displacement [T, 468, 3] of the canonical face at the times [T]."""
        return vertices_from_weights(self.weights(times_s))

    def _sorted_weights(self, times: Doubles) -> Doubles:
        tracks = self._styled(self._tracks.at(times))
        closed, on_teeth = self._closures.amount(times), self._teeth.amount(times)
        gap_mm = tracks[:, GAP] + on_teeth * (TOOTH_GAP_MM - tracks[:, GAP])
        weights = _shape_weights(tracks, closed, on_teeth)
        weights = meet_opening(weights, gap_mm * (1 - closed), on_teeth * (1 - closed))
        awake = 1 - self._rests.amount(times)
        return np.clip(weights * awake[:, None], 0, 1)

    def _styled(self, tracks: Doubles) -> Doubles:
        styled = self.style.articulation * tracks
        styled[:, [GAP, JAW]] *= self._size
        styled[:, JAW] *= self.style.jaw
        for channel in SHAPE_BLENDSHAPES:
            if channel != JAW:
                styled[:, channel] *= self.style.lips
        return np.minimum(styled, np.where(np.arange(tracks.shape[1]) == GAP, np.inf, 1.0))


def _shape_weights(tracks: Doubles, closed: Doubles, on_teeth: Doubles) -> Doubles:
    """Return weights [T, 52] before the opening is met: what the tracks drive, and the shapes of the contacts."""
    weights = np.zeros((len(tracks), len(ARKIT_NAMES)))
    tracks = tracks.copy()
    tracks[:, PUCKER] *= (1 - (1 - PUCKER_KEPT_CLOSED) * closed) * (1 - (1 - PUCKER_KEPT_ON_TEETH) * on_teeth)
    tracks[:, FUNNEL] *= (1 - closed) * (1 - (1 - FUNNEL_KEPT_ON_TEETH) * on_teeth)
    tracks[:, JAW] *= 1 - (1 - JAW_KEPT_CLOSED) * closed
    tracks[:, JAW] -= on_teeth * np.maximum(tracks[:, JAW] - JAW_ON_TEETH, 0)
    for channel, names in SHAPE_BLENDSHAPES.items():
        weights[:, [ARKIT_INDEX[name] for name in names]] = tracks[:, [channel]]
    for shapes, amount in ((CLOSING_SHAPES, closed), (TOOTH_SHAPES, on_teeth)):
        for name, weight in shapes.items():
            weights[:, ARKIT_INDEX[name]] += weight * amount
    return np.minimum(weights, 1)
