# SPDX-License-Identifier: GPL-3.0-or-later
"""When lips must meet, when the lower lip must touch the teeth and when the face must rest, as exact windows.

A window is 1 over its hold and rises and falls around it by a quintic with no velocity or acceleration at its ends.
Holds are never shorter than `SHORTEST_HOLD_S`, so that a frame of any phase at 24 fps or more falls into each.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..speech.phones import BILABIAL, LABIODENTAL, PHONE_INDEX, SILENCE
from .timeline import Timeline

SHORTEST_HOLD_S = 0.044
"""A little over a frame at 23.976 fps (41.7 ms)."""
LONG_SILENCE_S = 0.25
"""Silences at least this long come to rest; in shorter ones the lips stay parted."""
RELAX_S, WAKE_S = 0.13, 0.1
"""Time to come to rest after speech, and to leave it before speech."""
RELAX_SHARE, WAKE_SHARE = 0.42, 0.32
"""The most of a silence that either may take."""
CLOSED_SHARE: dict[str, float] = {"p": 0.6, "b": 0.75, "m": 0.85}
"""Part of the phone, from its start, in which the lips are together; the rest is release."""
MEET_S, PART_S = 0.06, 0.055
"""Longest closing and opening movement of the lips."""
TUCK_S, UNTUCK_S = 0.1, 0.095
"""The same for the lower lip and the teeth, where the jaw goes along."""
BRIEF_GAP_S = 0.025
"""Holds nearer than this are one: there is no time to part."""

Holds = list[tuple[float, float]]


@dataclass(frozen=True)
class ContactTrack:
    """Windows of one kind of contact: disjoint holds with a rise before and a fall after each."""

    start_s: NDArray[np.float64]
    """[N], rising."""
    end_s: NDArray[np.float64]
    rise_s: NDArray[np.float64]
    """[N] length of the movement into the hold."""
    fall_s: NDArray[np.float64]
    """[N] length of the movement out of it."""

    def amount(self, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the contact [T] in 0–1 at the times [T]: exactly 1 within holds, exactly 0 away from them."""
        if not len(self.start_s):
            return np.zeros(len(times_s))
        following = np.searchsorted(self.start_s, times_s, side="right")
        before, after = np.clip(following - 1, 0, None), np.clip(following, None, len(self.start_s) - 1)
        falling = _quintic(1 - (times_s - self.end_s[before]) / self.fall_s[before])
        rising = _quintic(1 - (self.start_s[after] - times_s) / self.rise_s[after])
        falling = np.where(following > 0, falling, 0.0)
        rising = np.where(following < len(self.start_s), rising, 0.0)
        return 1.0 - (1.0 - falling) * (1.0 - rising)


def closures(line: Timeline) -> ContactTrack:
    """Return the windows in which the lips of p b m meet.

    The lips meet where the phone starts and part at `CLOSED_SHARE` of it. Next to a long silence they simply stay
    closed; after a short one the closure of a stop begins within it, since labels then start at the release.
    """
    bilabial, silent = line.among(BILABIAL), line.among(frozenset({SILENCE}))
    share = {PHONE_INDEX[phone]: value for phone, value in CLOSED_SHARE.items()}
    holds: Holds = []
    joined = False
    for at in np.flatnonzero(bilabial):
        start, end = float(line.start_s[at]), float(line.end_s[at])
        length = end - start
        hold_start, hold_end = start, start + max(share[int(line.index[at])] * length, min(SHORTEST_HOLD_S, length))
        if silent[at - 1]:
            hold_start = _start_from_silence(line, int(at) - 1)
        if silent[at + 1] and _is_long(line, int(at) + 1):
            hold_end = _inner(line, int(at) + 1)[0]
        hold_start = min(hold_start, hold_end - SHORTEST_HOLD_S)
        if joined and holds:
            hold_start = min(hold_start, holds[-1][1])
        holds.append((hold_start, hold_end))
        joined = bool(bilabial[at + 1])
    return _track(holds, MEET_S, PART_S)


def tooth_contacts(line: Timeline) -> ContactTrack:
    """Return the windows in which the lower lip of f v touches the upper teeth: the phone less its edges."""
    holds: Holds = []
    for at in np.flatnonzero(line.among(LABIODENTAL)):
        start, end = float(line.start_s[at]), float(line.end_s[at])
        hold_end = end - 0.1 * (end - start)
        holds.append((min(start + 0.1 * (end - start), hold_end - SHORTEST_HOLD_S), hold_end))
    return _track(holds, TUCK_S, UNTUCK_S)


def rests(line: Timeline) -> ContactTrack:
    """Return the windows in which the face is exactly neutral: long silences, less the time to relax and to wake."""
    silent = np.flatnonzero(line.among(frozenset({SILENCE})))
    holds = [_inner(line, int(at)) for at in silent if _is_long(line, int(at))]
    start, end = (np.array([hold[side] for hold in holds]) for side in (0, 1))
    lengths = np.array([line.end_s[at] - line.start_s[at] for at in silent if _is_long(line, int(at))])
    return ContactTrack(
        start, end, np.minimum(RELAX_S, RELAX_SHARE * lengths), np.minimum(WAKE_S, WAKE_SHARE * lengths)
    )


def _is_long(line: Timeline, at: int) -> bool:
    return bool(line.end_s[at] - line.start_s[at] >= LONG_SILENCE_S)


def _inner(line: Timeline, at: int) -> tuple[float, float]:
    """Return the part of a long silence in which the face rests."""
    start, end = float(line.start_s[at]), float(line.end_s[at])
    return start + min(RELAX_S, RELAX_SHARE * (end - start)), end - min(WAKE_S, WAKE_SHARE * (end - start))


def _start_from_silence(line: Timeline, at: int) -> float:
    if _is_long(line, at):
        return _inner(line, at)[1]
    return float(line.end_s[at]) - min(0.06, 0.5 * float(line.end_s[at] - line.start_s[at]))


def _track(holds: Sequence[tuple[float, float]], rise_s: float, fall_s: float) -> ContactTrack:
    """Return the track of holds; where two are near, each movement takes at most half the time between them."""
    merged: Holds = []
    for start, end in sorted(holds):
        if merged and start - merged[-1][1] < BRIEF_GAP_S:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    starts, ends = (np.array([hold[side] for hold in merged]) for side in (0, 1))
    half_room = (starts[1:] - ends[:-1]) / 2
    rise = np.minimum(rise_s, np.concatenate([[rise_s], half_room])[: len(starts)])
    fall = np.minimum(fall_s, np.concatenate([half_room, [fall_s]])[: len(starts)])
    return ContactTrack(starts, ends, rise, fall)


def _quintic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the smooth step 0 → 1 over x in 0–1 whose first two derivatives vanish at both ends."""
    x = np.clip(x, 0, 1)
    return x * x * x * (x * (6 * x - 15) + 10)
