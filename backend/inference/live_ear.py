# SPDX-License-Identifier: GPL-3.0-or-later
"""Phones while the sound comes in: features, network and decoding with a bounded look-ahead.

Everything works in steps of `STEP_FRAMES`, whatever the blocks that come in, so that every number is made from arrays
of the same shape: any blocks give the same phones, bit for bit. The mean spectrum is that of the sound so far.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..audio.features import FRAME_RATE_HZ, HOP, N_MELS, SAMPLE_RATE, WINDOW, log_mel_of_padded
from ..audio.normalise import Statistics
from ..core.types import Floats
from ..speech.phones import BILABIAL, PHONE_INDEX, PHONES, SILENCE
from .bundle import Bundle
from .decoder import DecoderSettings, read_settings
from .encoder import Encoder, level, with_silence
from .pauses import LIP_SOUNDS, QUIET

STEP_FRAMES = 2
STEP_SAMPLES = STEP_FRAMES * HOP
CLOSED_COST = 0.5
"""Log probability that p b m must have more than the bundle's decoder asks: without what follows, closures are heard
that are not there (chosen on held-out recordings with texts)."""
DOUBT_S, DOUBTFUL, DOUBT_COST = 0.6, 0.38, 1.0
"""Where the posteriors of the likeliest phones, averaged so long, lie under this, nobody may be speaking, and each
phone costs so much log probability against silence. With limits of 0.36 and 0.40, 1 to 7 % of music alone are taken
for speech instead of 8 to 23 %; of clean speech and of speech 10 dB over music as much as before, of speech 10 dB over
white noise 2 to 4 % less (held-out recordings, synthetic music)."""
FORGET_S = 20.0
"""Time in which the weight of what was heard falls e-fold in the mean spectrum: microphones move."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """How far ahead of a frame the live mode listens. The whole is `LiveAnimator.look_ahead_s`."""

    network_frames: int = 6
    """Frames of 10 ms that the network hears beyond those it answers for; even. Fewer where its bundle needs fewer."""
    decoder_frames: int = 2
    """Frames that the decoder waits before it settles a phone."""
    motion_s: float = 0.0
    """How far the motion knows the phones ahead."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A frame of 10 ms whose phone is known."""

    phone: int
    """Index into `PHONES`."""
    sureness: float


class LiveEar:
    """Hears phones in steps."""

    def __init__(self, bundle: Bundle, settings: LiveSettings, device: str = "cpu", threads: int = 1) -> None:
        self._encoder = Encoder(bundle, device, threads)
        self._left = bundle.context_frames + bundle.context_frames % 2
        ahead = min(settings.network_frames, bundle.look_ahead_frames)
        self._ahead = ahead + ahead % 2
        self._mean = RunningMean(self._encoder.statistics)
        self._lag = _LagDecoder(read_settings(bundle.decoder), settings.decoder_frames)
        self._sound = np.zeros(WINDOW // 2, np.float32)
        self._heard = np.zeros((0, N_MELS), np.float32)
        self._mels = np.zeros((0, N_MELS), np.float32)
        self._levels: list[float] = []
        self._answered = 0

    @property
    def look_ahead_s(self) -> float:
        """Seconds of sound after a frame's time, at most, that its phone depends on."""
        frames = self._ahead + STEP_FRAMES - 1 + self._lag.frames
        return frames / FRAME_RATE_HZ + WINDOW / 2 / SAMPLE_RATE

    @property
    def held_frames(self) -> int:
        """Frames of 10 ms that are kept for the network."""
        return len(self._heard)

    def push(self, samples: Floats) -> Iterator[Settled]:
        """Yield the phones of frames that are settled now, in order."""
        self._sound = np.concatenate([self._sound, samples])
        needed = STEP_SAMPLES - HOP + WINDOW
        while len(self._sound) >= needed:
            yield from self._step(log_mel_of_padded(self._sound[:needed]))
            self._sound = self._sound[STEP_SAMPLES:]

    def finish(self) -> Iterator[Settled]:
        """Yield the phones of the last frames; silence is heard after the end."""
        steps = (self._ahead + self._lag.frames) // STEP_FRAMES + 2
        yield from self.push(np.zeros(steps * STEP_SAMPLES + WINDOW, np.float32))

    def _step(self, mels: Floats) -> Iterator[Settled]:
        """Take the next two frames [2, 80]; answer for those two that have their look-ahead now."""
        for mel in mels:
            mean = self._mean.add(mel)
            self._levels.append(float(level(mel) - level(mean)))
            self._heard = np.concatenate([self._heard, self._mean.normalised(mel, mean)[None]])
            self._mels = np.concatenate([self._mels, mel[None]])
        waiting = len(self._heard) - self._answered
        if waiting < STEP_FRAMES + self._ahead:
            return
        inner = slice(self._answered, self._answered + STEP_FRAMES)
        posteriors = with_silence(self._encoder.answer(self._heard)[inner], self._mels[inner])
        for row, loud in zip(posteriors, self._levels[inner], strict=True):
            yield from self._lag.take(row, loud < QUIET)
        self._answered += STEP_FRAMES
        gone = max(0, self._answered - self._left)
        self._heard, self._mels, self._levels = self._heard[gone:], self._mels[gone:], self._levels[gone:]
        self._answered -= gone


class RunningMean:
    """The mean spectrum of the sound so far, weighted as `audio.normalise` does, with slow forgetting."""

    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics
        self._weighted = np.zeros(N_MELS)
        self._weight = 0.0
        self._kept = float(np.exp(-1.0 / (FORGET_S * FRAME_RATE_HZ)))

    def add(self, mel: Floats) -> Floats:
        """Return the mean [80] after one more frame [80]."""
        weight = float(np.exp(mel.astype(np.float64)).mean() ** self._statistics.exponent)
        self._weighted = self._kept * self._weighted + weight * mel
        self._weight = self._kept * self._weight + weight
        prior = self._statistics.prior_weight
        total = self._weighted + prior * self._statistics.prior_mean
        return (total / (self._weight + prior)).astype(np.float32)

    def normalised(self, mel: Floats, mean: Floats) -> Floats:
        """Return a frame [80] as the network hears it."""
        return ((mel - mean) / self._statistics.scale).astype(np.float32)


class _LagDecoder:
    """Viterbi that settles each frame a fixed number of frames later."""

    def __init__(self, settings: DecoderSettings, frames: int) -> None:
        self.frames = frames
        self._penalty = np.float32(settings.switch_penalty)
        self._bias = np.array([settings.bias.get(phone, 0.0) for phone in PHONES], np.float32)
        self._bias[[PHONE_INDEX[phone] for phone in sorted(BILABIAL)]] -= np.float32(CLOSED_COST)
        self._score = np.zeros(len(PHONES), np.float32)
        self._back: list[NDArray[np.intp]] = []
        self._rows: list[tuple[Floats, bool]] = []
        self._resting = True
        self._sureness = 1.0
        self._kept = float(np.exp(-1.0 / (DOUBT_S * FRAME_RATE_HZ)))

    def take(self, row: Floats, quiet: bool) -> Iterator[Settled]:
        """Take the log posteriors [P] of one frame; yield the frame that is settled by it."""
        self._sureness = self._kept * self._sureness + (1.0 - self._kept) * float(np.exp(row.max()))
        origin = int(self._score.argmax())
        switched = self._score[origin] - self._penalty
        stayed = self._score >= switched
        self._score = np.maximum(self._score, switched) + row + self._bias
        if self._sureness < DOUBTFUL:
            self._score[PHONE_INDEX[SILENCE]] += np.float32(DOUBT_COST)
        self._score -= self._score.max()
        self._back.append(np.where(stayed, np.arange(len(PHONES)), origin))
        self._rows.append((row, quiet))
        if len(self._rows) <= self.frames:
            return
        state = int(self._score.argmax())
        for back in self._back[:0:-1]:
            state = int(back[state])
        row, quiet = self._rows.pop(0)
        del self._back[0]
        yield Settled(self._rested(state, quiet), float(np.exp(row[state])))

    def _rested(self, state: int, quiet: bool) -> int:
        """Return silence where breath after a pause is taken for a phone; see `pauses`."""
        silence = PHONE_INDEX[SILENCE]
        if self._resting and quiet and state not in LIP_SOUNDS:
            return silence
        self._resting = state == silence
        return state
