# SPDX-License-Identifier: GPL-3.0-or-later
"""Random training crops: drawn by group share, augmented, normalised; the same seed gives the same crops."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...audio.normalise import Statistics, mean_sum, normalise, running_mean
from ...speech.phones import PHONE_INDEX, PHONES, SILENCE
from . import augment, hard_cases
from .augment import AugmentConfig
from .data import Corpus

CROP_FRAMES = 384
IGNORED = 255
"""Label of frames that are heard but not learnt."""
MEAN_JITTER = 0.3
"""Natural-log units by which the utterance mean of a crop is off: crops are shorter than recordings."""

NO_SPEECH = -1
"""Place of a frame that comes from no recording: noise and music alone, labelled silence."""

Floats = NDArray[np.float32]
Places = NDArray[np.int64]
"""Frames of the corpus."""


NOISE_IS_MUSIC = 0.5
HEARD_BEFORE = 0.6
"""Share of live crops that do not start with the sound."""


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


@dataclass(frozen=True)
class Normaliser:
    """Crops as the network will hear recordings: about their mean spectrum, parts hidden (SpecAugment)."""

    statistics: Statistics
    live: bool = False
    """The mean is that of the sound so far, as in a stream, not of the whole."""

    def __call__(self, mel: Floats, draw: np.random.Generator) -> Floats:
        """Return the network's input [T, 80] of log-mels [T, 80]."""
        mean = mean_sum(mel, self.statistics).mean(self.statistics)
        hidden = augment.masked(mel, mean, draw)
        if self.live:
            mean = self._mean_so_far(mel, draw)
        jitter = np.float32(draw.normal(0.0, MEAN_JITTER))
        return normalise(hidden, mean + jitter, self.statistics)

    def _mean_so_far(self, mel: Floats, draw: np.random.Generator) -> Floats:
        """Return the running mean [T, 80]; half of the crops lie within a sound that was heard before."""
        heard = mean_sum(mel, self.statistics) if draw.random() < HEARD_BEFORE else None
        return running_mean(mel, self.statistics, heard)


@dataclass(frozen=True)
class Guide:
    """What an earlier network hears in a corpus, learnt beside the labels (Hinton et al. 2015; Xie et al. 2020)."""

    log_posteriors: NDArray[np.float16]
    """[N, 43] of the undisturbed recordings."""
    share: Floats
    """[N] how much of a frame's loss is the guide's, 0 to 1; frames with no label are all its."""


@dataclass(frozen=True)
class Batch:
    """Crops of one step."""

    inputs: Floats
    """[B, T, 80] of the network."""
    labels: NDArray[np.uint8]
    """[B, T]"""
    posteriors: Floats
    """[B, T, 43] of the guide; all 0 where there is none."""
    share: Floats
    """[B, T] of the guide."""


class CropSampler:
    """An endless source of batches."""

    def __init__(self, corpus: Corpus, groups: Sequence[Group], normaliser: Normaliser, seed: int) -> None:
        self._corpus = corpus
        self._groups = groups
        self._normaliser = normaliser
        self._config = AugmentConfig()
        self._draw = np.random.default_rng(seed)
        self._guide: Guide | None = None
        lengths = np.diff(corpus.offsets)
        self._chances = [lengths[group.utterances] / lengths[group.utterances].sum() for group in groups]
        shares = np.array([group.share for group in groups])
        self._shares = shares / shares.sum()

    def guided(self, guide: Guide) -> "CropSampler":
        """Return this sampler, its batches with what the guide hears."""
        self._guide = guide
        return self

    def batch(self, size: int) -> Batch:
        """Return the next crops."""
        crops = [self._crop() for _ in range(size)]
        at = np.stack([places for _, places in crops])
        labels = np.where(at == NO_SPEECH, PHONE_INDEX[SILENCE], self._corpus.labels[at]).astype(np.uint8)
        posteriors, share = np.zeros((*at.shape, len(PHONES)), np.float32), np.zeros(at.shape, np.float32)
        if self._guide is not None:
            posteriors = np.exp(self._guide.log_posteriors[at].astype(np.float32))
            share = np.where(labels == IGNORED, 1.0, self._guide.share[at]).astype(np.float32)
            share[at == NO_SPEECH] = 0.0
        return Batch(np.stack([mel for mel, _ in crops]), labels, posteriors, share)

    def _crop(self) -> tuple[Floats, Places]:
        draw, config = self._draw, self._config
        tempo = (1 - config.stretch, 1 + config.stretch) if draw.random() > config.drawl_share else config.drawl
        mel, places = self._stretch_of_sound(int(CROP_FRAMES * draw.uniform(*tempo)))
        mel, places = augment.resampled(mel, places, CROP_FRAMES, draw.uniform(1 - config.warp, 1 + config.warp))
        if draw.random() < config.pure_noise_share:
            noise = hard_cases.music if draw.random() < NOISE_IS_MUSIC else augment.coloured_noise
            mel, places = noise(CROP_FRAMES, draw) - 8.0, np.full_like(places, NO_SPEECH)
        if draw.random() < config.contrast_share:
            mel = augment.with_contrast(mel, config, draw)
        if draw.random() < config.whisper_share:
            mel = hard_cases.whispered(mel, draw)
        if draw.random() < config.reverb_share:
            mel = augment.with_reverb(mel, draw)
        if draw.random() < config.noise_share:
            mel = augment.mixed(mel, self._noise(), draw.uniform(*config.snr_db))
        if draw.random() < config.overdrive_share:
            mel = hard_cases.overdriven(mel, draw)
        return self._normaliser(augment.with_channel(mel, config, draw), draw), places

    def _noise(self) -> Floats:
        kind = self._draw.random()
        if kind < self._config.music_share:
            return hard_cases.music(CROP_FRAMES, self._draw)
        if kind > self._config.music_share + self._config.babble_share:
            return augment.coloured_noise(CROP_FRAMES, self._draw)
        voices = [np.exp(self._stretch_of_sound(CROP_FRAMES)[0]) for _ in range(int(self._draw.integers(3, 7)))]
        levels = [voice / max(float(voice.mean()), 1e-12) for voice in voices]
        return np.log(np.sum(levels, axis=0) + 1e-9).astype(np.float32)

    def _stretch_of_sound(self, length: int) -> tuple[Floats, Places]:
        """Return successive utterances of one group, cut to `length` frames at a random place."""
        which = int(self._draw.choice(len(self._groups), p=self._shares))
        group, chances = self._groups[which], self._chances[which]
        parts: list[Places] = []
        have = 0
        while have < length + 1:
            index = int(self._draw.choice(group.utterances, p=chances))
            first, end = int(self._corpus.offsets[index]), int(self._corpus.offsets[index + 1])
            if not parts and end - first > length:
                first += int(self._draw.integers(0, end - first - length + 1))
            parts.append(np.arange(first, end))
            have += end - first
        places = np.concatenate(parts)[:length]
        return self._corpus.features[places].astype(np.float32), places
