# SPDX-License-Identifier: GPL-3.0-or-later
"""Other rooms, microphones, speakers and noises, made from log-mels: fast enough to draw afresh for every crop.

Noise and reverberation add power, equalisers add to the logarithm, a longer vocal tract shifts the mel axis, slower
speech stretches time. Every function takes and gives log-mel [T, 80] float32.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import lfilter

from ...audio.features import FLOOR, FRAME_RATE_HZ, N_MELS

Floats = NDArray[np.float32]
Places = NDArray[np.int64]
LOG_DB = np.log(10.0) / 10.0
"""Natural-log power of one decibel."""


@dataclass(frozen=True, slots=True)
class AugmentConfig:
    """How often and how strongly."""

    stretch: float = 0.18
    """Largest relative change of tempo."""
    drawl_share: float = 0.12
    """Share of crops that are much slower or faster."""
    drawl: tuple[float, float] = (0.55, 1.6)
    """Range of tempo of those."""
    warp: float = 0.14
    """Largest relative change of vocal-tract length."""
    reverb_share: float = 0.3
    noise_share: float = 0.55
    snr_db: tuple[float, float] = (3.0, 35.0)
    """Range of the ratio of speech to noise."""
    babble_share: float = 0.3
    """Share of noises that are other voices."""
    music_share: float = 0.2
    """Share of noises that are music; the rest is coloured noise."""
    whisper_share: float = 0.04
    overdrive_share: float = 0.06
    contrast_share: float = 0.3
    contrast: tuple[float, float] = (0.6, 1.35)
    """Range of the sharpness of formants and harmonics, of the recording's."""
    equaliser_share: float = 0.75
    telephone_share: float = 0.08
    lowpass_share: float = 0.35
    """High, because part of the training speech lost its highest band to MP3: no phone may hang on it."""
    gain_db: tuple[float, float] = (-25.0, 12.0)
    pure_noise_share: float = 0.05
    """Share of crops that hold no speech at all."""


def resampled(mel: Floats, places: Places, count: int, warp: float) -> tuple[Floats, Places]:
    """Return the crop stretched to `count` frames, its spectrum moved by the factor `warp`.

    Args:
        mel: [T, 80].
        places: [T] frame of the corpus, by which its label is found.
        count: frames wanted.
        warp: above 1 for a longer vocal tract.
    """
    at = np.linspace(0.0, len(mel) - 1.0, count)
    low = np.minimum(at.astype(np.int64), len(mel) - 2)
    share = (at - low)[:, None].astype(np.float32)
    timed = mel[low] * (1 - share) + mel[low + 1] * share
    band = np.clip(np.arange(N_MELS) * warp, 0, N_MELS - 1.001)
    lower = band.astype(np.int64)
    part = (band - lower).astype(np.float32)
    return timed[:, lower] * (1 - part) + timed[:, lower + 1] * part, places[np.round(at).astype(np.int64)]


def with_contrast(mel: Floats, config: AugmentConfig, draw: np.random.Generator) -> Floats:
    """Return the crop with peaks of its spectra flatter or sharper, and its loudness less or more even."""
    smooth = uniform_filter1d(mel, 13, axis=1, mode="nearest")
    loudness = mel.mean(axis=1, keepdims=True)
    even = (draw.uniform(0.85, 1.15) - 1.0) * (loudness - loudness.mean())
    return (smooth + draw.uniform(*config.contrast) * (mel - smooth) + even).astype(np.float32)


def with_reverb(mel: Floats, draw: np.random.Generator) -> Floats:
    """Return the crop in a room: an exponential tail of each band's power (Polack 1988)."""
    decay_s = draw.uniform(0.15, 0.7)
    kept = 10.0 ** (-6.0 / (decay_s * FRAME_RATE_HZ))
    power = np.exp(mel)
    tail = lfilter([0.0, kept], [1.0, -kept], power, axis=0)
    gain = 10.0 ** (draw.uniform(-14.0, 2.0) / 10.0) * (1.0 - kept) / kept
    return np.log(power + gain * tail).astype(np.float32)


def coloured_noise(count: int, draw: np.random.Generator) -> Floats:
    """Return noise with a smooth random spectrum, slow swells and the flicker of band power."""
    shape = _smooth_curve(draw, 6, 4.0) + np.linspace(0.0, draw.uniform(-6.0, 1.0), N_MELS)
    swell = np.interp(np.arange(count), np.linspace(0, count, 9), draw.normal(0.0, draw.uniform(0.0, 1.2), 9))
    flicker = np.log(draw.gamma(4.0, 0.25, (count, N_MELS)) + 1e-3)
    noise = shape[None] + swell[:, None] + flicker
    if draw.random() < 0.25:  # steps, doors and keys: short loud bursts
        for start in draw.integers(0, count, 6):
            length = int(draw.integers(2, 12))
            noise[start : start + length] += draw.uniform(2.0, 6.0)
    return noise.astype(np.float32)


def mixed(mel: Floats, noise: Floats, snr_db: float) -> Floats:
    """Return speech with noise under it at a ratio of mean powers in decibels."""
    speech, other = np.exp(mel), np.exp(noise)
    scale = speech.mean() / max(float(other.mean()), 1e-12) * 10.0 ** (-snr_db / 10.0)
    return np.log(speech + scale * other).astype(np.float32)


def with_channel(mel: Floats, config: AugmentConfig, draw: np.random.Generator) -> Floats:
    """Return the crop through another microphone or line: equaliser, band limits, gain, the floor of `features`."""
    change = np.zeros(N_MELS)
    if draw.random() < config.equaliser_share:
        change += _smooth_curve(draw, 5, 1.2) + np.linspace(0.0, draw.uniform(-2.5, 2.5), N_MELS)
    if draw.random() < config.telephone_share:
        bands = np.arange(N_MELS)
        change -= 12.0 * ((bands < 8) | (bands > 56))
    elif draw.random() < config.lowpass_share:
        change -= 12.0 * (np.arange(N_MELS) > draw.integers(50, 78))
    gain = draw.uniform(*config.gain_db) * LOG_DB
    return np.log(np.exp(mel + change.astype(np.float32) + np.float32(gain)) + np.float32(FLOOR)).astype(np.float32)


def masked(mel: Floats, mean: Floats, draw: np.random.Generator) -> Floats:
    """Return the crop with a band or a moment replaced by the mean (SpecAugment, Park et al. 2019)."""
    hidden = mel.copy()
    for _ in range(int(draw.integers(0, 3))):
        low, width = int(draw.integers(0, N_MELS - 10)), int(draw.integers(2, 10))
        hidden[:, low : low + width] = mean[low : low + width]
    for _ in range(int(draw.integers(0, 3))):
        start, length = int(draw.integers(0, len(mel))), int(draw.integers(2, 7))
        hidden[start : start + length] = mean
    return hidden


def _smooth_curve(draw: np.random.Generator, points: int, deviation: float) -> NDArray[np.float64]:
    return np.interp(np.arange(N_MELS), np.linspace(0, N_MELS - 1, points), draw.normal(0.0, deviation, points))
