# SPDX-License-Identifier: GPL-3.0-or-later
"""Losses of predicted mouth pictures: absolute difference and structural similarity, where speech shows and is seen."""

import torch
from torch import Tensor

from .texture_settings import TextureLosses

WINDOW_SIGMA = 1.5
WINDOW_REACH = 3
"""Texels; the Gaussian of SSIM is cut off there."""
STABILISERS = (0.01**2, 0.03**2)
LUMA = (0.299, 0.587, 0.114)


class PictureLoss:
    """Compares differences to one reference picture."""

    def __init__(self, reference: Tensor, mouth: Tensor, losses: TextureLosses) -> None:
        """Prepare.

        Args:
            reference: [3, h, w] sRGB 0-1.
            mouth: [h, w] 1 in the mouth region.
            losses: what counts how much.
        """
        self._losses = losses
        self._importance = mouth + losses.around
        self._luma = torch.tensor(LUMA, device=reference.device)[:, None, None]
        self._reference = (reference * self._luma).sum(dim=0)

    def __call__(self, found: Tensor, wanted: Tensor, seen: Tensor) -> Tensor:
        """Return the loss of differences [B, S, 3, h, w] over texels seen [B, S, h, w], in full precision."""
        with torch.autocast(found.device.type, enabled=False):
            weights = (seen + self._losses.unseen) * self._importance
            weights = weights / weights.mean()
            loss = ((found - wanted).abs().mean(dim=2) * weights).mean()
            if self._losses.structure:
                likeness = structure(self._grey(found), self._grey(wanted))
                inner = weights.flatten(0, 1)[:, WINDOW_REACH:-WINDOW_REACH, WINDOW_REACH:-WINDOW_REACH]
                loss = loss + self._losses.structure * ((1 - likeness) * inner).mean()
            return loss

    def _grey(self, differences: Tensor) -> Tensor:
        """Return pictures [B S, h, w] of differences [B, S, 3, h, w]."""
        return ((differences * self._luma).sum(dim=2) + self._reference).flatten(0, 1)


def structure(first: Tensor, second: Tensor) -> Tensor:
    """Return SSIM [B, h - 6, w - 6] of grey pictures [B, h, w] in 0-1 (Wang et al. 2004)."""
    down, across = _bell(first.shape[-2], first), _bell(first.shape[-1], first)

    def blur(pictures: Tensor) -> Tensor:
        # Two products of matrices: torch's convolution takes ten times as long to go back through on a processor.
        return down @ pictures @ across.T

    mean_a, mean_b = blur(first), blur(second)
    var_a, var_b = blur(first * first) - mean_a**2, blur(second * second) - mean_b**2
    both = blur(first * second) - mean_a * mean_b
    brightness = (2 * mean_a * mean_b + STABILISERS[0]) / (mean_a**2 + mean_b**2 + STABILISERS[0])
    return brightness * (2 * both + STABILISERS[1]) / (var_a + var_b + STABILISERS[1])


def _bell(length: int, like: Tensor) -> Tensor:
    """Return the matrix [length - 6, length] that blurs a line."""
    reach = 2 * WINDOW_REACH + 1
    bell = torch.exp(-0.5 * ((torch.arange(reach, dtype=like.dtype) - WINDOW_REACH) / WINDOW_SIGMA) ** 2)
    lines = torch.zeros(length - reach + 1, length, dtype=like.dtype)
    for place in range(reach):
        lines.diagonal(place).fill_(bell[place] / bell.sum())
    return lines.to(like.device)
