# SPDX-License-Identifier: GPL-3.0-or-later
"""Random training crops: drawn by group share, augmented, normalised; the same seed gives the same crops."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...audio.normalise import Statistics, mean_sum, normalise
from . import augment
from .augment import AugmentConfig
from .data import Corpus

CROP_FRAMES = 384
IGNORED = 255
"""Label of frames that are heard but not learnt."""
MEAN_JITTER = 0.3
"""Natural-log units by which the utterance mean of a crop is off: crops are shorter than recordings."""

Floats = NDArray[np.float32]
Labels = NDArray[np.uint8]


@dataclass(frozen=True)
class Group:
    """Utterances that share a sampling weight."""

    utterances: NDArray[np.int64]
    """Indices into the corpus."""
    share: float
    """Part of the crops that come from this group."""


def groups_of(corpus: Corpus, shares: Sequence[tuple[str, float]]) -> list[Group]:
    """Return the utterances whose names start with each prefix; prefixes with no utterance are left out."""
    names = np.array(corpus.names)
    members = [(np.flatnonzero(np.char.startswith(names, prefix)), share) for prefix, share in shares]
    return [Group(indices, share) for indices, share in members if len(indices)]


class CropSampler:
    """An endless source of batches."""

    def __init__(self, corpus: Corpus, groups: Sequence[Group], statistics: Statistics, seed: int) -> None:
        self._corpus = corpus
        self._groups = groups
        self._statistics = statistics
        self._config = AugmentConfig()
        self._draw = np.random.default_rng(seed)
        lengths = np.diff(corpus.offsets)
        self._chances = [lengths[group.utterances] / lengths[group.utterances].sum() for group in groups]
        shares = np.array([group.share for group in groups])
        self._shares = shares / shares.sum()

    def batch(self, size: int) -> tuple[Floats, Labels]:
        """Return network inputs [B, T, 80] and labels [B, T]."""
        crops = [self._crop() for _ in range(size)]
        return np.stack([mel for mel, _ in crops]), np.stack([labels for _, labels in crops])

    def _crop(self) -> tuple[Floats, Labels]:
        draw, config = self._draw, self._config
        length = int(CROP_FRAMES * draw.uniform(1 - config.stretch, 1 + config.stretch))
        mel, labels = self._stretch_of_sound(length)
        mel, labels = augment.resampled(mel, labels, CROP_FRAMES, draw.uniform(1 - config.warp, 1 + config.warp))
        if draw.random() < config.pure_noise_share:
            mel, labels = augment.coloured_noise(CROP_FRAMES, draw) - 8.0, np.zeros_like(labels)
        if draw.random() < config.reverb_share:
            mel = augment.with_reverb(mel, draw)
        if draw.random() < config.noise_share:
            mel = augment.mixed(mel, self._noise(), draw.uniform(*config.snr_db))
        mel = augment.with_channel(mel, config, draw)
        mean = mean_sum(mel, self._statistics).mean(self._statistics)
        mel = augment.masked(mel, mean, draw)
        jitter = np.float32(draw.normal(0.0, MEAN_JITTER))
        return normalise(mel, mean + jitter, self._statistics), labels

    def _noise(self) -> Floats:
        if self._draw.random() > self._config.babble_share:
            return augment.coloured_noise(CROP_FRAMES, self._draw)
        voices = [np.exp(self._stretch_of_sound(CROP_FRAMES)[0]) for _ in range(int(self._draw.integers(3, 7)))]
        levels = [voice / max(float(voice.mean()), 1e-12) for voice in voices]
        return np.log(np.sum(levels, axis=0) + 1e-9).astype(np.float32)

    def _stretch_of_sound(self, length: int) -> tuple[Floats, Labels]:
        """Return successive utterances of one group, cut to `length` frames at a random place."""
        which = int(self._draw.choice(len(self._groups), p=self._shares))
        group, chances = self._groups[which], self._chances[which]
        parts: list[tuple[Floats, Labels]] = []
        have = 0
        while have < length + 1:
            mel, labels = self._corpus.utterance(int(self._draw.choice(group.utterances, p=chances)))
            if not parts and len(mel) > length:
                start = int(self._draw.integers(0, len(mel) - length + 1))
                mel, labels = mel[start:], labels[start:]
            parts.append((mel, labels))
            have += len(mel)
        mels, marks = zip(*parts, strict=True)
        return np.concatenate(mels)[:length], np.concatenate(marks)[:length]
