# SPDX-License-Identifier: GPL-3.0-or-later
"""The universal speech encoder: normalised log-mels at 100 Hz to log-posteriors of the 43 phones.

A temporal convolution network in the manner of WaveNet's and TCN's dilated residual blocks (van den Oord et al. 2016;
Bai et al. 2018): a first convolution of stride 2 brings 100 Hz to 50 Hz, where the blocks work; each step then answers
for its two frames. Batch normalisation follows each convolution, so that it folds away at export. For whole sounds the
blocks look both ways; for live sound only some of them look ahead, and the others back alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..audio.features import N_MELS
from ..speech.phones import PHONES

STEM_KERNEL = 6
STEM_STRIDE = 2
KERNEL = 3


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """Size of the network."""

    channels: int = 352
    """Width of every block."""
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 1, 2, 4)
    """Dilation of each block in steps of 20 ms."""
    ahead: tuple[int, ...] = ()
    """Steps that each block looks ahead, 0 up to twice its dilation; empty: as far as back, its dilation."""
    dropout: float = 0.15
    """Share of channels silenced per utterance in training."""

    @property
    def reach(self) -> tuple[tuple[int, int], ...]:
        """Steps that each block looks back and ahead."""
        ahead = self.ahead or self.dilations
        return tuple(((KERNEL - 1) * d - a, a) for d, a in zip(self.dilations, ahead, strict=True))

    @property
    def context_frames(self) -> int:
        """Frames of 10 ms back that an output depends on, rounded up to an even number."""
        return STEM_STRIDE * sum(back for back, _ in self.reach) + STEM_KERNEL - 2

    @property
    def look_ahead_frames(self) -> int:
        """Likewise ahead."""
        return STEM_STRIDE * sum(ahead for _, ahead in self.reach) + STEM_KERNEL - 2


class Block(nn.Module):
    """Dilated convolution, GELU, pointwise convolution, added to the input."""

    def __init__(self, channels: int, reach: tuple[int, int], dropout: float) -> None:
        super().__init__()
        self.pads = () if reach[0] == reach[1] else reach  # convolutions pad both ends alike by themselves
        dilation = sum(reach) // (KERNEL - 1)
        self.spread = nn.Conv1d(channels, channels, KERNEL, padding=0 if self.pads else dilation, dilation=dilation)
        self.spread_norm = nn.BatchNorm1d(channels)
        self.mix = nn.Conv1d(channels, channels, 1)
        self.mix_norm = nn.BatchNorm1d(channels)
        self.dropout = nn.Dropout1d(dropout)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return [B, C, S] of [B, C, S]."""
        padded = functional.pad(hidden, self.pads) if self.pads else hidden
        inner = functional.gelu(self.spread_norm(self.spread(padded)))
        return functional.gelu(hidden + self.mix_norm(self.mix(self.dropout(inner))))


class SpeechEncoder(nn.Module):
    """Log-mel to phone log-posteriors."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = nn.Conv1d(N_MELS, config.channels, STEM_KERNEL, stride=STEM_STRIDE)
        self.stem_norm = nn.BatchNorm1d(config.channels)
        self.blocks = nn.ModuleList(Block(config.channels, reach, config.dropout) for reach in config.reach)
        self.head = nn.Conv1d(config.channels, STEM_STRIDE * len(PHONES), 1)

    def forward(self, log_mel: Tensor) -> Tensor:
        """Return log-posteriors [B, T, 43] of normalised log-mels [B, T, 80]; any T."""
        padded = functional.pad(log_mel.transpose(1, 2), (STEM_KERNEL // 2 - 1, STEM_KERNEL // 2))
        hidden = functional.gelu(self.stem_norm(self.stem(padded)))
        for block in self.blocks:
            hidden = block(hidden)
        scores = self.head(hidden).transpose(1, 2)
        scores = scores.reshape(scores.shape[0], -1, len(PHONES))[:, : log_mel.shape[1]]
        return functional.log_softmax(scores.float(), dim=-1)


def folded_state(encoder: SpeechEncoder) -> dict[str, Tensor]:
    """Return the weights of the network in evaluation mode with every batch normalisation folded into its convolution.

    Returns:
        Names `stem`, `blocks.N.spread`, `blocks.N.mix`, `head`, each with `.weight` [out, in, K] and `.bias` [out].
    """
    state: dict[str, Tensor] = {}
    _fold(state, "stem", encoder.stem, encoder.stem_norm)
    for index, block in enumerate(_blocks(encoder)):
        _fold(state, f"blocks.{index}.spread", block.spread, block.spread_norm)
        _fold(state, f"blocks.{index}.mix", block.mix, block.mix_norm)
    _fold(state, "head", encoder.head, None)
    return state


def _blocks(encoder: SpeechEncoder) -> Sequence[Block]:
    return [block for block in encoder.blocks if isinstance(block, Block)]


def _fold(state: dict[str, Tensor], name: str, convolution: nn.Conv1d, norm: nn.BatchNorm1d | None) -> None:
    weight = convolution.weight.detach().float()
    bias = torch.zeros(len(weight)) if convolution.bias is None else convolution.bias.detach().float()
    if norm is not None and norm.running_var is not None and norm.running_mean is not None:
        gain = norm.weight.detach() / torch.sqrt(norm.running_var + norm.eps)
        weight, bias = weight * gain[:, None, None], (bias - norm.running_mean) * gain + norm.bias.detach()
    state[f"{name}.weight"], state[f"{name}.bias"] = weight.contiguous(), bias.contiguous()


def encoder_of_folded(config: EncoderConfig, state: dict[str, Tensor]) -> SpeechEncoder:
    """Return the network, in evaluation mode, that computes what folded weights say (those of a bundle's graph)."""
    encoder = SpeechEncoder(config).eval()
    pairs = {"stem": (encoder.stem, encoder.stem_norm), "head": (encoder.head, None)}
    for index, block in enumerate(_blocks(encoder)):
        pairs[f"blocks.{index}.spread"] = (block.spread, block.spread_norm)
        pairs[f"blocks.{index}.mix"] = (block.mix, block.mix_norm)
    with torch.no_grad():
        for name, (convolution, norm) in pairs.items():
            convolution.weight.copy_(state[f"{name}.weight"])
            if convolution.bias is not None:
                convolution.bias.copy_(state[f"{name}.bias"])
            if norm is not None:
                norm.weight.fill_((1.0 + norm.eps) ** 0.5)
    return encoder
