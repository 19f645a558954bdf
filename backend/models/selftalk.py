# SPDX-License-Identifier: GPL-3.0-or-later
"""SelfTalk (Peng et al. 2023): a face animator that hears whole clips, and the lip-reader it is trained against.

Sound to face to lips to text must say what sound to text says. The recogniser of that diagram is frozen and lies in
`training.personal.recogniser`. Departures from the paper: the ear is the universal speech encoder; the animator ends
in LipSync3D's linear basis (zero weights, so training starts from the mean face); and its attention reaches a second
to either side, with a learnt bias by distance in place of positions, so that windows of a long sound equal the whole.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from .lipsync3d import FRONT_WIDTH, KERNEL, Block
from .universal import EncoderConfig

UNREACHED = -3e4
"""Score of what lies beyond the reach: no part in the softmax, and still a 16-bit float."""
HIDDEN_WIDTH = EncoderConfig().channels
"""Channels of the universal encoder's last block, which lip latents are likened to."""


@dataclass(frozen=True, slots=True)
class AnimatorConfig:
    """Size of the facial animator."""

    front: str = "speech"
    """What is heard: one of `lipsync3d.FRONTS` but the spectrogram."""
    latent: int = 128
    """Width of the latent, which the texture is predicted from as well."""
    components: int = 40
    """Rank of the linear basis that the head ends in."""
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    """Of the convolution in each layer, in steps of 20 ms."""
    attending: int = 1
    """Layers, the last ones, that attend to what is heard around as well; 0 for convolutions alone."""
    heads: int = 4
    reach_steps: int = 50
    """How far attention reaches to either side."""
    dropout: float = 0.2
    input_dropout: float = 0.1
    """Share of whole input features silenced in a clip."""

    @property
    def context_steps(self) -> int:
        """Steps on either side that an output depends on, beyond what the ear itself hears."""
        return sum(self.dilations) * (KERNEL // 2) + (self.reach_steps if self.attending else 0)


class NearAttention(nn.Module):
    """Attention of each step to what is heard around it, with a learnt bias for each distance (after ALiBi)."""

    def __init__(self, channels: int, heads: int, reach: int) -> None:
        super().__init__()
        self.heads, self.reach = heads, reach
        self.norm = nn.LayerNorm(channels)
        self.asks = nn.Linear(channels, channels)
        self.knows = nn.Linear(channels, 2 * channels)
        self.answers = nn.Linear(channels, channels)
        slopes = 2.0 ** -torch.arange(1, heads + 1)
        distance = torch.arange(-reach, reach + 1).abs()
        self.bias = nn.Parameter(-slopes[None] * distance[:, None])
        """[2 R + 1, H]"""

    def forward(self, hidden: Tensor, memory: Tensor) -> Tensor:
        """Return [B, C, S]: what [B, C, S] asks of the memory [B, C, S]."""
        count = hidden.shape[-1]
        asked = self._split(self.asks(self.norm(hidden.transpose(1, 2))))
        keys, values = self.knows(memory.transpose(1, 2)).chunk(2, dim=-1)
        scores = asked @ self._split(keys).transpose(2, 3) / math.sqrt(asked.shape[-1]) + self._by_distance(count)
        found = scores.softmax(dim=-1) @ self._split(values)
        return self.answers(found.transpose(1, 2).flatten(2)).transpose(1, 2)

    def _by_distance(self, count: int) -> Tensor:
        """Return the bias [H, S, S] of each pair of steps."""
        beyond = count - 1 - self.reach
        table = functional.pad(self.bias.T, (beyond, beyond), value=UNREACHED)  # [H, 2 S - 1]; cut where negative
        return table.unfold(1, count, 1).flip(1)

    def _split(self, rows: Tensor) -> Tensor:
        """Return [B, H, S, C / H] of [B, S, C]."""
        return rows.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class Animator(nn.Module):
    """What is heard in a whole clip to the latent and the coefficients of the basis, in one pass."""

    feature_mean: Tensor
    feature_scale: Tensor

    def __init__(self, config: AnimatorConfig) -> None:
        super().__init__()
        self.config = config
        width, latent = FRONT_WIDTH[config.front], config.latent
        self.register_buffer("feature_mean", torch.zeros(width))
        self.register_buffer("feature_scale", torch.ones(width))
        self.input_dropout = nn.Dropout1d(config.input_dropout)
        self.hears = nn.Conv1d(width, latent, 1)
        self.blocks = nn.ModuleList(Block(latent, dilation, config.dropout) for dilation in config.dilations)
        silent = len(config.dilations) - config.attending
        self.attentions = nn.ModuleDict(
            {
                str(index): NearAttention(latent, config.heads, config.reach_steps)
                for index in range(silent, len(config.dilations))
            }
        )
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Conv1d(latent, config.components, 1)
        nn.init.zeros_(self.head.weight)
        if self.head.bias is not None:
            nn.init.zeros_(self.head.bias)

    def forward(self, heard: Tensor) -> tuple[Tensor, Tensor]:
        """Return (latent [B, L, S], coefficients [B, K, S]) of features [B, F, S]."""
        heard = (heard - self.feature_mean[:, None]) / self.feature_scale[:, None]
        memory = functional.gelu(self.hears(self.input_dropout(heard)))
        hidden = memory
        for index, block in enumerate(self.blocks):
            hidden = block(hidden)
            if str(index) in self.attentions:
                hidden = hidden + self.dropout(self.attentions[str(index)](hidden, memory))
        latent = functional.gelu(hidden)
        return latent, self.head(self.dropout(latent))


@dataclass(frozen=True, slots=True)
class InterpreterConfig:
    """Size of the lip-reading interpreter."""

    axes: int = 16
    """Principal axes of the lips' motion that it sees."""
    channels: int = 96
    dilations: tuple[int, ...] = (1, 2, 4)
    width: int = HIDDEN_WIDTH
    """Of its latents: that of the recogniser's."""
    symbols: int = 43
    """Of the text, the blank among them."""
    dropout: float = 0.2


class Interpreter(nn.Module):
    """Lips in motion to lip latents, and those to the text."""

    lip_mean: Tensor
    lip_axes: Tensor

    def __init__(self, config: InterpreterConfig, coordinates: int) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("lip_mean", torch.zeros(coordinates))
        self.register_buffer("lip_axes", torch.zeros(coordinates, config.axes))
        self.sees = nn.Conv1d(config.axes, config.channels, KERNEL, padding=KERNEL // 2)
        self.blocks = nn.Sequential(*(Block(config.channels, d, config.dropout) for d in config.dilations))
        self.dropout = nn.Dropout(config.dropout)
        self.means = nn.Conv1d(config.channels, config.width, 1)
        self.reads = nn.Conv1d(config.width, config.symbols, 1)

    def look(self, lips_mm: Tensor) -> None:
        """Take the principal axes, at unit spread, from the displacements [N, 3 L] of a speaker's lips."""
        self.lip_mean.copy_(lips_mm.mean(dim=0))
        away = lips_mm - self.lip_mean
        _, _, rows = torch.linalg.svd(away, full_matrices=False)
        axes = torch.zeros_like(self.lip_axes)
        kept = rows[: axes.shape[1]].T
        axes[:, : kept.shape[1]] = kept / ((away @ kept).std(dim=0) + 0.05)
        self.lip_axes.copy_(axes)

    def forward(self, lips_mm: Tensor) -> tuple[Tensor, Tensor]:
        """Return (latents [B, W, S], log-probabilities [B, S, P]) of lip displacements [B, S, 3 L] at 50 Hz."""
        seen = ((lips_mm - self.lip_mean) @ self.lip_axes).transpose(1, 2)
        hidden = self.blocks(functional.gelu(self.sees(seen)))
        latents = self.means(self.dropout(functional.gelu(hidden)))
        return latents, functional.log_softmax(self.reads(latents).transpose(1, 2).float(), dim=-1)
