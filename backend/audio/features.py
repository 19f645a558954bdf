# SPDX-License-Identifier: GPL-3.0-or-later
"""Log-mel features: the one definition that training and prediction share.

A frame every 10 ms, 25 ms Hann window, 80 mel bands from 20 Hz to 7600 Hz of 16 kHz mono sound, natural
logarithm of the band energy. Frame i is centred at i * 10 ms (the sound is zero-padded by half a window).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
HOP = 160
WINDOW = 400
N_FFT = 512
N_MELS = 80
FRAME_RATE_HZ = SAMPLE_RATE // HOP
LOWEST_HZ, HIGHEST_HZ = 20.0, 7600.0
FLOOR = 1e-9
"""Added to band energies before the logarithm: below weak fricatives of quiet recordings, above 16-bit rounding."""


def log_mel(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the log-mel spectrogram of a sound.

    Args:
        samples: [N] mono at `SAMPLE_RATE`, full scale ±1.

    Returns:
        [T, N_MELS] float32 with T = N // HOP + 1; frame i is centred at sample i * HOP.
    """
    padded = np.pad(np.asarray(samples, np.float32), WINDOW // 2)
    return log_mel_of_padded(padded)


def log_mel_of_padded(padded: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return frames of sound that already carries half a window of neighbours (or zeros) at both ends."""
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(frames * _hann(), N_FFT)) ** 2
    return np.log(power.astype(np.float32) @ mel_filters() / WINDOW + np.float32(FLOOR))


@lru_cache(maxsize=1)
def _hann() -> NDArray[np.float32]:
    return np.hanning(WINDOW + 1)[:-1].astype(np.float32)


@lru_cache(maxsize=1)
def mel_filters() -> NDArray[np.float32]:
    """Return triangular filters [N_FFT // 2 + 1, N_MELS], equally spaced in mel (O'Shaughnessy 1987)."""
    edges_mel = np.linspace(_mel(LOWEST_HZ), _mel(HIGHEST_HZ), N_MELS + 2)
    edges_hz = 700.0 * (10.0 ** (edges_mel / 2595.0) - 1.0)
    bins_hz = np.arange(N_FFT // 2 + 1) * SAMPLE_RATE / N_FFT
    rise = (bins_hz[:, None] - edges_hz[None, :-2]) / np.diff(edges_hz)[None, :-1]
    fall = (edges_hz[None, 2:] - bins_hz[:, None]) / np.diff(edges_hz)[None, 1:]
    return np.maximum(0.0, np.minimum(rise, fall)).astype(np.float32)


def _mel(hz: float) -> float:
    return 2595.0 * float(np.log10(1.0 + hz / 700.0))
