# SPDX-License-Identifier: GPL-3.0-or-later
"""Phones, known or only likely, blended into smooth articulator tracks by dominance functions.

After Cohen & Massaro 1993, "Modeling coarticulation in synthetic visual speech": each phone s pulls parameter p
towards its target T_sp with dominance D_sp(t), and the track is F_p(t) = Σ_s D_sp T_sp / Σ_s D_sp. Departures: every
moment of a phone pulls, with D_sp(t) = ∫ q_s(τ) α_sp k(t − τ) dτ, k falling as e^−|t|/θ with θ differing before and
after, so that short phones undershoot and long ones arrive; and q_s is how likely the phone is, so that the mouth
hedges where the ear is unsure. Both sums are convolutions on a grid of 10 ms; k's corner is rounded by a softplus.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..speech.phones import PHONES
from .parameters import MotionParameters, TierTiming
from .spreading import widened
from .targets import CHANNELS, GAP, JAW, TIERS
from .timeline import Timeline

Doubles = NDArray[np.float64]

STEP_S = 0.01
REACH_S = 0.5
"""No moment of sound acts further than this."""
ROUNDING_S = 0.012
"""Scale of the softplus that rounds the corner of the dominance."""
MARGIN_S = 0.6
"""Silence that the grid has around the sound."""
CHUNK_STEPS = 20_000
SMALLEST_DOMINANCE = 1e-9
LEAST_CORRECTED_MM = 1.1
"""No correction parts the lips less than this, unless they were nearer: closing is the contacts' business."""
WIDTH = 2
"""Column of the corrections; those of opening and jaw are their channels'."""
BLUR_S = 0.02
"""Blur of the corrections for each unit of smoothing above 1."""
SHORTEST_S = 0.004
"""Least time constant, whatever the smoothing."""
LIKELY_SHARE = 0.7
"""Part of the pull that what is likely has where the phones are given as well; the phones have the rest."""
SOFTNESS = 0.8
"""Log posteriors are divided by this: phones that are strong but unlikely would be heard too much."""


@dataclass(frozen=True)
class Likely:
    """How likely each phone is at each moment, as what it pulls; 11 numbers a moment instead of 43."""

    pulls: NDArray[np.float32]
    """[T, 7 + 4] at 0, 10, 20 … ms."""
    corrections: NDArray[np.float32] | None = None
    """[T, 3] what the ear's doubts add to opening in mm, jaw, and width in mm; see `ear`."""


def likely_pulls(log_posteriors: NDArray[np.floating[Any]], parameters: MotionParameters) -> NDArray[np.float32]:
    """Return the pulls [t, 7 + 4] of log posteriors [t, 43]; pieces of a sound, joined, make its `Likely`."""
    return softened(log_posteriors) @ parameters.pull_matrix().astype(np.float32)


def softened(log_posteriors: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Return how likely each phone is [t, 43], of the network's log posteriors."""
    shares = np.exp(log_posteriors.astype(np.float32) / np.float32(SOFTNESS))
    return shares / shares.sum(axis=1, keepdims=True)


class Tracks:
    """The articulators' courses over a whole sound, ready to be asked for any times."""

    def __init__(
        self, line: Timeline, parameters: MotionParameters, likely: Likely | None = None, smoothing: float = 1.0
    ) -> None:
        """Blend.

        Args:
            line: phones.
            parameters: of the coarticulation.
            likely: what the ear holds likely, where there was one.
            smoothing: factor of the time constants.
        """
        first_s = float(line.end_s[0]) if len(line.index) > 1 else 0.0
        if likely is not None:
            first_s = min(first_s, 0.0)
        self._start_s = STEP_S * np.floor((first_s - MARGIN_S) / STEP_S)
        steps = int(np.ceil((max(float(line.start_s[-1]), 0.0) + MARGIN_S - self._start_s) / STEP_S)) + 1
        if likely is not None:
            steps = max(steps, int(np.ceil((len(likely.pulls) * STEP_S + MARGIN_S - self._start_s) / STEP_S)))
        pulls = _pulls_of_phones(line, self._start_s, steps, parameters)
        if likely is not None:
            part = self._part(len(likely.pulls))
            pulls[part] += np.float32(LIKELY_SHARE) * (likely.pulls - pulls[part])
        self._tracks = _blended(pulls, [_stretched(timing, smoothing) for timing in parameters.timing])
        if likely is not None and likely.corrections is not None:
            part = self._part(len(likely.corrections))
            self._tracks[part] = _corrected(self._tracks[part], _slower(likely.corrections, smoothing))

    def _part(self, count: int) -> slice:
        """Return where steps from 0 s on lie on the grid."""
        begin = round(-self._start_s / STEP_S)
        return slice(begin, begin + count)

    def at(self, times_s: Doubles) -> Doubles:
        """Return the tracks [T, 7] (channels of `targets`) at the times [T], by cubic interpolation."""
        place = np.clip((times_s - self._start_s) / STEP_S, 1, len(self._tracks) - 3)
        left = np.minimum(place.astype(np.int64), len(self._tracks) - 3)
        x = (place - left)[:, None]
        before, here, there, beyond = (self._tracks[left + shift] for shift in (-1, 0, 1, 2))
        bend = 2 * before - 5 * here + 4 * there - beyond + x * (3 * (here - there) + beyond - before)
        found = here + 0.5 * x * (there - before + x * bend)
        return np.maximum(found, 0.0)


def _corrected(tracks: Doubles, corrections: Doubles) -> Doubles:
    """Return tracks [T, 7] with corrections [T, 3] added."""
    moved = widened(tracks, corrections[:, WIDTH])
    moved[:, GAP] = np.maximum(tracks[:, GAP] + corrections[:, GAP], np.minimum(tracks[:, GAP], LEAST_CORRECTED_MM))
    moved[:, JAW] = np.clip(tracks[:, JAW] + corrections[:, JAW], 0, 1)
    return moved


def _slower(corrections: NDArray[np.float32], smoothing: float) -> Doubles:
    """Return corrections [T, 3] blurred as far as a smoothing above 1 asks for."""
    if smoothing <= 1:
        return corrections.astype(np.float64)
    steps = np.arange(-round(REACH_S / STEP_S), round(REACH_S / STEP_S) + 1)
    kernel = np.exp(-0.5 * (steps * STEP_S / (BLUR_S * (smoothing - 1))) ** 2)
    return np.stack([_convolved(column, kernel / kernel.sum()) for column in corrections.T], axis=1)


def _stretched(timing: TierTiming, smoothing: float) -> TierTiming:
    return replace(
        timing,
        before_s=max(timing.before_s * smoothing, SHORTEST_S),
        after_s=max(timing.after_s * smoothing, SHORTEST_S),
    )


def _pulls_of_phones(line: Timeline, start_s: float, steps: int, parameters: MotionParameters) -> NDArray[np.float32]:
    """Return the pulls [steps, 7 + 4] of known phones on the grid from `start_s` on."""
    matrix = parameters.pull_matrix()
    pulls = np.empty((steps, matrix.shape[1]), np.float32)
    for first in range(0, steps, CHUNK_STEPS):
        count = min(CHUNK_STEPS, steps - first)
        pulls[first : first + count] = phone_shares(line, start_s + first * STEP_S, count) @ matrix
    return pulls


def phone_shares(line: Timeline, start_s: float, steps: int) -> Doubles:
    """Return how much of the 10 ms around each moment of the grid each phone fills [steps, 43]."""
    edge_s = start_s - STEP_S / 2
    begin, end = ((np.clip((t - edge_s) / STEP_S, 0, steps)) for t in (line.start_s, line.end_s))
    inside = np.flatnonzero(end > begin)
    first, last = begin[inside].astype(np.int64), np.ceil(end[inside]).astype(np.int64)
    count = last - first
    entry = np.repeat(inside, count)
    step = np.arange(len(entry)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    share = np.minimum(step + 1, end[entry]) - np.maximum(step, begin[entry])
    flat = np.bincount(step * len(PHONES) + line.index[entry], share, steps * len(PHONES))
    return flat.reshape(steps, len(PHONES)).astype(np.float64)


def _blended(pulls: NDArray[np.float32], timing: list[TierTiming]) -> Doubles:
    reach = round(REACH_S / STEP_S)
    tracks = np.empty((len(pulls), len(CHANNELS)))
    for tier, channels in enumerate(TIERS):
        kernel = dominance(STEP_S * np.arange(-reach, reach + 1), timing[tier])
        total = _convolved(pulls[:, len(CHANNELS) + tier], kernel) + SMALLEST_DOMINANCE
        for channel in channels:
            tracks[:, channel] = _convolved(pulls[:, channel], kernel) / total
    return tracks


def _convolved(values: NDArray[np.float32], kernel: Doubles) -> Doubles:
    """Return the values [T] spread by the kernel, as if the first and the last one went on for ever."""
    reach = len(kernel) // 2
    return np.convolve(np.pad(values.astype(np.float64), reach, mode="edge"), kernel, mode="valid")


def dominance(lag_s: Doubles, timing: TierTiming) -> Doubles:
    """Return how a moment of sound pulls the articulator `lag_s` [N] later (earlier where negative)."""
    ahead, behind = _softplus(-lag_s - timing.lead_s), _softplus(lag_s + timing.lead_s)
    fade = np.clip(1 - (lag_s / REACH_S) ** 2, 0, 1) ** 2
    return np.exp(-ahead / timing.before_s - behind / timing.after_s) * fade


def _softplus(distance_s: Doubles) -> Doubles:
    return ROUNDING_S * np.logaddexp(0, distance_s / ROUNDING_S)
