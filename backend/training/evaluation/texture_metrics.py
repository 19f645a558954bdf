# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of predicted textures against the true ones, in the mouth region of the atlas.

All are computed from the pictures alone: no network that was trained on others' pictures judges here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from ...normalise.mouth_window import mouth_window

SIGMA_PX = 1.5
"""Of the Gaussian window of SSIM (Wang et al. 2004)."""
STABILISERS = (0.01**2, 0.03**2)
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001)
"""Of the three finest scales of MS-SSIM (Wang et al. 2003), brought to a sum of 1; a mouth has no room for five."""
LONGEST_STEP = 1.5
"""Frames further apart than this many usual steps are no pair for the flicker."""
TEXTURE_DEFINITIONS = {
    "ssim": "structural similarity (Gaussian window, sigma 1.5 texels, luma) over the mouth region, mean over frames",
    "psnr_db": "peak signal-to-noise ratio over the mouth region (sRGB), mean over frames",
    "ms_ssim": "SSIM at three scales, the coarser for contrast and structure as well, weighted as in MS-SSIM",
    "sharpness": "energy of the luma gradient in the mouth region, predicted over true: below 1 is blurred",
    "flicker": "mean absolute change from frame to frame in the mouth region, predicted over true: above 1 flickers, "
    "below 1 freezes",
}
LUMA = np.array([0.299, 0.587, 0.114], np.float32)

Pictures = NDArray[np.uint8]
Floating = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class TextureScore:
    """Figures of one clip or, averaged, of many; `TEXTURE_DEFINITIONS` has their meaning."""

    ssim: float
    psnr_db: float
    ms_ssim: float
    sharpness: float
    flicker: float

    def as_json(self) -> dict[str, float | None]:
        """Return plain values for a report; null where nothing can be told."""
        values = {field.name: float(getattr(self, field.name)) for field in fields(self)}
        return {name: round(value, 4) if np.isfinite(value) else None for name, value in values.items()}


def score_texture(true: Pictures, predicted: Pictures, times_s: NDArray[np.float64]) -> TextureScore:
    """Judge the atlases [T, S, S, 3] of one clip."""
    if true.shape != predicted.shape:
        raise ValueError(f"predicted atlases {predicted.shape}, true {true.shape}")
    window = mouth_window(true.shape[1])
    mask = window.mouth > 0
    a, b = (atlases[:, window.rows, window.columns].astype(np.float32) / 255 for atlases in (true, predicted))
    return TextureScore(
        ssim=float(np.mean([ssim(x, y, mask) for x, y in zip(a @ LUMA, b @ LUMA, strict=True)])),
        psnr_db=float(np.mean([psnr_db(x, y, mask) for x, y in zip(a, b, strict=True)])),
        ms_ssim=float(np.mean([ms_ssim(x, y, mask) for x, y in zip(a @ LUMA, b @ LUMA, strict=True)])),
        sharpness=_gradient_energy(b @ LUMA, mask) / max(_gradient_energy(a @ LUMA, mask), 1e-12),
        flicker=_change(b, mask, times_s) / max(_change(a, mask, times_s), 1e-12),
    )


def summarise_textures(scores: Sequence[TextureScore]) -> TextureScore:
    """Return the means over clips."""
    return TextureScore(*(float(np.mean([getattr(s, field.name) for s in scores])) for field in fields(TextureScore)))


def ssim(first: Floating, second: Floating, mask: NDArray[np.bool_]) -> float:
    """Return the structural similarity of two pictures [H, W] in 0-1, averaged over a mask [H, W]."""
    brightness, structure = _likeness(first, second)
    return float((brightness * structure)[mask].mean())


def ms_ssim(first: Floating, second: Floating, mask: NDArray[np.bool_]) -> float:
    """Return SSIM over three scales of two pictures [H, W] in 0-1, averaged over a mask [H, W] at each."""
    result = 1.0
    for scale, weight in enumerate(SCALE_WEIGHTS):
        brightness, structure = _likeness(first, second)
        last = scale == len(SCALE_WEIGHTS) - 1
        likeness = float((brightness * structure if last else structure)[mask].mean())
        result *= max(likeness, 0.0) ** (weight / sum(SCALE_WEIGHTS))
        first, second = _halved(first), _halved(second)
        mask = _halved(mask.astype(np.float32)) >= 0.5
    return result


def psnr_db(first: Floating, second: Floating, mask: NDArray[np.bool_]) -> float:
    """Return the peak signal-to-noise ratio of pictures [H, W, C] in 0-1 over a mask [H, W]; 99 dB at most."""
    error = float(((first - second) ** 2)[mask].mean())
    return min(99.0, -10 * float(np.log10(max(error, 1e-12))))


def _likeness(first: Floating, second: Floating) -> tuple[Floating, Floating]:
    """Return SSIM's two factors [H, W]: brightness; contrast with structure."""

    def blur(picture: Floating) -> Floating:
        return np.asarray(gaussian_filter(picture, SIGMA_PX), np.float64)

    mean_a, mean_b = blur(first), blur(second)
    var_a, var_b = blur(first * first) - mean_a**2, blur(second * second) - mean_b**2
    both = blur(first * second) - mean_a * mean_b
    brightness = (2 * mean_a * mean_b + STABILISERS[0]) / (mean_a**2 + mean_b**2 + STABILISERS[0])
    return brightness, (2 * both + STABILISERS[1]) / (var_a + var_b + STABILISERS[1])


def _halved(picture: Floating) -> Floating:
    even = picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2]
    return even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2).mean(axis=(1, 3))


def _gradient_energy(pictures: Floating, mask: NDArray[np.bool_]) -> float:
    """Return the mean squared gradient of pictures [T, H, W] over a mask [H, W]."""
    down, across = (np.asarray(np.gradient(pictures, axis=axis)) for axis in (1, 2))
    return float((down[:, mask] ** 2 + across[:, mask] ** 2).mean())


def _change(pictures: Floating, mask: NDArray[np.bool_], times_s: NDArray[np.float64]) -> float:
    """Return the mean absolute change between neighbouring pictures [T, H, W, 3] over a mask [H, W]."""
    steps = np.diff(times_s)
    if len(steps) == 0:
        return 0.0
    first = np.flatnonzero(steps < LONGEST_STEP * np.median(steps))
    return float(np.abs(pictures[first + 1][:, mask] - pictures[first][:, mask]).mean()) if len(first) else 0.0
