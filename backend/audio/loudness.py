# SPDX-License-Identifier: GPL-3.0-or-later
"""Integrated loudness and true peak after ITU-R BS.1770-4, and sound brought to a loudness under a peak limit.

Loudness: K-weighting (a shelf for the head, a high-pass), mean square of blocks of 400 ms every 100 ms, gated at
-70 LUFS and then at 10 LU under the mean of what is left. True peak: four times oversampled by the standard's own
filter. Mono only; the filters are the standard's analogue prototypes, so that any sample rate gives the same answer.
"""

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

BLOCK_S, STEP_S = 0.4, 0.1
ABSOLUTE_GATE_LUFS, RELATIVE_GATE_LU = -70.0, 10.0
OFFSET_LUFS = -0.691
FILTER_LENGTH = 1 << 18
"""Longest FFT."""
TAIL_S = 0.5
"""How long the high-pass rings; it is 200 dB down by then."""
_SHELF_HZ, _SHELF_DB, _SHELF_Q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
_HIGH_PASS_HZ, _HIGH_PASS_Q = 38.13547087602444, 0.5003270373238773
_TRUE_PEAK_TAPS = np.array(
    [
        [0.0017089843750, 0.0109863281250, -0.0196533203125, 0.0332031250000, -0.0594482421875, 0.1373291015625,
         0.9721679687500, -0.1022949218750, 0.0476074218750, -0.0266113281250, 0.0148925781250, -0.0083007812500],
        [-0.0291748046875, 0.0292968750000, -0.0517578125000, 0.0891113281250, -0.1665039062500, 0.4650878906250,
         0.7797851562500, -0.2003173828125, 0.1015625000000, -0.0582275390625, 0.0330810546875, -0.0189208984375],
    ]
)  # fmt: skip
"""Two of the four phases of BS.1770-4 annex 2; the other two are these backwards."""
LOOK_S = 0.005
"""How far ahead of a peak the limiter begins to turn down, and how long it takes to let go."""
PASSES = 6
CLOSE_LU = 0.05


def integrated_lufs(samples: Samples, sample_rate: int) -> float:
    """Return the loudness of a sound [N]; minus infinity where it is silent. Shorter than a block: one block."""
    power = _weighted_power(samples, sample_rate)
    block, step = round(BLOCK_S * sample_rate), round(STEP_S * sample_rate)
    if len(power) < block:
        means = np.array([power.mean()]) if len(power) else np.zeros(1)
    else:
        total = np.concatenate([[0.0], np.cumsum(power)])
        firsts = np.arange(0, len(power) - block + 1, step)
        means = (total[firsts + block] - total[firsts]) / block
    means = means[_lufs(means) > ABSOLUTE_GATE_LUFS]
    if not means.size:
        return -np.inf
    means = means[_lufs(means) > _lufs(means.mean()) - RELATIVE_GATE_LU]
    return float(_lufs(means.mean()))


def true_peak_dbtp(samples: Samples) -> float:
    """Return the highest level between and at the samples [N], in dB relative to full scale."""
    peak = float(_between(samples).max(initial=0.0))
    return 20.0 * float(np.log10(peak)) if peak > 0 else -np.inf


def normalised(samples: Samples, sample_rate: int, lufs: float, peak_dbtp: float) -> Samples:
    """Return a sound at a loudness, its peaks held under a limit.

    The few peaks that would stand out are turned down over 5 ms to both sides, so that the loudness is reached all
    the same; silence stays silence.

    Args:
        samples: [N] mono.
        sample_rate: in Hz.
        lufs: integrated loudness to reach.
        peak_dbtp: true peak to stay under, in dB.
    """
    loudness = integrated_lufs(samples, sample_rate)
    if not np.isfinite(loudness):
        return samples
    ceiling = 10 ** (peak_dbtp / 20.0)
    gain_db = lufs - loudness
    limited = samples
    for _ in range(PASSES):
        limited = _limited(samples * np.float32(10 ** (gain_db / 20.0)), sample_rate, ceiling)
        missing = lufs - integrated_lufs(limited, sample_rate)
        if abs(missing) < CLOSE_LU:
            break
        gain_db += missing
    return limited


def _limited(samples: Samples, sample_rate: int, ceiling: float) -> Samples:
    """Return a sound whose true peak is at most `ceiling`; the same where it is so already."""
    peaks = _between(samples)
    if peaks.max(initial=0.0) <= ceiling:
        return samples
    look = max(1, round(LOOK_S * sample_rate))
    needed = np.minimum(1.0, ceiling / np.maximum(peaks, 1e-9))
    # the least gain within reach, then its mean over that reach: at a peak, every value averaged is low enough
    least = _sliding_min(needed, look)
    gain = _box_mean(_box_mean(np.pad(least, (look, look), mode="edge"), look + 1), look + 1)
    turned = (samples * gain).astype(np.float32)
    # a gain that moves shifts the peaks between samples by a hair
    return (turned * np.float32(min(1.0, ceiling / float(_between(turned).max(initial=1e-9))))).astype(np.float32)


def _box_mean(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Return the means of `width` neighbours, `width - 1` values fewer."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    return (total[width:] - total[:-width]) / width


def _sliding_min(values: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Return the least value from `reach` before to `reach` after each, by minima over doubling widths."""
    padded = np.pad(values, reach, constant_values=1.0)
    width, wanted = 1, 2 * reach + 1
    while 2 * width <= wanted:
        padded = np.minimum(padded[:-width], padded[width:])
        width *= 2
    rest = wanted - width
    return np.minimum(padded[: len(padded) - rest], padded[rest:]) if rest else padded


def _between(samples: Samples) -> NDArray[np.float64]:
    """Return for each sample [N] the highest magnitude of itself and of the four points about it."""
    peaks = np.abs(samples)
    padded = np.pad(samples, (6, 5))
    for taps in (*_TRUE_PEAK_TAPS, *_TRUE_PEAK_TAPS[:, ::-1]):
        if len(samples):
            peaks = np.maximum(peaks, np.abs(np.convolve(padded, taps.astype(np.float32), mode="valid")))
    return peaks.astype(np.float64)


def _weighted_power(samples: Samples, sample_rate: int) -> NDArray[np.float64]:
    """Return the squared K-weighted signal [N]; pieces are filtered by FFT and their tails added."""
    size = len(samples)
    tail = round(TAIL_S * sample_rate)
    length = min(FILTER_LENGTH, 1 << (size + tail).bit_length())
    chunk = length - tail
    response = _k_weighting(length, sample_rate)
    weighted = np.zeros(size + length)
    for first in range(0, size, chunk):
        piece = samples[first : first + chunk].astype(np.float64)
        weighted[first : first + length] += np.fft.irfft(np.fft.rfft(piece, length) * response, length)
    return np.square(weighted[:size])


def _k_weighting(length: int, sample_rate: int) -> NDArray[np.complex128]:
    """Return the frequency response of both filters at the bins of an FFT of `length`."""
    z = np.exp(-2j * np.pi * np.arange(length // 2 + 1) / length)
    gain = 10 ** (_SHELF_DB / 20.0)
    middle = gain**0.499666774155
    k = np.tan(np.pi * _SHELF_HZ / sample_rate)
    shelf = [gain + middle * k / _SHELF_Q + k * k, 2 * (k * k - gain), gain - middle * k / _SHELF_Q + k * k]
    under = [1 + k / _SHELF_Q + k * k, 2 * (k * k - 1), 1 - k / _SHELF_Q + k * k]
    response = np.polyval(shelf[::-1], z) / np.polyval(under[::-1], z)
    k = np.tan(np.pi * _HIGH_PASS_HZ / sample_rate)
    under = [1 + k / _HIGH_PASS_Q + k * k, 2 * (k * k - 1), 1 - k / _HIGH_PASS_Q + k * k]
    # the standard writes the high-pass with a numerator of 1, -2, 1, not divided by the first coefficient
    high_pass = np.polyval([1.0, -2.0, 1.0], z) / np.polyval([c / under[0] for c in under[::-1]], z)
    return np.asarray(response * high_pass, np.complex128)


def _lufs(mean_square: "NDArray[np.float64] | float") -> NDArray[np.float64]:
    return OFFSET_LUFS + 10.0 * np.log10(np.maximum(mean_square, 1e-30))
