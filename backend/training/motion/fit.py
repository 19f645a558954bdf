# SPDX-License-Identifier: GPL-3.0-or-later
"""Fits the coarticulation to takes: the most probable departures from phonetics, by L-BFGS. No chance is involved.

A speaker's size is not learnt. Film and canonical face are brought to one scale before: opening and chin by their
means in speech under phonetics alone, width by its spread; constant offsets of chin and width are the film's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...motion.parameters import MotionParameters, TierTiming
from ...motion.spreading import widened
from ...motion.targets import GAP, JAW
from .model import FRAMES_OF_ONE, NOISE, Batch, Coarticulation, batch_of
from .takes import GAP_MM, JAW_MM, WIDTH_MM, Take

STEPS = 120
HISTORY = 20
LEAST_GAP_MM = 1.5
"""No phone but those of closed lips aims at less: closing is the contacts' business."""
WIDTH_TOLD = 0.6
"""Part of the width's spread on film that phones tell, as found; the rest is no matter of size."""


@dataclass(frozen=True)
class Size:
    """How a speaker's face answers to the canonical one's."""

    scale: tuple[float, float, float]
    """Film over canonical: opening, chin, width."""
    offset: tuple[float, float, float]
    """mm on the film."""


@dataclass(frozen=True)
class Fitted:
    """A fit and how it went."""

    parameters: MotionParameters
    size: Size
    departures: float
    """Root mean square of the departures, in spreads of the prior."""


def fit(takes: Sequence[Take], prior: MotionParameters, trust: float = 1.0, steps: int = STEPS) -> Fitted:
    """Return the parameters that takes make most probable.

    Args:
        takes: of one speaker.
        prior: parameters to depart from.
        trust: in the prior; 1 is Bayes' rule by the spreads of `model`, more stays nearer.
        steps: of L-BFGS.
    """
    batch, model = batch_of(takes), Coarticulation(prior)
    with torch.no_grad():
        size = _size(model(batch), batch)
    scale = torch.tensor(size.scale, dtype=torch.float64)[:, None, None]
    noise = torch.tensor(NOISE, dtype=torch.float64)[:, None, None]
    offset = torch.nn.Parameter(torch.tensor(size.offset, dtype=torch.float64))
    free = torch.tensor([0.0, 1.0, 1.0], dtype=torch.float64)
    search = torch.optim.LBFGS(
        [*model.parameters(), offset], max_iter=steps, history_size=HISTORY, line_search_fn="strong_wolfe"
    )

    def cost() -> Tensor:
        search.zero_grad()
        error = (scale * model(batch) + (free * offset)[:, None, None] - batch.seen) / noise
        misfit = (error * error * batch.weight).sum() / FRAMES_OF_ONE
        total = 0.5 * (misfit + trust * model.departure())
        total.backward()
        return total

    search.step(cost)
    with torch.no_grad():
        parameters = _parameters(model, prior)
        count = sum(p.numel() for p in model.parameters())
        departures = float((model.departure() / count).sqrt())
        found = (free * offset).tolist()
    return Fitted(parameters, Size(size.scale, (found[0], found[1], found[2])), departures)


def _size(predicted: Tensor, batch: Batch) -> Size:
    """Return the scale between film and canonical face over frames in speech, of [3, N, T] both."""
    speaking = batch.weight >= 1
    film, face = batch.seen[:, speaking], predicted[:, speaking]
    scale = [float(film[row].mean() / face[row].mean()) for row in (GAP_MM, JAW_MM)]
    scale.append(WIDTH_TOLD * float(film[WIDTH_MM].std() / face[WIDTH_MM].std()))
    offset = float(film[WIDTH_MM].mean() - scale[WIDTH_MM] * face[WIDTH_MM].mean())
    return Size((scale[0], scale[1], scale[2]), (0.0, 0.0, offset))


def _parameters(model: Coarticulation, prior: MotionParameters) -> MotionParameters:
    aims, strengths, times = (values.detach().numpy() for values in (model.aims(), model.strengths(), model.times_s()))
    targets = prior.targets.copy()
    targets[:, GAP] = np.maximum(aims[0], np.minimum(LEAST_GAP_MM, prior.targets[:, GAP]))
    targets[:, JAW] = np.clip(aims[1], 0.0, 1.0)
    moved_mm = aims[2] - model.aims0[2].numpy()
    targets = widened(targets, moved_mm)
    kept = prior.strengths.copy()
    kept[:, : len(strengths)] = strengths.T
    timing = [TierTiming(*(float(value) for value in row)) for row in times]
    return MotionParameters(targets, kept, (*timing, *prior.timing[len(timing) :]))
