# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways in which the voice model listens: fast, best, with the text, live."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.audio.decode import load_mono
from backend.audio.features import HOP, SAMPLE_RATE
from backend.core.curves import CurvesHeader, write_curves_json
from backend.core.face import vertices_from_weights
from backend.core.types import Floats, PhoneSpan
from backend.inference.bundle import Bundle, open_bundle
from backend.inference.decoder import spans_of_path
from backend.inference.live import LiveAnimator, LiveFrame, animate_live
from backend.inference.live_ear import Settled
from backend.inference.predict import PredictRequest
from backend.inference.predictors import open_predictor

FPS = 30.0
BLOCK = 1024
"""Samples in each block of live sound."""
FAST, BEST, TEXT, LIVE = "fast", "best", "with text", "live"


@dataclass(frozen=True)
class Clip:
    """A recording to listen to."""

    sound: Path
    text: str = ""
    language: str = ""


@dataclass(frozen=True)
class Answer:
    """What was made of it."""

    spans: list[PhoneSpan]
    mover: Callable[[NDArray[np.float64]], Floats]
    """Displacement [T, 468, 3] in cm at times [T]."""
    cpu_s: float
    duration_s: float


Way = Callable[[Clip], Answer]


def ways(bundle: str, live_bundle: str) -> dict[str, Way]:
    """Return every way, by name; `with text` hears clips without a text as `fast` does."""
    predictor = open_predictor(open_bundle(bundle), "cpu")

    def listening(quality: str, *, text: bool = False) -> Way:
        def listen(clip: Clip) -> Answer:
            began = time.process_time()
            request = PredictRequest(
                clip.sound, FPS, quality=quality, transcript=clip.text if text else "", language=clip.language
            )
            heard = predictor.prepare(request)
            with tempfile.TemporaryDirectory(prefix="lipsync3d-") as folder:
                pieces = ((heard.weights(times), heard.confidence(times)) for times in heard.time_chunks_s())
                write_curves_json(Path(folder) / "c.json", CurvesHeader(heard.fps, "", heard.phones), pieces)
            cpu_s = time.process_time() - began
            return Answer(list(heard.phones), heard.performance.displacement_cm, cpu_s, heard.duration_s)

        return listen

    return {
        FAST: listening("fast"),
        BEST: listening("best"),
        TEXT: listening("fast", text=True),
        LIVE: live(live_bundle),
    }


def live(bundle: str) -> Way:
    """Return the live way: blocks pushed one by one."""
    opened = open_bundle(bundle)

    def listen(clip: Clip) -> Answer:
        samples = load_mono(clip.sound)
        animator = _Heard(opened, FPS)
        blocks = [samples[first : first + BLOCK] for first in range(0, len(samples), BLOCK)]
        began = time.process_time()
        frames = list(animate_live(animator, blocks))
        cpu_s = time.process_time() - began
        return Answer(animator.spans(len(samples) // HOP + 1), held(frames), cpu_s, len(samples) / SAMPLE_RATE)

    return listen


class _Heard(LiveAnimator):
    """Remembers the phones of the whole sound, which the animator forgets."""

    def __init__(self, bundle: Bundle, fps: float) -> None:
        super().__init__(bundle, fps)
        self.settled: list[Settled] = []

    def learn(self, settled: Settled) -> None:
        """Take the next frame of 10 ms."""
        self.settled.append(settled)
        super().learn(settled)

    def spans(self, count: int) -> list[PhoneSpan]:
        """Return the phones of the first frames."""
        kept = self.settled[:count]
        path = np.array([each.phone for each in kept], np.uint8)
        return spans_of_path(path, np.array([each.sureness for each in kept], np.float32))


def held(frames: list[LiveFrame]) -> Callable[[NDArray[np.float64]], Floats]:
    """Return the motion of live frames, in straight lines between them."""
    times_s = np.array([frame.time_s for frame in frames])
    weights = np.stack([frame.weights for frame in frames])

    def mover(asked_s: NDArray[np.float64]) -> Floats:
        rows = [np.interp(asked_s, times_s, column) for column in weights.T]
        return vertices_from_weights(np.stack(rows, axis=1).astype(np.float32))

    return mover
