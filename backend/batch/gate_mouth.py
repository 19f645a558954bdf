# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate's eye: whether the mouth closes where it must, stands still where it is heard, or flaps."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..core.types import PhoneSpan
from ..speech.phones import BILABIAL
from .gate_curves import CurvesOnDisk
from .gate_sound import WINDOW_S, SoundOnDisk

EARLY_S, LATE_S = 0.125, 0.045
"""The lips may meet this long before a phone begins and after it ends, and still seem in time to a viewer."""
CLOSED_MM = 1.0
STILL_S = 1.5
"""How long a mouth may rest while there is sound; held vowels last less."""
STILL_MM = 0.3
LOUD_SHARE = 0.5
"""Part of such a stretch that must be loud."""
HELD_SHARE = 0.6
"""A stretch of which one phone takes more than this is a sound held on."""
SWING_MM = 2.0
FLAPS_HZ = 8.0
"""Openings a second that no speech has: 7 syllables a second is as fast as people talk."""
FLAP_S = 1.0


def closures_kept(curves: CurvesOnDisk, phones: Sequence[PhoneSpan]) -> list[tuple[PhoneSpan, bool]]:
    """Return each p, b and m with whether the lips meet in its time."""
    times, gap = curves.times_s, curves.gap_mm
    kept: list[tuple[PhoneSpan, bool]] = []
    for span in phones:
        if span.phone in BILABIAL:
            near = (times >= span.start_s - EARLY_S) & (times <= span.end_s + LATE_S)
            kept.append((span, bool((gap[near] < CLOSED_MM).any())))
    return kept


def mouth_faults(sound: SoundOnDisk, curves: CurvesOnDisk, phones: Sequence[PhoneSpan]) -> Iterator[tuple[str, str]]:
    """Yield name and sentence of each fault of the mouth's motion."""
    if (at_s := _still_from(sound, curves, phones)) is not None:
        yield "still-mouth", f"the mouth stands still for {STILL_S:g} s from {at_s:.1f} s on while there is sound"
    if (flaps := _flapping(curves)) is not None:
        yield "flapping", f"the mouth opens and closes {flaps[1]:.0f} times in the second from {flaps[0]:.1f} s on"


def _still_from(sound: SoundOnDisk, curves: CurvesOnDisk, phones: Sequence[PhoneSpan]) -> float | None:
    """Return when the mouth first stands still in sound, or None."""
    loud = sound.loud
    length = round(STILL_S * curves.fps)
    # a sound shorter than the stretch is looked at as a whole
    length = max(2, min(length, len(curves.weights)))
    heard = (
        np.interp(curves.times_s, WINDOW_S * (np.arange(len(loud)) + 0.5), loud.astype(float)) if len(loud) else None
    )
    if heard is None or len(curves.weights) < 2:
        return None
    windows = np.lib.stride_tricks.sliding_window_view
    still = np.ones(len(curves.weights) - length + 1, bool)
    for track in (curves.gap_mm, curves.width_mm):
        seen = windows(track, length)
        still &= seen.max(axis=1) - seen.min(axis=1) < STILL_MM
    still &= windows(heard, length).mean(axis=1) > LOUD_SHARE
    for first in np.flatnonzero(still):
        start_s = float(curves.times_s[first])
        if not _held(phones, start_s, start_s + (length - 1) / curves.fps):
            return start_s
    return None


def _held(phones: Sequence[PhoneSpan], start_s: float, end_s: float) -> bool:
    """Return whether one sound is held on for most of a time, as in humming."""
    from ..speech.phones import SILENCE

    longest = max((min(s.end_s, end_s) - max(s.start_s, start_s) for s in phones if s.phone != SILENCE), default=0.0)
    return longest > HELD_SHARE * (end_s - start_s)


def _flapping(curves: CurvesOnDisk) -> tuple[float, float] | None:
    """Return when the mouth flaps most, and its openings in that second; None where it does not."""
    turns = _turns(curves.gap_mm)
    if len(turns) < 2:
        return None
    times = curves.times_s[turns]
    counts = np.searchsorted(times, times + FLAP_S) - np.arange(len(times))
    worst = int(counts.argmax())
    openings = counts[worst] / 2.0
    return (float(times[worst]), float(openings)) if openings > FLAPS_HZ * FLAP_S else None


def _turns(gap_mm: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the frames at which the opening turns, after swings of at least `SWING_MM`."""
    turns: list[int] = []
    extreme, at, rising = float(gap_mm[0]), 0, 0
    for index, gap in enumerate(gap_mm.tolist()):
        if (rising >= 0 and gap > extreme) or (rising <= 0 and gap < extreme and rising):
            extreme, at = gap, index
        elif abs(gap - extreme) >= SWING_MM:
            turns.append(at)
            rising = 1 if gap > extreme else -1
            extreme, at = gap, index
    return np.array(turns, np.intp)
