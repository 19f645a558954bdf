# SPDX-License-Identifier: GPL-3.0-or-later
"""The second judge of lips: which letter, digit, colour or preposition a word was, told from the lips alone.

The times of the words come with the corpus (GRID: command colour preposition letter digit adverb, Cooke et al. 2006).
Each slot has a closed vocabulary; linear discriminant analysis, learnt on true lips, chooses within it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.types import Floats
from .lip_motion import Doubles, lips_mm
from .speech_time import Word

SLOTS = ("command", "colour", "preposition", "letter", "digit", "adverb")
"""Of a sentence of the corpus, in order."""
MARGIN_S = 0.08
"""Seen before and after a word: neighbours shape it, and times are not exact."""
MOMENTS = 12
"""Into which a word is divided."""
AXES = 10
SHIFTS_S = (-0.04, 0.0, 0.04)
"""By which words are seen early and late in training."""
SHRINKAGE = 0.1
"""Share of the covariance that is taken as a sphere (Ledoit and Wolf 2004 choose it; here it is set)."""


@dataclass(frozen=True)
class Spoken:
    """A clip's lips and words."""

    lips_mm: Floats
    """[T, 3 L]"""
    times_s: Doubles
    words: tuple[Word, ...]


@dataclass(frozen=True)
class _Slot:
    """What tells the words of one slot apart."""

    words: tuple[str, ...]
    weights: Floats
    """[F, W]"""
    offsets: Floats
    """[W]"""


def spoken(displacement_cm: Floats, times_s: Doubles, words: Sequence[Word]) -> Spoken:
    """Return the lips of a face [T, 468, 3] with the words that are said."""
    return Spoken(lips_mm(displacement_cm), times_s, tuple(words))


class WordReader:
    """Tells words from lips, where sentences are of `SLOTS`."""

    def __init__(self, clips: Sequence[Spoken]) -> None:
        """Learn from true lips.

        Args:
            clips: those of other than six words are left out.
        """
        used = [clip for clip in clips if len(clip.words) == len(SLOTS)]
        every = np.concatenate([clip.lips_mm for clip in used])
        self._mean = every.mean(axis=0)
        _, spread, rows = np.linalg.svd(every - self._mean, full_matrices=False)
        self._axes = rows[:AXES].T / (spread[:AXES] / np.sqrt(len(every)))
        self._slots = [self._learn(used, index) for index in range(len(SLOTS))]

    def right(self, clip: Spoken) -> dict[str, bool]:
        """Return whether each slot of a clip is told rightly; empty where it is no such sentence."""
        if len(clip.words) != len(SLOTS):
            return {}
        found: dict[str, bool] = {}
        for index, (name, slot) in enumerate(zip(SLOTS, self._slots, strict=True)):
            scores = self._seen(clip, index, 0.0) @ slot.weights + slot.offsets
            found[name] = slot.words[int(scores.argmax())] == clip.words[index].text
        return found

    def _seen(self, clip: Spoken, index: int, shift_s: float) -> Floats:
        """Return the course [F] of the lips over a word."""
        word = clip.words[index]
        moments_s = np.linspace(word.start_s - MARGIN_S, word.end_s + MARGIN_S, MOMENTS) + shift_s
        track = (clip.lips_mm - self._mean) @ self._axes
        return np.concatenate([np.interp(moments_s, clip.times_s, axis) for axis in track.T]).astype(np.float32)

    def _learn(self, clips: Sequence[Spoken], index: int) -> _Slot:
        """Return linear discriminant analysis (Fisher 1936) with one shrunk covariance and equal priors."""
        words = tuple(sorted({clip.words[index].text for clip in clips}))
        rows = np.stack([self._seen(clip, index, shift) for clip in clips for shift in SHIFTS_S])
        names = np.array([words.index(clip.words[index].text) for clip in clips for _ in SHIFTS_S])
        means = np.stack([rows[names == name].mean(axis=0) for name in range(len(words))])
        away = rows - means[names]
        covariance = away.T @ away / len(rows)
        sphere = np.trace(covariance) / len(covariance) * np.eye(len(covariance))
        weights = np.linalg.solve((1 - SHRINKAGE) * covariance + SHRINKAGE * sphere, means.T)
        return _Slot(words, weights.astype(np.float32), (-0.5 * (means * weights.T).sum(axis=1)).astype(np.float32))


def chances(clips: Sequence[Spoken]) -> dict[str, float]:
    """Return one over the number of words in each slot."""
    used = [clip for clip in clips if len(clip.words) == len(SLOTS)]
    return {name: 1 / len({clip.words[index].text for clip in used}) for index, name in enumerate(SLOTS)}


def shares(rights: Sequence[dict[str, bool]]) -> dict[str, float]:
    """Return the share of the clips in which each slot is told rightly; empty where there are no such clips."""
    told: NDArray[np.float64] = np.array([[one[name] for name in SLOTS] for one in rights if one], np.float64)
    return dict(zip(SLOTS, told.mean(axis=0).tolist(), strict=True)) if len(told) else {}
