# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the phones of a known text lie in a sound: forced alignment of a chain of phones to the posteriors.

The chain is silence, the phones of the first word, silence that may be left out, the second word and so on. The
search keeps a window of the chain around the best state, so that memory grows with the sound's length alone.
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
WINDOW_STATES = 768
"""About 50 s of speech: how far sound and text may drift apart before pauses and skips lose it."""
LONGEST_S = 2 * 3600
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
    """[S] whether the state may be left out (silence between words)."""


def chain_of(words: Sequence[Sequence[str]]) -> Chain:
    """Return the chain of a text's words, each a list of `PHONES`.

    Raises:
        TimingError: no phones at all.
    """
    labels, optional = [PHONE_INDEX[SILENCE]], [True]
    for word in words:
        labels += [PHONE_INDEX[phone] for phone in word]
        optional += [False] * len(word)
        if labels[-1] != PHONE_INDEX[SILENCE]:
            labels.append(PHONE_INDEX[SILENCE])
            optional.append(True)
    if len(labels) < 2:
        raise TimingError("the transcript holds nothing that is spoken; give the words of the sound")
    return Chain(np.array(labels), np.array(optional))


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
            score, steps[frame] = _advance(score, chain.optional[offset : offset + width])
        score = score + np.maximum(log_posteriors[frame, chain.labels[offset : offset + width]], FLOOR)
        score -= score.max()
        offsets[frame] = offset
    ends = [states - 1, states - 2] if chain.optional[-1] else [states - 1]
    last = max(ends, key=lambda state: score[state - offset] if state >= offset else IMPOSSIBLE)
    return steps, offsets, last


def _advance(score: Floats, optional: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.uint8]]:
    """Return the best score of entering each state and the step that entered it."""
    best, step = score.copy(), np.zeros(len(score), np.uint8)
    for size in (STEP, SKIP):
        entered = np.full(len(score), IMPOSSIBLE, np.float32)
        entered[size:] = score[:-size]
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
