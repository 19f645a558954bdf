# SPDX-License-Identifier: GPL-3.0-or-later
"""What a text passes through while it is said: the states that an alignment searches.

A word's phones follow each other; some may be left out (the t of "must be"), and each may sound like its neighbours
(voiced for voiceless, one weak vowel for another). Between words lie a pause and a filler: anything not in the text.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..core.errors import TimingError
from ..speech.phones import PHONE_INDEX, PHONES, SILENCE

Floats = NDArray[np.float32]
FILLER = -1
"""Label of the state that takes what is not in the text."""
IMPOSSIBLE = 1e9
PAUSE_PENALTY = 6.0
"""Log probability that a pause costs where the text shows none: one of 50 ms is not worth it, one of 150 ms is."""
FLOOR = -7.0
"""Least log posterior: one phone said otherwise than written must not push the rest away."""
VOWELS = frozenset("iyɪeøɛœæaɑɔoʊuʌəɜ")
WEAK = frozenset("əɪʌɜɛ")
PAIRS = (("p", "b"), ("t", "d"), ("k", "ɡ"), ("f", "v"), ("θ", "ð"), ("s", "z"), ("ʃ", "ʒ"), ("tʃ", "dʒ"))


@dataclass(frozen=True, slots=True)
class Costs:
    """Log probabilities that departures from the text cost."""

    pause: float = PAUSE_PENALTY
    """A pause where the text shows none."""
    filler: float = IMPOSSIBLE
    """Something said that is not in the text, once."""
    filler_frame: float = 1.0
    """And for every 10 ms of it, beside the best phone's."""
    word_skip: float = IMPOSSIBLE
    """A word that is not said."""
    voicing: float = IMPOSSIBLE
    """A consonant with the other voicing."""
    weak_vowel: float = IMPOSSIBLE
    """A weak vowel for another."""
    vowel: float = IMPOSSIBLE
    """Any vowel for another."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it may be said."""

    phones: tuple[str, ...]
    """Labels of `PHONES`."""
    optional: tuple[float, ...] = ()
    """What leaving out each of them costs; empty: none can be."""
    pause: bool = False
    """Whether the text pauses after it."""
    text: str = ""


@dataclass(frozen=True)
class Chain:
    """The states that a text passes through."""

    labels: NDArray[np.intp]
    """[S] index into `PHONES`, or `FILLER`."""
    skip_cost: Floats
    """[S] what leaving the state out costs; `IMPOSSIBLE` where it must be passed."""
    penalty: Floats
    """[S] what entering the state costs."""
    start_cost: Floats
    """[S] what beginning here costs."""
    end_cost: NDArray[np.float64]
    """[S] what ending here costs: the words that are left."""
    word: NDArray[np.intp]
    """[S] number of the word that a phone belongs to; -1 for pauses and fillers."""
    costs: Costs = field(default_factory=Costs)

    @property
    def word_skip(self) -> float:
        """What passing over a word costs."""
        return self.costs.word_skip

    @property
    def columns(self) -> NDArray[np.intp]:
        """[S] column of `emissions` that each state looks at."""
        return np.where(self.labels == FILLER, len(PHONES), self.labels)

    def emissions(self, log_posteriors: Floats) -> Floats:
        """Return how well each phone and the filler fit [t, P + 1], of log posteriors [t, P]."""
        heard = np.maximum(log_posteriors, FLOOR)
        fitting = heard.copy()
        for phone, (others, costs) in _substitutes(self.costs).items():
            fitting[:, phone] = np.maximum(heard[:, phone], (heard[:, others] - costs).max(axis=1))
        filler = log_posteriors.max(axis=1) - np.float32(self.costs.filler_frame)
        # pauses among words that are not in the text cost nothing
        filler = np.maximum(filler, heard[:, PHONE_INDEX[SILENCE]])
        return np.concatenate([fitting, filler[:, None]], axis=1)


def chain_of(phrases: Sequence[Sequence[str]]) -> Chain:
    """Return the chain of a text's phrases, each a list of `PHONES` without silence, all of which are said.

    Pauses are free between phrases and cost between phones, since people pause where no comma tells.

    Raises:
        TimingError: no phones at all.
    """
    words = [Word((phone,), pause=last) for phrase in phrases for phone, last in _with_last(phrase)]
    return chain_of_words(words, Costs())


def _with_last(phrase: Sequence[str]) -> list[tuple[str, bool]]:
    return [(phone, index == len(phrase) - 1) for index, phone in enumerate(phrase)]


def chain_of_words(words: Sequence[Word], costs: Costs) -> Chain:
    """Return the chain of a text's words.

    Raises:
        TimingError: no phones at all.
    """
    if not any(word.phones for word in words):
        raise TimingError("the transcript holds nothing that is spoken; give the words of the sound")
    silence = PHONE_INDEX[SILENCE]
    fillers = costs.filler < IMPOSSIBLE
    between = [(silence, 0.0), (FILLER, costs.filler)] if fillers else [(silence, 0.0)]
    rows: list[tuple[int, float, float, int]] = [(label, 0.0, price, -1) for label, price in between]
    for number, word in enumerate(words):
        optional = word.optional or (IMPOSSIBLE,) * len(word.phones)
        rows += [(PHONE_INDEX[p], o, 0.0, number) for p, o in zip(word.phones, optional, strict=True)]
        pause = 0.0 if word.pause or number == len(words) - 1 else costs.pause
        rows += [(label, 0.0, pause if label == silence else price, -1) for label, price in between]
    labels, skips, penalties, numbers = (np.array(column) for column in zip(*rows, strict=True))
    start = np.full(len(labels), IMPOSSIBLE, np.float32)
    start[: len(between) + 1] = penalties[: len(between) + 1]
    return Chain(
        labels.astype(np.intp),
        skips.astype(np.float32),
        penalties.astype(np.float32),
        start,
        _ending(numbers, costs),
        numbers.astype(np.intp),
        costs,
    )


def _ending(numbers: NDArray[np.intp], costs: Costs) -> NDArray[np.float64]:
    """Return what ending in each state costs: nothing after the last word, else the words that are left."""
    after = np.maximum.accumulate(numbers) + 1
    left = after.max() - after
    ends = np.concatenate([numbers[1:] != numbers[:-1], [True]])
    cost = np.minimum(left * min(costs.word_skip, 1e6), 1e6)
    cost[~ends & (numbers >= 0)] += 1e6
    return cost


@lru_cache(maxsize=8)
def _substitutes(costs: Costs) -> dict[int, tuple[NDArray[np.intp], Floats]]:
    """Return for each phone that others may stand for, those others and what each costs."""
    found: dict[int, dict[int, float]] = {}
    for one, other in PAIRS:
        found.setdefault(PHONE_INDEX[one], {})[PHONE_INDEX[other]] = costs.voicing
        found.setdefault(PHONE_INDEX[other], {})[PHONE_INDEX[one]] = costs.voicing
    for vowel in VOWELS:
        for other in VOWELS - {vowel}:
            weak = costs.weak_vowel if other in WEAK else IMPOSSIBLE
            found.setdefault(PHONE_INDEX[vowel], {})[PHONE_INDEX[other]] = min(weak, costs.vowel)
    kept = {phone: {o: c for o, c in others.items() if c < IMPOSSIBLE} for phone, others in found.items()}
    return {
        phone: (np.array(list(others), np.intp), np.array(list(others.values()), np.float32))
        for phone, others in kept.items()
        if others
    }
