# SPDX-License-Identifier: GPL-3.0-or-later
"""The training loop: weighted cross-entropy, AdamW, one-cycle learning rate, averaged weights, 16-bit arithmetic."""

import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ...audio.normalise import Statistics, mean_sum
from ...models.universal import SpeechEncoder
from ...speech.phones import PHONES
from .articulation import feature_loss
from .crops import IGNORED, Batch, CropSampler
from .data import Corpus

REPORT_EVERY = 250


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """How long and how fast."""

    steps: int = 5000
    batch: int = 16
    """Crops a step."""
    learning_rate: float = 2e-3
    """Highest of the one-cycle schedule (Smith 2018)."""
    weight_decay: float = 0.02
    smoothing: float = 0.05
    """Label smoothing: a teacher's boundaries are not exact."""
    feature_share: float = 1.0
    """Weight of the articulatory features' loss beside that of the phones."""
    averaging: float = 0.997
    """Share of the old weights kept in the average at each step."""
    seed: int = 1
    half: bool = True
    """bfloat16 arithmetic, three to seven times faster on processors that have it."""


def statistics_of(corpus: Corpus) -> Statistics:
    """Return prior mean and scale over a corpus, each utterance about its own mean."""
    flat = Statistics(np.zeros(80, np.float32), np.ones(80, np.float32), prior_weight=1e-6)
    mels = [corpus.utterance(index)[0] for index in range(len(corpus.names))]
    means = [mean_sum(mel, flat).mean(flat) for mel in mels]
    spread = np.concatenate([mel - mean for mel, mean in zip(mels, means, strict=True)]).std(axis=0)
    return Statistics(np.mean(means, axis=0).astype(np.float32), spread.astype(np.float32))


def class_weights(corpus: Corpus) -> Tensor:
    """Return weights [43], one over the root of each phone's share, mean one over the frames."""
    counts = np.bincount(corpus.labels[corpus.labels != IGNORED], minlength=len(PHONES)) + 100.0
    shares = counts / counts.sum()
    weights = shares**-0.5
    return torch.from_numpy(weights / (weights * shares).sum()).float()


def train(
    sampler: CropSampler,
    weights: Tensor,
    start: SpeechEncoder,
    config: TrainConfig,
    report: Callable[[SpeechEncoder, str], None],
) -> SpeechEncoder:
    """Return the network trained on from `start`, with averaged weights, in evaluation mode."""
    torch.manual_seed(config.seed)
    encoder, average = deepcopy(start).train(), deepcopy(start).eval()
    optimiser = torch.optim.AdamW(encoder.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config.learning_rate, total_steps=config.steps, pct_start=0.15
    )
    started, losses = time.monotonic(), []
    for step in range(1, config.steps + 1):
        losses.append(_step(encoder, optimiser, sampler.batch(config.batch), weights, config))
        schedule.step()
        _average(average, encoder, min(config.averaging, step / (step + 10.0)))
        if step % REPORT_EVERY == 0 or step == config.steps:
            recent = float(np.mean(losses[-REPORT_EVERY:]))
            report(average, f"step {step}/{config.steps} loss {recent:.4f} {time.monotonic() - started:.0f} s")
    return average


def _step(
    encoder: SpeechEncoder, optimiser: torch.optim.Optimizer, batch: Batch, weights: Tensor, config: TrainConfig
) -> float:
    with torch.autocast("cpu", torch.bfloat16, enabled=config.half):
        log_posteriors = encoder(torch.from_numpy(batch.inputs))
    loss = batch_loss(log_posteriors, batch, weights, config)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(encoder.parameters(), 2.0)
    optimiser.step()
    return float(loss.detach())


def batch_loss(log_posteriors: Tensor, batch: Batch, weights: Tensor, config: TrainConfig) -> Tensor:
    """Return the loss of log posteriors [B, T, 43]: by phone, by articulatory features, and against the guide."""
    said, labels = log_posteriors.flatten(0, 1), torch.from_numpy(batch.labels).long().flatten()
    share = torch.from_numpy(batch.share).flatten()
    heard = torch.where(labels == IGNORED, 0.0, weights[labels.clamp(max=len(PHONES) - 1)])
    phones = functional.cross_entropy(
        said, labels, weight=weights, label_smoothing=config.smoothing, ignore_index=IGNORED, reduction="none"
    )
    loss = ((1.0 - share) * phones).sum() / heard.sum().clamp(min=1.0)
    loss = loss + config.feature_share * feature_loss(said, labels, heard * (1.0 - share))
    if batch.share.any():
        guide = torch.from_numpy(batch.posteriors).flatten(0, 1)
        loss = loss - (share * (guide * said).sum(dim=1)).mean()
    return loss


def _average(average: SpeechEncoder, encoder: SpeechEncoder, kept: float) -> None:
    with torch.no_grad():
        for old, new in zip(average.state_dict().values(), encoder.state_dict().values(), strict=True):
            if old.is_floating_point():
                old.lerp_(new, 1.0 - kept)
