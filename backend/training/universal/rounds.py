# SPDX-License-Identifier: GPL-3.0-or-later
"""The rounds of training: from labels alone, twice more beside what the round before hears, and the live network."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...audio.normalise import Statistics
from ...core.errors import BundleError
from ...models.universal import EncoderConfig, SpeechEncoder
from ...speech.phones import PHONES
from .crops import CropSampler, Guide, Normaliser, groups_of
from .data import Corpus, joined, load_corpus
from .loop import TrainConfig, class_weights, statistics_of, train
from .measure import posteriors_of

SHARES = (
    ("librispeech/", 0.33),
    ("transcribed/speechocean762/", 0.22),
    ("transcribed/vctk", 0.08),
    ("transcribed/ljspeech/", 0.03),
    ("transcribed/kerstin_de/", 0.06),
    ("flite-", 0.1),
    ("synthetic", 0.18),
)
"""Which part of the training crops comes from the utterances whose names start so."""
CORPORA = ("real_agreed", "others", "synthetic", "flite")
LIVE_NETWORK = EncoderConfig(channels=176, ahead=(1, 1, 0, 0, 0, 0, 0, 0), dropout=0.05)
"""A quarter of the weights; 80 ms ahead, beside 12.5 ms of the feature's window."""


@dataclass(frozen=True, slots=True)
class Round:
    """One run of the training loop."""

    config: TrainConfig
    network: EncoderConfig = field(default_factory=EncoderConfig)
    start: str = ""
    """Round whose network is trained on; empty: a new one."""
    guide: str = ""
    """Round whose network is learnt from; empty: none."""
    guided: tuple[tuple[str, float], ...] = ()
    """The guide's share of the loss by what a name starts with."""
    live: bool = False
    """Normalised as a stream is."""


ROUNDS = {
    "first": Round(TrainConfig(steps=5000)),
    "second": Round(
        TrainConfig(steps=5200, learning_rate=1e-3),
        start="first",
        guide="first",
        guided=(("librispeech/", 0.5), ("transcribed/", 0.3)),
    ),
    "third": Round(
        TrainConfig(steps=1900, learning_rate=6e-4, seed=3),
        start="second",
        guide="second",
        guided=(("librispeech/", 0.5), ("transcribed/", 0.3)),
    ),
    "live": Round(
        TrainConfig(steps=6000, batch=16, learning_rate=3e-3),
        LIVE_NETWORK,
        guide="second",
        guided=(("librispeech/", 0.8), ("transcribed/", 0.7)),
        live=True,
    ),
}


def run_round(name: str, run: Path, config: TrainConfig, report: Callable[[str], None]) -> SpeechEncoder:
    """Train one round from a run's prepared corpora, keeping its checkpoint as it goes.

    Args:
        name: of `ROUNDS`.
        run: folder of the run.
        config: the round's, or a changed one.
        report: takes lines for the reader.
    """
    plan = ROUNDS[name]
    corpus = joined([load_corpus(run / f"{part}.npz") for part in CORPORA])
    statistics = statistics_of(load_corpus(run / "real.npz"))
    normaliser = Normaliser(statistics, plan.live)
    sampler = CropSampler(corpus, groups_of(corpus, SHARES), normaliser, config.seed)
    if plan.guide:
        guide = guide_of(load_checkpoint(run / f"{plan.guide}.pt")[0], statistics, corpus, plan.guided)
        sampler = sampler.guided(guide)
    torch.manual_seed(config.seed)
    start = load_checkpoint(run / f"{plan.start}.pt")[0] if plan.start else SpeechEncoder(plan.network)

    def keep(encoder: SpeechEncoder, line: str) -> None:
        report(line)
        save_checkpoint(run / f"{name}.pt", encoder, config)

    return train(sampler, class_weights(corpus), start, config, keep)


def guide_of(
    encoder: SpeechEncoder, statistics: Statistics, corpus: Corpus, guided: tuple[tuple[str, float], ...]
) -> Guide:
    """Return what a network hears in a corpus, with its share by the first prefix that a name has."""
    share = np.zeros(len(corpus.labels), np.float32)
    log_posteriors = np.zeros((len(corpus.labels), len(PHONES)), np.float16)
    for index, name in enumerate(corpus.names):
        part = next((part for prefix, part in guided if name.startswith(prefix)), 0.0)
        if part:
            where = slice(corpus.offsets[index], corpus.offsets[index + 1])
            share[where] = part
            log_posteriors[where] = posteriors_of(encoder, statistics, corpus.utterance(index)[0])
    return Guide(log_posteriors, share)


def save_checkpoint(path: Path, encoder: SpeechEncoder, config: TrainConfig) -> None:
    """Write a network with its size and the settings of its training."""
    path.parent.mkdir(parents=True, exist_ok=True)  # someone may have cleaned out/ in the meantime
    stored = {"encoder": encoder.state_dict(), "network": asdict(encoder.config), "config": asdict(config)}
    torch.save(stored, path)


def load_checkpoint(path: Path) -> tuple[SpeechEncoder, dict[str, Any]]:
    """Return the network, in evaluation mode, and the settings of its training.

    Raises:
        BundleError: there is none.
    """
    if not path.is_file():
        raise BundleError(f"{path} is missing; train that round first")
    stored = torch.load(path, weights_only=True)
    size = {key: tuple(value) if isinstance(value, list) else value for key, value in stored["network"].items()}
    encoder = SpeechEncoder(replace(EncoderConfig(), **size)).eval()
    encoder.load_state_dict(stored["encoder"])
    return encoder, stored["config"]
