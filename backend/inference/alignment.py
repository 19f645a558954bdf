# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the phones of a known text lie in a sound: forced alignment of a chain of phones to the posteriors.

The chain is silence, then the phones with silence that may be left out between all of them: free where the text
pauses, at a price elsewhere, since people pause where no comma tells. The search keeps a window of the chain around
the best state, so that memory grows with the sound's length alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..audio.features import FRAME_RATE_HZ
from ..core.errors import TimingError
from ..core.types import PhoneSpan
from ..speech.phones import PHONE_INDEX, PHONES, SILENCE

Floats = NDArray[np.float32]
LogPosteriors = NDArray[np.float16] | NDArray[np.float32]
WINDOW_STATES = 1536
"""About 50 s of speech: how far sound and text may drift apart before pauses and skips lose it."""
LONGEST_S = 2 * 3600
PAUSE_PENALTY = 6.0
"""Log probability that a pause costs where the text shows none: one of 50 ms is not worth it, one of 150 ms is."""
FLOOR = -7.0
"""Least log posterior: one phone said otherwise than written must not push the rest away."""
STAY, STEP, SKIP = 0, 1, 2
IMPOSSIBLE = np.float32(-1e9)


@dataclass(frozen=True, slots=True)
class Chain:
    """The states a text passes through."""

    labels: NDArray[np.intp]
    """[S] index into `PHONES`."""
    optional: NDArray[np.bool_]
    """[S] whether the state may be left out (silence)."""
    penalty: Floats
    """[S] log probability that entering the state costs."""


def chain_of(phrases: Sequence[Sequence[str]]) -> Chain:
    """Return the chain of a text's phrases, each a list of `PHONES` without silence.

    Raises:
        TimingError: no phones at all.
    """
    if not any(phrases):
        raise TimingError("the transcript holds nothing that is spoken; give the words of the sound")
    silence = PHONE_INDEX[SILENCE]
    labels, penalty = [silence], [0.0]
    for phrase in phrases:
        for phone in phrase:
            labels += [PHONE_INDEX[phone], silence]
            penalty += [0.0, PAUSE_PENALTY]
        penalty[-1] = 0.0
    return Chain(np.array(labels), np.array(labels) == silence, np.array(penalty, np.float32))


def align(log_posteriors: LogPosteriors, chain: Chain) -> list[PhoneSpan]:
    """Return the best times of a chain's phones in a sound.

    Args:
        log_posteriors: [T, P] at `FRAME_RATE_HZ`.
        chain: [S] states.

    Returns:
        Spans without gaps from 0 on, confidence = mean posterior of the label.

    Raises:
        TimingError: the text cannot fit: more phones than frames, or far too long a sound.
    """
    frames, states = len(log_posteriors), len(chain.labels)
    if frames > LONGEST_S * FRAME_RATE_HZ:
        raise TimingError("a transcript can be aligned to at most 2 h of sound; cut the sound, or leave the transcript")
    if int((~chain.optional).sum()) > frames:
        raise TimingError(
            f"the transcript has {int((~chain.optional).sum())} phones, more than {frames / FRAME_RATE_HZ:.1f} s "
            "of sound can hold; give the words of this sound"
        )
    steps, offsets, last = _search(log_posteriors, chain)
    path = np.empty(frames, np.intp)
    state = last
    for frame in range(frames - 1, -1, -1):
        path[frame] = state
        state -= int(steps[frame, state - offsets[frame]])
        if not 0 <= state < states or (frame and not 0 <= state - offsets[frame - 1] < steps.shape[1]):
            raise TimingError("the transcript does not fit the sound; give the words of this sound")
    return _spans(path, log_posteriors, chain)


def _search(log_posteriors: LogPosteriors, chain: Chain) -> tuple[NDArray[np.uint8], NDArray[np.intp], int]:
    """Return the step into each state [T, W], the first state of each frame's window [T], and the last state."""
    frames, states = len(log_posteriors), len(chain.labels)
    width = min(WINDOW_STATES, states)
    steps = np.zeros((frames, width), np.uint8)
    offsets = np.zeros(frames, np.intp)
    score = np.full(width, IMPOSSIBLE, np.float32)
    score[0] = score[1] = 0.0
    offset = 0
    for frame in range(frames):
        # the window follows the best state, and never leaves the states that the rest of the frames can still reach
        moved = min(max(offset, offset + int(score.argmax()) - width // 2), states - width)
        if moved > offset:
            score = np.concatenate([score[moved - offset :], np.full(moved - offset, IMPOSSIBLE, np.float32)])
            offset = moved
        if frame:
            window = slice(offset, offset + width)
            score, steps[frame] = _advance(score, chain.optional[window], chain.penalty[window])
        score = score + np.maximum(log_posteriors[frame, chain.labels[offset : offset + width]], FLOOR)
        score -= score.max()
        offsets[frame] = offset
    if offset + width < states:
        raise TimingError("the transcript is longer than the sound; give the words of this sound")
    # the chain ends in a silence that may be left out
    return steps, offsets, offset + width - 2 + int(score[-1] > score[-2])


def _advance(score: Floats, optional: NDArray[np.bool_], penalty: Floats) -> tuple[Floats, NDArray[np.uint8]]:
    """Return the best score of entering each state and the step that entered it."""
    best, step = score.copy(), np.zeros(len(score), np.uint8)
    for size in (STEP, SKIP):
        entered = np.full(len(score), IMPOSSIBLE, np.float32)
        entered[size:] = score[:-size] - penalty[size:]
        if size == SKIP:
            entered[2:][~optional[1:-1]] = IMPOSSIBLE
        better = entered > best
        best[better] = entered[better]
        step[better] = size
    return best, step


def _spans(path: NDArray[np.intp], log_posteriors: LogPosteriors, chain: Chain) -> list[PhoneSpan]:
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
