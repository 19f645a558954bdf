# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the phones of known words lie in a sound: forced alignment of a chain of phones to the posteriors.

Between the words the chain may pause, and it may leave the words: `FILLER` takes what is said there and not written,
and words that are written and not said are passed over. The search keeps a window of the chain around the best state
and settles what lies `LAG_FRAMES` back, so that its memory does not grow with the sound.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..audio.features import FRAME_RATE_HZ
from ..core.errors import TimingError
from ..core.types import PhoneSpan
from ..speech.phones import PHONES
from .chains import FILLER, IMPOSSIBLE, Chain, chain_of

__all__ = ["Aligned", "Chain", "align", "align_words", "chain_of"]

Floats = NDArray[np.float32]
LogPosteriors = NDArray[np.float16] | NDArray[np.float32]
WINDOW_STATES = 1536
"""About 50 s of speech: how far sound and text may drift apart before pauses and skips lose it."""
LAG_FRAMES = 30 * FRAME_RATE_HZ
LONGEST_S = 2 * 3600
STEPS = 5
"""A state is entered from itself or from one of the four before it: up to three may be left out between words."""
JUMP = STEPS
"""The step from one filler to the next, which passes over a word."""


@dataclass(frozen=True)
class Aligned:
    """A sound with its words laid over it."""

    path: NDArray[np.int32]
    """[T] state of the chain at each frame."""
    chain: Chain

    @property
    def labels(self) -> NDArray[np.int16]:
        """[T] index into `PHONES`, or `FILLER` where something is said that is not written."""
        return self.chain.labels[self.path].astype(np.int16)


def align(log_posteriors: LogPosteriors, chain: Chain) -> list[PhoneSpan]:
    """Return the best times of a chain's phones in a sound, all of them said.

    Args:
        log_posteriors: [T, P] at `FRAME_RATE_HZ`.
        chain: of `chain_of`.

    Returns:
        Spans without gaps from 0 on, confidence = mean posterior of the label.

    Raises:
        TimingError: the text cannot fit: more phones than frames, or far too long a sound.
    """
    frames, needed = len(log_posteriors), int((chain.skip_cost >= IMPOSSIBLE).sum())
    if needed > frames:
        raise TimingError(
            f"the transcript has {needed} phones, more than {frames / FRAME_RATE_HZ:.1f} s "
            "of sound can hold; give the words of this sound"
        )
    aligned = align_words(log_posteriors, replace(chain, end_cost=np.where(chain.end_cost > 0, 1e9, 0.0)))
    if chain.end_cost[aligned.path[-1]] > 0:
        raise TimingError("the transcript is longer than the sound; give the words of this sound")
    return _spans(aligned.path, log_posteriors, chain)


def align_words(log_posteriors: LogPosteriors, chain: Chain) -> Aligned:
    """Return the best path through a chain.

    Raises:
        TimingError: far too long a sound.
    """
    if len(log_posteriors) > LONGEST_S * FRAME_RATE_HZ:
        raise TimingError("a transcript can be aligned to at most 2 h of sound; cut the sound, or leave the transcript")
    search = _Search(chain)
    pieces = [
        search.extend(log_posteriors[at : at + FRAME_RATE_HZ].astype(np.float32))
        for at in range(0, len(log_posteriors), FRAME_RATE_HZ)
    ]
    return Aligned(np.concatenate([*pieces, search.finish()]), chain)


class _Search:
    """Viterbi in a window of the chain, settled with a lag."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._width = min(WINDOW_STATES, len(chain.labels))
        self._offset = 0
        self._score = np.full(self._width, -IMPOSSIBLE, np.float32)
        self._costs = _entering(chain)
        self._fillers = np.flatnonzero(chain.labels == FILLER)
        self._begun = False
        self._steps: list[NDArray[np.uint8]] = []
        self._offsets: list[int] = []

    def extend(self, block: Floats) -> NDArray[np.int32]:
        """Take frames [t, P]; return the states of those that are settled now."""
        emitted = self._chain.emissions(block)
        for row in emitted:
            self._follow()
            self._advance()
            self._score += row[self._chain.columns[self._offset : self._offset + self._width]]
            self._score -= self._score.max()
        if len(self._steps) > 2 * LAG_FRAMES:
            return self._settle(int(self._score.argmax()) + self._offset, len(self._steps) - LAG_FRAMES)
        return np.zeros(0, np.int32)

    def finish(self) -> NDArray[np.int32]:
        """Return the states of the frames that were still open."""
        final = self._score - self._chain.end_cost[self._offset : self._offset + self._width]
        return self._settle(int(final.argmax()) + self._offset, len(self._steps))

    def _follow(self) -> None:
        """Move the window with the best state."""
        moved = min(self._offset + int(self._score.argmax()) - self._width // 2, len(self._chain.labels) - self._width)
        if moved > self._offset:
            gone = moved - self._offset
            self._score = np.concatenate([self._score[gone:], np.full(gone, -IMPOSSIBLE, np.float32)])
            self._offset = moved

    def _advance(self) -> None:
        window = slice(self._offset, self._offset + self._width)
        step = np.zeros(self._width, np.uint8)
        if not self._begun:
            self._begun = True
            self._score = -self._chain.start_cost[window].astype(np.float32)
        else:
            best = self._score.copy()
            for size in range(1, STEPS):
                entered = self._score[:-size] - self._costs[size][window][size:]
                better = entered > best[size:]
                np.copyto(best[size:], entered, where=better)
                np.copyto(step[size:], size, where=better)
            self._jump(best, step)
            self._score = best
        self._steps.append(step)
        self._offsets.append(self._offset)

    def _jump(self, best: Floats, step: NDArray[np.uint8]) -> None:
        """Let every filler be entered from the one before it, over a word."""
        first, last = np.searchsorted(self._fillers, (self._offset, self._offset + self._width))
        here = self._fillers[first:last] - self._offset
        if len(here) > 1:
            entered = self._score[here[:-1]] - np.float32(self._chain.word_skip)
            better = entered > best[here[1:]]
            best[here[1:][better]] = entered[better]
            step[here[1:][better]] = JUMP

    def _settle(self, last: int, count: int) -> NDArray[np.int32]:
        """Trace back from the state `last`, hand out the first `count` frames and forget them."""
        path = np.empty(len(self._steps), np.int32)
        state = last
        for frame in range(len(path) - 1, -1, -1):
            path[frame] = state
            step = int(self._steps[frame][min(max(state - self._offsets[frame], 0), self._width - 1)])
            state = int(self._fillers[np.searchsorted(self._fillers, state) - 1]) if step == JUMP else state - step
        self._steps, self._offsets = self._steps[count:], self._offsets[count:]
        return path[:count]


def _entering(chain: Chain) -> list[Floats]:
    """Return for each step size what entering a state [S] by it costs: its own price and those of all left out."""
    size = len(chain.labels)
    costs = [np.zeros(size, np.float32)]
    left_out = np.zeros(size, np.float32)
    for step in range(1, STEPS):
        costs.append((chain.penalty + left_out).astype(np.float32))
        shifted = np.full(size, IMPOSSIBLE, np.float32)
        shifted[step:] = chain.skip_cost[:-step] if step < size else shifted[step:]
        left_out = left_out + shifted
    return costs


def _spans(path: NDArray[np.int32], log_posteriors: LogPosteriors, chain: Chain) -> list[PhoneSpan]:
    edges = np.flatnonzero(np.diff(path)) + 1
    firsts, ends = np.concatenate([[0], edges]), np.concatenate([edges, [len(path)]])
    sure = np.exp(log_posteriors[np.arange(len(path)), chain.labels[path]].astype(np.float32))
    confidence = np.add.reduceat(sure, firsts) / (ends - firsts)
    return [
        PhoneSpan(
            PHONES[chain.labels[path[first]]],
            max(0.0, (first - 0.5) / FRAME_RATE_HZ),
            (end - 0.5) / FRAME_RATE_HZ,
            float(min(sureness, 1.0)),
        )
        for first, end, sureness in zip(firsts.tolist(), ends.tolist(), confidence, strict=True)
    ]
