# SPDX-License-Identifier: GPL-3.0-or-later
"""Face motion while the sound comes in: samples pushed in blocks of any size, frames out a bounded time later.

A frame is the motion model's answer to the phones that are known at its time: those up to `motion_s` ahead of it, the
newest held on. Any blocks give the same frames, bit for bit, as the whole sound at once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..audio.features import FRAME_RATE_HZ, SAMPLE_RATE
from ..core.timebase import exact_fps
from ..core.types import Floats, PhoneSpan
from ..motion.performance import MotionStyle, Performance
from ..speech.phones import PHONES, SILENCE
from .bundle import Bundle
from .live_ear import LiveEar, LiveSettings, Settled

KEPT_S = 3.0
"""Phones that ended longer ago no longer act on the face."""
HELD_S = 0.12
"""How long the newest phone is taken to go on."""
FRAME_S = 1.0 / FRAME_RATE_HZ


@dataclass(frozen=True)
class LiveFrame:
    """The face at one time."""

    index: int
    time_s: float
    """On the axis of the sound."""
    weights: Floats
    """[52] ARKit weights."""
    phone: str
    """Heard at that time."""
    confidence: float


class LiveAnimator:
    """Animates a sound that is still going on."""

    def __init__(
        self,
        bundle: Bundle,
        fps: float = 30.0,
        settings: LiveSettings | None = None,
        style: MotionStyle | None = None,
    ) -> None:
        """Load the bundle.

        Args:
            bundle: a universal one; best one that was trained for a bounded look-ahead.
            fps: frames per second; NTSC rates are recognised.
            settings: how far ahead to listen.
            style: how much to move.

        Raises:
            TimingError: a frame rate that makes no sense.
            BundleError: a part that cannot be used.
        """
        self._fps: Fraction = exact_fps(fps)
        self._settings = settings or LiveSettings()
        self._style = style
        self._ear = LiveEar(bundle, self._settings)
        self._spans: list[PhoneSpan] = []
        self._sureness: list[float] = []
        self._known = 0
        self._next = 0
        self._samples = 0

    @property
    def look_ahead_s(self) -> float:
        """Seconds of sound after a frame's time, at most, that the frame depends on; it comes that much later."""
        return self._ear.look_ahead_s + self._settings.motion_s + FRAME_S

    @property
    def fps(self) -> float:
        """Frames per second."""
        return float(self._fps)

    @property
    def frames(self) -> int:
        """How many frames were given so far."""
        return self._next

    def push(self, samples: Floats) -> Iterator[LiveFrame]:
        """Yield the frames that [N] more mono samples at 16 kHz settle, in order."""
        self._samples += len(samples)
        for settled in self._ear.push(samples):
            self.learn(settled)
            yield from self._due()

    def finish(self) -> Iterator[LiveFrame]:
        """Yield the frames up to the sound's end."""
        duration_s = self._samples / SAMPLE_RATE
        for settled in self._ear.finish():
            self.learn(settled)
            for frame in self._due():
                if frame.time_s <= duration_s:
                    yield frame

    def learn(self, settled: Settled) -> None:
        """Add a frame of 10 ms to the phones."""
        phone, end_s = PHONES[settled.phone], (self._known + 0.5) * FRAME_S
        if self._spans and self._spans[-1].phone == phone:
            self._sureness.append(settled.sureness)
            start_s = self._spans.pop().start_s
        else:
            self._sureness = [settled.sureness]
            start_s = max(0.0, (self._known - 0.5) * FRAME_S)
        confidence = float(np.clip(np.mean(self._sureness[-20:]), 0, 1))
        self._spans.append(PhoneSpan(phone, start_s, end_s, confidence))
        self._known += 1

    def _due(self) -> Iterator[LiveFrame]:
        """Yield the frames whose phones are known far enough ahead."""
        known_s = self._spans[-1].end_s
        while (time_s := float(self._next / self._fps)) + self._settings.motion_s <= known_s:
            yield self._frame(self._next, time_s)
            self._next += 1

    def _frame(self, index: int, time_s: float) -> LiveFrame:
        while len(self._spans) > 1 and self._spans[0].end_s < time_s - KEPT_S:
            del self._spans[0]
        newest = self._spans[-1]
        spans = [*self._spans]
        if newest.phone != SILENCE:
            spans[-1] = PhoneSpan(newest.phone, newest.start_s, newest.end_s + HELD_S, newest.confidence)
        weights = Performance(spans, spans[-1].end_s, self._style).weights([time_s])[0]
        heard = next((span for span in self._spans if span.end_s >= time_s), newest)
        return LiveFrame(index, time_s, weights, heard.phone, heard.confidence)


def animate_live(animator: LiveAnimator, blocks: Iterable[Floats]) -> Iterator[LiveFrame]:
    """Yield the frames of blocks as they come, and those at the end."""
    for block in blocks:
        yield from animator.push(block)
    yield from animator.finish()
