# SPDX-License-Identifier: GPL-3.0-or-later
"""LipSync3D's geometry network (Lahiri et al. 2021): speech to the motion of one speaker's face.

Sound -> encoder -> latent -> linear geometry head -> displacement from the reference mesh. The paper hears a complex
spectrogram, 2 x 256 x 24 around each frame; that front is here, but another measures better
(`docs/personal_model.md`): the features of the universal speech encoder, which has heard hundreds of voices. All fronts
answer at 50 Hz, and a frame's values lie linearly between its neighbours', so the frame rate is free.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from .spectrogram_front import SpectrogramFront
from .universal import EncoderConfig

STEP_S = 0.02
"""Time from one output of the network to the next."""
FRONTS = ("speech", "mel", "spectrogram")
FRONT_WIDTH = {"speech": 160 + EncoderConfig().channels, "mel": 160, "spectrogram": 2}
"""Channels that each front hears: two log-mel frames and the universal encoder's last block; two log-mel frames; real
and imaginary part."""
KERNEL = 3


@dataclass(frozen=True, slots=True)
class GeometryConfig:
    """Size of the network."""

    front: str = "speech"
    """One of `FRONTS`: what is heard."""
    latent: int = 128
    """Width of the latent, which the texture is predicted from as well."""
    components: int = 40
    """Rank of the linear basis that the geometry head ends in."""
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    """Of each block, in steps of 20 ms."""
    dropout: float = 0.2
    input_dropout: float = 0.1
    """Share of whole input features silenced in a clip."""

    @property
    def context_steps(self) -> int:
        """Steps on either side that an output depends on, beyond what the front itself hears."""
        return sum(self.dilations) * (KERNEL // 2)


class Block(nn.Module):
    """Dilated convolution, GELU, pointwise convolution, added to the input."""

    def __init__(self, channels: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.spread = nn.Conv1d(channels, channels, KERNEL, padding=dilation, dilation=dilation)
        self.mix = nn.Conv1d(channels, channels, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return [B, C, S] of [B, C, S]."""
        return hidden + self.mix(self.dropout(functional.gelu(self.spread(hidden))))


class GeometryNet(nn.Module):
    """What is heard to the latent and the coefficients of the basis."""

    feature_mean: Tensor
    feature_scale: Tensor

    def __init__(self, config: GeometryConfig) -> None:
        super().__init__()
        self.config = config
        width = FRONT_WIDTH[config.front]
        self.register_buffer("feature_mean", torch.zeros(width))
        self.register_buffer("feature_scale", torch.ones(width))
        self.spectrogram = SpectrogramFront(config.latent) if config.front == "spectrogram" else None
        self.hears = None if self.spectrogram is not None else nn.Conv1d(width, config.latent, 1)
        self.input_dropout = nn.Dropout1d(config.input_dropout)
        self.blocks = nn.Sequential(*(Block(config.latent, dilation, config.dropout) for dilation in config.dilations))
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Conv1d(config.latent, config.components, 1)
        nn.init.zeros_(self.head.weight)  # training starts from the mean face
        if self.head.bias is not None:
            nn.init.zeros_(self.head.bias)

    def forward(self, heard: Tensor) -> tuple[Tensor, Tensor]:
        """Return (latent [B, L, S], coefficients [B, K, S]).

        Args:
            heard: [B, F, S] features; for the spectrogram front [B, 2, 256, 2 S].
        """
        shape = (1, -1, *(1,) * (heard.dim() - 2))
        heard = (heard - self.feature_mean.view(shape)) / self.feature_scale.view(shape)
        if self.spectrogram is not None:
            hidden = self.spectrogram(heard)
        else:
            assert self.hears is not None
            hidden = functional.gelu(self.hears(self.input_dropout(heard)))
        latent = functional.gelu(self.blocks(hidden))
        return latent, self.head(self.dropout(latent))


def at_times(track: Tensor, steps: Tensor) -> Tensor:
    """Return values [B, F, C] of a 50 Hz track [B, C, S] at fractional steps [B, F], linearly between neighbours."""
    last = track.shape[-1] - 1
    places = steps.clamp(0, last)
    low = places.floor().clamp(0, max(0, last - 1)).long()
    share = (places - low)[:, None]
    index = low[:, None].expand(-1, track.shape[1], -1)
    first = torch.gather(track, 2, index)
    second = torch.gather(track, 2, (index + 1).clamp(max=last))
    return torch.lerp(first, second, share).transpose(1, 2)
