# SPDX-License-Identifier: GPL-3.0-or-later
"""The encoder of LipSync3D as it is known from re-implementations: a complex spectrogram, 2 x 256 x 24, to a latent.

Channels 72-108-162-243-256 are those of Karras et al. 2017. Convolutions along frequency only look at one column, so
they run once over the whole sound, not once a window; the windows of 24 columns (240 ms) are cut after them.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

COLUMNS = 24
COLUMNS_A_STEP = 2
FREQUENCY = (2, 72, 108, 162, 243, 256, 256)
TIME = (256, 128, 64, 32, 16, 8, 4)
BINS_LEFT = 4
LATENT = 32
SLOPE = 0.1


class SpectrogramFront(nn.Module):
    """Complex spectrogram [B, 2, 256, 2 S] to [B, C, S] at 50 Hz."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.frequency = nn.ModuleList(
            nn.Conv2d(given, made, (3, 1), stride=(2, 1), padding=(1, 0)) for given, made in pairwise(FREQUENCY)
        )
        self.time = nn.ModuleList(
            nn.Conv2d(given, made, (1, 3), stride=(1, 2), padding=(0, 1 if made == TIME[-1] else 2))
            for given, made in pairwise(TIME)
        )
        self.out = nn.Conv1d(LATENT, channels, 1)

    def forward(self, spectrogram: Tensor) -> Tensor:
        """Return [B, C, S]; windows beyond the ends repeat the edge columns."""
        columns = spectrogram
        for layer in self.frequency:
            columns = functional.leaky_relu(layer(columns), SLOPE)
        batch, channels, bins, _ = columns.shape
        padded = functional.pad(columns, (COLUMNS // 2 - 1, COLUMNS // 2, 0, 0), mode="replicate")
        windows = padded.unfold(3, COLUMNS, COLUMNS_A_STEP)
        steps = windows.shape[3]
        windows = windows.permute(0, 3, 1, 2, 4).reshape(batch * steps, channels, bins, COLUMNS)
        for layer in self.time:
            windows = functional.leaky_relu(layer(windows), SLOPE)
        latent = torch.flatten(windows, 1).reshape(batch, steps, LATENT).transpose(1, 2)
        return self.out(latent)
