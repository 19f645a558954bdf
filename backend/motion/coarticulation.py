# SPDX-License-Identifier: GPL-3.0-or-later
"""Phones blended into smooth articulator tracks by dominance functions, closed form in time.

Cohen & Massaro 1993, "Modeling coarticulation in synthetic visual speech": each phone s pulls parameter p towards its
target T_sp with dominance D_sp(t) = α_sp exp(−θ |t − t_s|), θ differing before and after; the track is
F_p(t) = Σ_s D_sp T_sp / Σ_s D_sp. Departures: the distance is measured from the phone's core (the middle half) rather
than from its centre, and through softplus instead of |·|, so that tracks have no corners and short phones undershoot;
dominance fades to exactly zero half a second away, so that each time needs only the phones around it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .targets import TIERS, strength_table, target_table
from .timeline import Timeline

REACH_S = 0.5
"""No phone acts further than this from its core."""
CORE = 0.5
"""The part of a phone, around its middle, in which its dominance is full."""
ROUNDING_S = 0.012
"""Scale of the softplus that rounds the corners of the dominance."""
CHUNK_FRAMES = 20_000
REST_DOMINANCE = 1e-9


@dataclass(frozen=True, slots=True)
class TierTiming:
    """How far one articulator looks ahead and lags behind."""

    before_s: float
    """Time in which dominance grows e-fold ahead of the phone."""
    after_s: float
    """Time in which it decays e-fold after the phone; anticipation is the longer of the two."""
    lead_s: float
    """How much earlier than its sound the articulator moves."""


TIER_TIMING: tuple[TierTiming, ...] = (
    TierTiming(before_s=0.040, after_s=0.034, lead_s=0.015),
    TierTiming(before_s=0.070, after_s=0.055, lead_s=0.020),
    TierTiming(before_s=0.110, after_s=0.075, lead_s=0.035),
    TierTiming(before_s=0.030, after_s=0.030, lead_s=0.010),
)
"""One for each of `TIERS`: the lips' opening is quick, the jaw slower, rounding starts early and lasts."""


def blended_tracks(line: Timeline, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the articulator tracks [T, 7] (channels of `targets`) at the times [T], which must not fall."""
    pieces = [
        _blend(line, times_s[first : first + CHUNK_FRAMES]) for first in range(0, max(len(times_s), 1), CHUNK_FRAMES)
    ]
    return np.concatenate(pieces)


def _blend(line: Timeline, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    targets, strengths = target_table()[line.index], strength_table()[line.index]
    margin = (line.end_s - line.start_s) * (1 - CORE) / 2
    core_start, core_end = line.start_s + margin, line.end_s - margin
    phone, frame = _pairs(core_start, core_end, times_s)
    tracks = np.zeros((len(times_s), targets.shape[1]))
    for tier, (channels, timing) in enumerate(zip(TIERS, TIER_TIMING, strict=True)):
        time = times_s[frame] + timing.lead_s
        dominance = strengths[phone, tier] * _dominance(core_start[phone] - time, time - core_end[phone], timing)
        total = np.bincount(frame, dominance, len(times_s)) + REST_DOMINANCE
        for channel in channels:
            tracks[:, channel] = np.bincount(frame, dominance * targets[phone, channel], len(times_s)) / total
    return tracks


def _pairs(
    core_start: NDArray[np.float64], core_end: NDArray[np.float64], times_s: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (phone, frame) [P] of all pairs near enough to matter, ordered by phone."""
    first = np.searchsorted(times_s, core_start - REACH_S - 0.1)
    count = np.searchsorted(times_s, core_end + REACH_S + 0.1) - first
    phone = np.repeat(np.arange(len(first)), count)
    offset = np.arange(len(phone)) - np.repeat(np.cumsum(count) - count, count)
    return phone, first[phone] + offset


def _dominance(before_s: NDArray[np.float64], after_s: NDArray[np.float64], timing: TierTiming) -> NDArray[np.float64]:
    """Return α-free dominance for the signed distances ahead of the core's start and past its end."""
    ahead, behind = _softplus(before_s), _softplus(after_s)
    fade = np.clip(1 - ((ahead + behind) / REACH_S) ** 2, 0, 1) ** 2
    return np.exp(-ahead / timing.before_s - behind / timing.after_s) * fade


def _softplus(distance_s: NDArray[np.float64]) -> NDArray[np.float64]:
    return ROUNDING_S * np.logaddexp(0, distance_s / ROUNDING_S)
