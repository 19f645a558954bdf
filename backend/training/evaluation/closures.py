# SPDX-License-Identifier: GPL-3.0-or-later
"""Moments at which the lips close: where they are, and how well two curves agree on them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.types import Floats
from .speech_time import Word

SHARE, PERCENTILE = 0.15, 95.0
"""The lips count as closed where the opening has a minimum below this share of this percentile of its own clip."""
TOLERANCE_S = 0.0601
"""Closures this near are the same; a hair over 60 ms, so that frame times of 20 and 40 ms are not cut by rounding."""
ONSET_S = 0.1
"""A word that begins with p, b or m is closed where a closure lies this near its start."""

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClosureCounts:
    """Closures of one clip, or of many added up."""

    true: int = 0
    predicted: int = 0
    matched: int = 0
    words: int = 0
    """Words inside the sentence that begin with p, b or m."""
    words_true: int = 0
    """Those at which the truth closes."""
    words_predicted: int = 0

    def __add__(self, other: "ClosureCounts") -> "ClosureCounts":
        return ClosureCounts(
            self.true + other.true,
            self.predicted + other.predicted,
            self.matched + other.matched,
            self.words + other.words,
            self.words_true + other.words_true,
            self.words_predicted + other.words_predicted,
        )

    @property
    def recall(self) -> float:
        """Share (0-1) of true closures that were predicted; 0 where there are none."""
        return self.matched / max(self.true, 1)

    @property
    def precision(self) -> float:
        """Share (0-1) of predicted closures that are true; 0 where there are none."""
        return self.matched / max(self.predicted, 1)


def closures(gap: Floats | Doubles) -> NDArray[np.int64]:
    """Return the frames at which the lips close, of an opening [T]; a flat minimum counts once, at its end."""
    values = np.asarray(gap, np.float64)
    if len(values) == 0:
        return np.zeros(0, np.int64)
    padded = np.concatenate([[np.inf], values, [np.inf]])
    lowest = (values <= padded[:-2]) & (values < padded[2:])
    return np.flatnonzero(lowest & (values < SHARE * np.percentile(values, PERCENTILE)))


def matches(first_s: Sequence[float] | Doubles, second_s: Sequence[float] | Doubles) -> int:
    """Return how many times of the first list have one of the second within `TOLERANCE_S`, each used once."""
    free = list(second_s)
    found = 0
    for time in first_s:
        near = [(abs(time - other), place) for place, other in enumerate(free) if abs(time - other) <= TOLERANCE_S]
        if near:
            del free[min(near)[1]]
            found += 1
    return found


def count_closures(
    true_gap: Floats | Doubles,
    predicted_gap: Floats | Doubles,
    times_s: Doubles,
    speaking: NDArray[np.bool_],
    words: Sequence[Word] = (),
) -> ClosureCounts:
    """Count the closures in speech of one clip.

    Args:
        true_gap, predicted_gap: [T] lip openings, any unit.
        times_s: [T].
        speaking: [T].
        words: of the sentence, where known.
    """
    true_s, predicted_s = (
        times_s[[frame for frame in closures(gap) if speaking[frame]]] for gap in (true_gap, predicted_gap)
    )
    onsets = [word.start_s for word in words[1:] if word.text[:1].lower() in ("p", "b", "m")]
    return ClosureCounts(
        len(true_s),
        len(predicted_s),
        matches(true_s, predicted_s),
        len(onsets),
        sum(_near(true_s, onset) for onset in onsets),
        sum(_near(predicted_s, onset) for onset in onsets),
    )


def _near(times_s: Doubles, onset_s: float) -> bool:
    return bool((np.abs(times_s - onset_s) < ONSET_S).any())
