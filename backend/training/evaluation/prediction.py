# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bundle answers to the sound of a clip, brought to the clip's own frames."""

import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...audio.features import SAMPLE_RATE
from ...core.types import Floats
from ...inference.bundle import Bundle
from ...inference.predict import PredictRequest
from ...inference.predictors import open_predictor
from ..personal.clips import TrainClip

USUAL_FPS = (24000 / 1001, 24.0, 25.0, 30000 / 1001, 30.0, 50.0, 60000 / 1001, 60.0)
NEAR = 0.01
"""Cameras within this share of a usual frame rate have that rate."""
LEAST_FPS, MOST_FPS = 10.0, 120.0


@dataclass(frozen=True)
class Predicted:
    """A predicted face at the T frames of a clip."""

    displacement_cm: Floats
    """[T, 468, 3] from the speaker's neutral."""
    atlas: NDArray[np.uint8] | None
    """[T, S, S, 3], where the bundle predicts texture."""


class BundleVoice:
    """A bundle, asked for the faces of clips."""

    def __init__(self, bundle: Bundle, device: str = "cpu") -> None:
        self._predictor = open_predictor(bundle, device)

    def predict(self, clip: TrainClip, textured: bool = True) -> Predicted:
        """Return the face of a clip's sound at the clip's frames.

        The texture runs at the clip's frame rate from the start of the sound, as it does for a user; each frame takes
        the nearest one of it.
        """
        fps = frame_rate(clip.times_s)
        with tempfile.TemporaryDirectory(prefix="lipsync3d-") as folder:
            sound = Path(folder) / "clip.wav"
            write_sound(sound, clip.samples)
            answer = self._predictor.prepare(PredictRequest(sound, fps))
        moved = answer.performance.displacement_cm(clip.times_s)
        if not textured or answer.look is None or answer.look.atlases is None:
            return Predicted(moved, None)
        shown = answer.times_s()
        wanted = np.clip(np.round((clip.times_s - shown[0]) * fps).astype(int), 0, len(shown) - 1)
        pieces: list[NDArray[np.uint8]] = []
        first = 0
        for piece in answer.chunks():
            inside = wanted[(wanted >= first) & (wanted < first + len(piece.times_s))] - first
            if piece.atlas is not None:
                pieces.append(piece.atlas[inside])
            first += len(piece.times_s)
        return Predicted(moved, np.concatenate(pieces))


def frame_rate(times_s: NDArray[np.float64]) -> float:
    """Return the frames per second of frame times [T], some of which may be missing; a usual rate where one is near."""
    found = float(np.clip(1 / np.median(np.diff(times_s)), LEAST_FPS, MOST_FPS))
    near = min(USUAL_FPS, key=lambda rate: abs(rate - found))
    return near if abs(near - found) < NEAR * near else found


def write_sound(path: Path, samples: NDArray[np.int16]) -> None:
    """Write 16 kHz mono samples [N] as a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.astype("<i2").tobytes())
