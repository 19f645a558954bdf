# SPDX-License-Identifier: GPL-3.0-or-later
"""LipSync3D's texture network (Lahiri et al. 2021): speech and the previous atlas to the next atlas.

As in the paper, the answer is a difference to a reference atlas, and a small encoder of the previous atlas adds a few
numbers to the latent of the speech. Departures: the decoder ends in a linear basis that starts as the principal
components of the training atlases, which measures better than convolutions of the same training time and takes a fifth
of theirs to run; only a window around the mouth is predicted; the encoder sees it at a quarter of its resolution.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

SHRINK = 4
"""Texels of the window, along each side, to one of what is fed back."""
CODE_HIDDEN = 32
FED_BACK_GAIN = 3.0
"""Differences are small numbers; this brings those that are fed back to about 1."""

BASIS_GAIN = 0.125
"""The basis is small numbers too: its weights are kept eight times as large, so that it learns slower than the rest."""


@dataclass(frozen=True, slots=True)
class TextureConfig:
    """Size of the network."""

    latent: int = 128
    """Width of the speech latent that is heard."""
    code: int = 2
    """Numbers that the previous atlas is told by; 0 for no auto-regression."""
    hidden: int = 128
    """Width of the layers from latent to basis."""
    components: int = 48
    """Rank of the linear basis."""
    dropout: float = 0.2


class TextureNet(nn.Module):
    """Latent and previous difference to the next difference, sRGB 0-1, in a window of the atlas."""

    latent_mean: Tensor
    latent_scale: Tensor
    blend: Tensor

    def __init__(self, config: TextureConfig, blend: Tensor) -> None:
        """Build.

        Args:
            config: sizes.
            blend: [h, w] share of the difference in the window, 0 at its border; sides are multiples of 4.
        """
        super().__init__()
        self.config = config
        height, width = blend.shape
        self.fed_back = (3, height // SHRINK, width // SHRINK)
        self.register_buffer("blend", blend.clone())
        self.register_buffer("latent_mean", torch.zeros(config.latent))
        self.register_buffer("latent_scale", torch.ones(config.latent))
        self.dropout = nn.Dropout(config.dropout)
        seen = self.fed_back[0] * self.fed_back[1] * self.fed_back[2]
        self.looks = nn.Linear(seen, CODE_HIDDEN) if config.code else None
        self.codes = nn.Linear(CODE_HIDDEN, config.code) if config.code else None
        self.hears = nn.Linear(config.latent + config.code, config.hidden)
        self.mixes = nn.Linear(config.hidden, config.hidden)
        self.weighs = nn.Linear(config.hidden, config.components)
        self.basis = nn.Linear(config.components, 3 * height * width)
        for parameter in self.weighs.parameters():  # training starts from the mean picture
            nn.init.zeros_(parameter)

    def forward(self, latent: Tensor, previous: Tensor) -> Tensor:
        """Return differences [B, 3, h, w] of latents [B, L] and of what `feedback` made of the ones before."""
        heard = self.dropout((latent - self.latent_mean) / self.latent_scale)
        if self.looks is not None and self.codes is not None:
            seen = functional.gelu(self.looks(previous.flatten(1) * FED_BACK_GAIN))
            heard = torch.cat([heard, torch.tanh(self.codes(seen))], dim=1)
        hidden = functional.gelu(self.hears(heard))
        hidden = hidden + functional.gelu(self.mixes(self.dropout(hidden)))
        drawn = self.basis(self.weighs(self.dropout(hidden))) * BASIS_GAIN
        return drawn.unflatten(1, (3, *self.blend.shape)) * self.blend


def feedback(difference: Tensor) -> Tensor:
    """Return what the next step sees of a difference [B, 3, h, w]: its means over squares of 4 texels."""
    return functional.avg_pool2d(difference, SHRINK)
