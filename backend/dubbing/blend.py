# SPDX-License-Identifier: GPL-3.0-or-later
"""One picture into another without a seam (Burt and Adelson 1983): each band of detail over a width of its own."""

import cv2
import numpy as np

from ..core.types import Floats

LEVELS = 4
EDGE = 0.3
"""Cover below which the blend fades back to the background, so that nothing beyond the cover changes."""


def blended(front: Floats, back: Floats, cover: Floats) -> Floats:
    """Return `back` [H, W, 3] with `front` in it where `cover` [H, W] is 1; exactly `back` where it is 0.

    Both are of any one scale; `front` must be defined wherever the cover is above 0.
    """
    front = np.where(cover[..., None] > 0, front, back)
    levels = min(LEVELS, int(np.log2(max(2, min(cover.shape)))) - 1)
    difference = front - back
    masks = [cover]
    bands: list[Floats] = []
    for _ in range(levels):
        smaller = _half(difference)
        bands.append(difference - _double(smaller, difference.shape))
        difference = smaller
        masks.append(_half(masks[-1]))
    mixed = difference * masks[-1][..., None]
    for band, mask in zip(reversed(bands), reversed(masks[:-1]), strict=True):
        mixed = _double(mixed, band.shape) + band * mask[..., None]
    inside = np.clip(cover / EDGE, 0, 1)
    return back + mixed * (inside * inside * (3 - 2 * inside))[..., None]


def _half(picture: Floats) -> Floats:
    return np.asarray(cv2.pyrDown(picture), np.float32)


def _double(picture: Floats, shape: tuple[int, ...]) -> Floats:
    return np.asarray(cv2.pyrUp(picture, dstsize=(shape[1], shape[0])), np.float32)
