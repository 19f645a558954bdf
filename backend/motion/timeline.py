# SPDX-License-Identifier: GPL-3.0-or-later
"""A phone list made whole: checked, sorted, silence wherever nothing is said, as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.errors import TimingError
from ..core.types import PhoneSpan
from ..speech.phones import PHONE_INDEX, PHONES, SILENCE

EDGE_S = 10.0
"""Silence assumed before the first phone and after the last."""
SMALLEST_HOLE_S = 1e-3
"""Shorter holes between phones are rounding of their times."""


@dataclass(frozen=True)
class Timeline:
    """Phones in order of their start, without holes, from well before the sound to well after it."""

    index: NDArray[np.int64]
    """[N] indices into `PHONES`."""
    start_s: NDArray[np.float64]
    """[N], rising."""
    end_s: NDArray[np.float64]
    """[N], each at or after its start; neighbours may overlap."""

    def among(self, phones: frozenset[str]) -> NDArray[np.bool_]:
        """Return [N]: which entries carry one of the labels."""
        return np.isin(self.index, [PHONE_INDEX[phone] for phone in phones])


def timeline(phones: Sequence[PhoneSpan], duration_s: float) -> Timeline:
    """Return the phones as a timeline, neighbouring silences merged and holes filled with silence.

    Args:
        phones: spans in any order; overlapping and zero-length ones are allowed.
        duration_s: length of the sound; the silence after the last phone reaches beyond it.

    Raises:
        TimingError: a label outside `PHONES`, a time that is no number, an end before its start.
    """
    spans = sorted(phones, key=lambda span: (span.start_s, span.end_s))
    for span in spans:
        _check(span)
    last_end = max([duration_s, *(span.end_s for span in spans)])
    labels: list[int] = []
    starts: list[float] = []
    ends: list[float] = []

    def put(phone: str, start_s: float, end_s: float) -> None:
        if phone == SILENCE and labels and labels[-1] == PHONE_INDEX[SILENCE]:
            ends[-1] = max(ends[-1], end_s)
            return
        labels.append(PHONE_INDEX[phone])
        starts.append(start_s)
        ends.append(end_s)

    reached = -EDGE_S
    for span in spans:
        if span.start_s - reached > SMALLEST_HOLE_S:
            put(SILENCE, reached, span.start_s)
        put(span.phone, span.start_s, span.end_s)
        reached = max(reached, span.end_s)
    put(SILENCE, reached, last_end + EDGE_S)
    return Timeline(np.array(labels), np.array(starts), np.array(ends))


def _check(span: PhoneSpan) -> None:
    if span.phone not in PHONE_INDEX:
        raise TimingError(f"phone {span.phone!r} at {span.start_s:g} s is unknown; use one of {' '.join(PHONES)}")
    if not (np.isfinite(span.start_s) and np.isfinite(span.end_s) and span.end_s >= span.start_s):
        raise TimingError(
            f"phone {span.phone!r} runs from {span.start_s:g} to {span.end_s:g} s; give finite times, end after start"
        )
