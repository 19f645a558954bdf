# SPDX-License-Identifier: GPL-3.0-or-later
"""What the predictors hear of a clip: features of its sound, and of the same words in changed voices and rooms."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...audio.features import FLOOR, HOP, N_MELS
from ...audio.normalise import mean_sum, normalise
from ...core.types import Floats
from ...inference.bundle import Bundle
from ...inference.encoder import open_session, statistics_of
from ...models.speech_features import speech_graph
from .clips import TrainClip

STFT_SIZE, STFT_WINDOW = 510, 480
"""256 bins, 30 ms: the spectrogram of LipSync3D's re-implementations."""
WARP = 0.12
"""Largest change of the length of the vocal tract, as a share."""
TILT = 1.0
"""Standard deviation of the change of the spectrum's slope, in log power from the lowest band to the highest."""
NOISE_DB = (8.0, 40.0)
"""Speech over added noise."""


class Ear:
    """Makes features at 50 Hz."""

    def __init__(self, bundle: Bundle, front: str) -> None:
        """Prepare.

        Args:
            bundle: the universal one.
            front: one of `models.lipsync3d.FRONTS`.
        """
        self.front = front
        self.graph = speech_graph(bundle.model)
        self._statistics = statistics_of(bundle)
        self._session: Any = open_session(self.graph, f"bundle {bundle.name}", "cpu", 1) if front == "speech" else None

    def hear(self, clip: TrainClip) -> Floats:
        """Return the features [F, S] of a clip; [2, 256, 2 S] for the spectrogram front."""
        if self.front == "spectrogram":
            return spectrogram(clip.samples)
        return self.of_log_mel(clip.log_mel)

    def hear_changed(self, clip: TrainClip, rng: np.random.Generator) -> Floats:
        """Return the features of a clip as if another person said it in another room."""
        if self.front == "spectrogram":
            changed = spectrogram(clip.samples) * np.float32(10 ** rng.uniform(-0.3, 0.3))
            return changed + rng.normal(0, 1e-3, changed.shape).astype(np.float32)
        return self.of_log_mel(changed_voice(clip.log_mel, rng))

    def of_log_mel(self, log_mel: Floats) -> Floats:
        """Return the features [F, S] of raw log-mels [M, 80]."""
        even = log_mel if len(log_mel) % 2 == 0 else np.concatenate([log_mel, log_mel[-1:]])
        mean = mean_sum(log_mel, self._statistics).mean(self._statistics)
        heard = normalise(even, mean, self._statistics)
        pairs = heard.reshape(-1, 2 * N_MELS)
        if self.front == "mel":
            return np.ascontiguousarray(pairs.T)
        (hidden,) = self._session.run(["hidden"], {"log_mel": heard[None]})
        return np.ascontiguousarray(np.concatenate([pairs, hidden[0]], axis=1).T)


def changed_voice(log_mel: Floats, rng: np.random.Generator) -> Floats:
    """Return log-mels [M, 80] with another vocal tract, another microphone, and noise behind them.

    The warp of the mel axis is the vocal tract length perturbation of Jaitly and Hinton 2013.
    """
    bands = np.arange(N_MELS)
    places = np.clip(bands * (1 + rng.uniform(-WARP, WARP)), 0, N_MELS - 1)
    low = np.minimum(places.astype(int), N_MELS - 2)
    share = (places - low).astype(np.float32)
    warped = log_mel[:, low] * (1 - share) + log_mel[:, low + 1] * share
    warped = warped + (rng.normal(0, TILT) * np.linspace(-0.5, 0.5, N_MELS)).astype(np.float32)
    speech = np.log(np.exp(warped).mean())
    noise = speech - rng.uniform(*NOISE_DB) * np.log(10) / 10 + rng.normal(0, 1) * np.linspace(0.5, -0.5, N_MELS)
    noise = noise + 0.3 * rng.standard_normal(warped.shape)
    return np.logaddexp(warped, noise).astype(np.float32)


def quiet(frames: int, rng: np.random.Generator) -> Floats:
    """Return log-mels [M, 80] of a room in which nobody speaks."""
    level = rng.uniform(np.log(2 * FLOOR), np.log(1e-5))
    slope = rng.normal(0, 1) * np.linspace(0.5, -0.5, N_MELS)
    return (level + slope + 0.3 * rng.standard_normal((frames, N_MELS))).astype(np.float32)


def spectrogram(samples: NDArray[np.int16]) -> Floats:
    """Return the complex spectrogram [2, 256, 2 S] of 16 kHz samples, a column every 10 ms, at unit loudness."""
    sound = samples.astype(np.float32)
    sound = sound / (np.sqrt(np.mean(sound**2)) + 1.0)
    padded = np.pad(sound, STFT_WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, STFT_WINDOW)[::HOP]
    frames = frames[: len(frames) // 2 * 2]
    spectrum = np.fft.rfft(frames * np.hanning(STFT_WINDOW + 1)[:-1], STFT_SIZE) / np.sqrt(STFT_WINDOW)
    return np.stack([spectrum.real.T, spectrum.imag.T]).astype(np.float32)
