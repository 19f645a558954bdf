# SPDX-License-Identifier: GPL-3.0-or-later
"""Hard cases made from log-mels: music, whispering, overdriven recordings. Times of phones stay as they are.

Like `augment`, every function takes and gives log-mel [T, 80] float32.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from ...audio.features import FRAME_RATE_HZ, HIGHEST_HZ, LOWEST_HZ, N_MELS

Floats = NDArray[np.float32]
SMOOTHING_BANDS = 9
"""Mel bands that a whisper's spectrum is averaged over: harmonics vanish, formants stay."""


def bands_of(frequencies_hz: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the mel band [K] whose centre is nearest each frequency; those out of range at the ends."""
    low, high, mel = (2595.0 * np.log10(1.0 + hz / 700.0) for hz in (LOWEST_HZ, HIGHEST_HZ, frequencies_hz))
    return np.clip(np.round((mel - low) / (high - low) * (N_MELS + 1)) - 1, 0, N_MELS - 1).astype(np.int64)


def music(count: int, draw: np.random.Generator) -> Floats:
    """Return [count, 80] of a few voices of held notes with partials, and often a beat."""
    power = np.full((count, N_MELS), 1e-5)
    for _ in range(int(draw.integers(2, 6))):
        start = 0
        while start < count:
            length = int(draw.integers(8, 80))
            partials = np.arange(1, 25, dtype=np.float64) * draw.uniform(70.0, 900.0)
            bands = bands_of(partials[partials < HIGHEST_HZ])
            loudness = np.arange(1, len(bands) + 1) ** -draw.uniform(0.8, 2.2)
            envelope = np.exp(-np.arange(min(length, count - start)) / draw.uniform(10.0, 200.0))
            power[start : start + length] += envelope[:, None] * np.bincount(bands, loudness, N_MELS)
            start += length
    if draw.random() < 0.6:
        beat = int(FRAME_RATE_HZ * draw.uniform(0.2, 0.6))
        since = (np.arange(count) + draw.integers(0, beat)) % beat
        colour = np.exp(np.linspace(0.0, draw.uniform(-4.0, 2.0), N_MELS))
        power += draw.uniform(0.2, 3.0) * np.exp(-since / draw.uniform(2.0, 8.0))[:, None] * colour
    return np.log(power * draw.gamma(8.0, 0.125, power.shape)).astype(np.float32)


def whispered(mel: Floats, draw: np.random.Generator) -> Floats:
    """Return the speech with noise for a voice: no harmonics, little below 500 Hz, the flicker of band power."""
    smooth = uniform_filter1d(mel, SMOOTHING_BANDS, axis=1, mode="nearest")
    lows = np.minimum(np.arange(N_MELS) / draw.uniform(15.0, 30.0) - 1.0, 0.0) * draw.uniform(2.0, 4.0)
    flicker = np.log(draw.gamma(3.0, 1.0 / 3.0, mel.shape) + 1e-3)
    return (smooth + lows + flicker).astype(np.float32)


def overdriven(mel: Floats, draw: np.random.Generator) -> Floats:
    """Return the sound clipped: the louder a frame is, the more of its power lies spread over all bands."""
    power = np.exp(mel)
    loudness = power.mean(axis=1, keepdims=True)
    limit = np.quantile(loudness, draw.uniform(0.4, 0.9))
    excess = np.maximum(loudness - limit, 0.0) * draw.uniform(0.02, 0.3)
    colour = np.exp(np.linspace(0.0, draw.uniform(-2.0, 0.0), N_MELS, dtype=np.float32))
    return np.log(power + excess * colour).astype(np.float32)
