# SPDX-License-Identifier: GPL-3.0-or-later
"""Pieces of synthetic speech put together, with exact pauses, and shifted in pitch."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..core.types import PhoneSpan
from .engines import Said
from .phone_sets import joined_silences
from .phones import SILENCE

QUIET = 10 ** (-50 / 20)
"""Amplitude under which the edges of a piece count as silence, beside its peak."""
EDGE_S = 0.01
"""Kept of that silence, so that no onset is cut."""


def with_pitch(said: Said, factor: float) -> Said:
    """Return speech whose pitch is `factor` times as high; it gets that much shorter, and formants move along."""
    if factor == 1.0:
        return said
    from soxr import resample

    samples = np.asarray(resample(said.samples, said.sample_rate * factor, said.sample_rate), np.float32)
    spans = tuple(PhoneSpan(s.phone, s.start_s / factor, s.end_s / factor, s.confidence) for s in said.spans)
    return replace(said, samples=samples, spans=spans)


def joined(pieces: Sequence[Said], pauses_s: Sequence[float]) -> Said:
    """Return pieces one after another.

    Args:
        pieces: of one sample rate.
        pauses_s: silence after each; where it is not 0 the silence at the seam is the pause and nothing else.
    """
    sample_rate = pieces[0].sample_rate
    sounds: list[NDArray[np.float32]] = []
    spans: list[PhoneSpan] = []
    at = 0
    timed = all(piece.spans for piece in pieces if len(piece.samples))
    for index, (piece, pause_s) in enumerate(zip(pieces, pauses_s, strict=True)):
        trim_start = index > 0 and pauses_s[index - 1] > 0
        first, last = _sounding(piece.samples, sample_rate, trim_start=trim_start, trim_end=pause_s > 0)
        sound = np.concatenate([piece.samples[first:last], np.zeros(round(pause_s * sample_rate), np.float32)])
        spans += _moved(piece.spans, (at - first) / sample_rate, at / sample_rate, (at + last - first) / sample_rate)
        at += len(sound)
        spans.append(PhoneSpan(SILENCE, (at - round(pause_s * sample_rate)) / sample_rate, at / sample_rate))
        sounds.append(sound)
    return Said(
        np.concatenate(sounds),
        sample_rate,
        tuple(joined_silences(spans)) if timed else (),
        tuple(phrase for piece in pieces for phrase in piece.phrases),
        tuple(dict.fromkeys(note for piece in pieces for note in piece.notes)),
    )


def _sounding(samples: NDArray[np.float32], sample_rate: int, *, trim_start: bool, trim_end: bool) -> tuple[int, int]:
    loud = np.flatnonzero(np.abs(samples) > QUIET * np.abs(samples).max(initial=0.0))
    if not loud.size:
        return 0, 0 if trim_start or trim_end else len(samples)
    edge = round(EDGE_S * sample_rate)
    first = max(0, int(loud[0]) - edge) if trim_start else 0
    last = min(len(samples), int(loud[-1]) + edge) if trim_end else len(samples)
    return first, last


def _moved(spans: Sequence[PhoneSpan], by_s: float, start_s: float, end_s: float) -> list[PhoneSpan]:
    """Return spans shifted and cut to a range; the last phone reaches no further than the sound."""
    moved = (PhoneSpan(s.phone, s.start_s + by_s, s.end_s + by_s, s.confidence) for s in spans)
    cut = (PhoneSpan(s.phone, max(s.start_s, start_s), min(s.end_s, end_s), s.confidence) for s in moved)
    return [span for span in cut if span.end_s > span.start_s]
