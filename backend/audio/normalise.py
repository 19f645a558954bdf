# SPDX-License-Identifier: GPL-3.0-or-later
"""Level and timbre taken out of log-mels: one mean spectrum an utterance, shared by training and prediction.

The mean weighs each frame by its power to a small exponent, so that pauses hardly count and gain does not matter;
it is two sums, so a first pass over a long sound in pieces gives the same mean as the whole sound at once. A prior
mean with a small weight keeps near-silent recordings from being blown up to speech level.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a bundle's `statistics.npz` holds."""

    prior_mean: Floats
    """[80] log-mel mean of speech in the training data."""
    scale: Floats
    """[80] standard deviation of log-mels about their utterance's mean."""
    exponent: float = 0.3
    """A frame's weight is its power to this; 0 would count pauses fully, 1 would hear the loudest syllable only."""
    prior_weight: float = 4.0
    """Weight of the prior mean: sum of frame weights that counts as much as the prior."""


@dataclass(frozen=True, slots=True)
class MeanSum:
    """The two sums of a first pass; add those of successive pieces, then ask for the `mean`."""

    weighted: NDArray[np.float64]
    """[80] sum of weight times log-mel."""
    weight: float
    """Sum of weights."""

    def __add__(self, other: "MeanSum") -> "MeanSum":
        return MeanSum(self.weighted + other.weighted, self.weight + other.weight)

    def mean(self, statistics: Statistics) -> Floats:
        """Return the utterance's mean spectrum [80], drawn to the prior where there is little sound."""
        prior = statistics.prior_weight
        total = self.weighted + prior * statistics.prior_mean
        return (total / (self.weight + prior)).astype(np.float32)


def mean_sum(log_mel: Floats, statistics: Statistics) -> MeanSum:
    """Return the sums over frames [T, 80]; pieces must not overlap."""
    power = np.exp(log_mel.astype(np.float64)).mean(axis=1)
    weights = power**statistics.exponent
    return MeanSum(weights @ log_mel.astype(np.float64), float(weights.sum()))


def running_mean(log_mel: Floats, statistics: Statistics, before: MeanSum | None = None) -> Floats:
    """Return the mean spectrum [T, 80] of the sound up to each frame [T, 80]: what a stream knows of itself.

    Args:
        log_mel: consecutive frames.
        statistics: of the bundle.
        before: the sums of what was heard before them.
    """
    mel = log_mel.astype(np.float64)
    weights = np.exp(mel).mean(axis=1) ** statistics.exponent
    weighted, total = np.cumsum(weights[:, None] * mel, axis=0), np.cumsum(weights)[:, None]
    if before is not None:
        weighted, total = weighted + before.weighted, total + before.weight
    prior = statistics.prior_weight
    return ((weighted + prior * statistics.prior_mean) / (total + prior)).astype(np.float32)


def normalise(log_mel: Floats, mean: Floats, statistics: Statistics) -> Floats:
    """Return the network's input [T, 80] float32: about zero mean and unit variance in speech.

    `mean` is [80], or [T, 80] of `running_mean`.
    """
    return ((log_mel - mean) / statistics.scale).astype(np.float32)
