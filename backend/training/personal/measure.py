# SPDX-License-Identifier: GPL-3.0-or-later
"""The losses on a face in the speaker's millimetres that every geometry learns by.

Vertex positions (lips weighing more), their change from frame to frame, the lip opening, more so where it is closed
(as in Audio2Face-3D, arXiv 2508.16401), and the mouth's width.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ...core.face import lip_gap_cm
from ...core.lips import gap_weights, width_weights
from ...core.types import Floats
from ...models.lipsync3d import at_times
from .lessons import Batch, Lesson
from .settings import GeometryLosses
from .targets import MM, MotionBasis


class FaceMeasure:
    """The losses of predicted coefficients against true ones."""

    def __init__(self, basis: MotionBasis, neutral_cm: Floats, losses: GeometryLosses, device: str) -> None:
        self._losses = losses
        self._metric = torch.from_numpy(basis.metric).to(device)
        gap, width = gap_weights(len(neutral_cm)), width_weights(len(neutral_cm))
        self._gap = torch.from_numpy(basis.readout(gap)).to(device)
        self._width = torch.from_numpy(basis.readout(width)).to(device)
        self._mean_gap_mm = float(basis.mean_mm @ gap + lip_gap_cm(neutral_cm) * MM)

    def __call__(self, found: Tensor, wanted: Tensor, there: Tensor, joined: Tensor) -> Tensor:
        """Return the loss of [B, T, K] where frames are `there` [B, T] and `joined` [B, T - 1] to the one before."""
        losses, off = self._losses, (found - wanted) * there[..., None]
        frames = there.sum()
        place = ((off @ self._metric) * off).sum()
        change = (off[:, 1:] - off[:, :-1]) * joined[..., None]
        velocity = ((change @ self._metric) * change).sum()
        gap_off = (off @ self._gap) ** 2
        true_gap = (wanted @ self._gap + self._mean_gap_mm).clamp(min=0)
        closure = torch.exp(-true_gap / losses.closure_mm)
        gap = ((losses.gap + losses.closure * closure) * gap_off).sum()
        width = ((off @ self._width) ** 2).sum()
        return (losses.position * place + losses.velocity * velocity + gap + losses.width * width) / frames

    def of(self, coefficients: Tensor, batch: Batch) -> Tensor:
        """Return the loss of coefficients [B, K, S] for a batch."""
        return self(at_times(coefficients.float(), batch.steps), batch.wanted, batch.there, batch.joined)


def held_out_loss(net: nn.Module, lessons: Sequence[Lesson], measure: FaceMeasure, device: str) -> float:
    """Return the mean loss of a network that answers (latent, coefficients) over held-out clips."""
    values: list[float] = []
    for lesson in lessons:
        _, coefficients = net(lesson.voices[0][None].to(device))
        found = at_times(coefficients.float(), lesson.steps[None].to(device))
        there = torch.ones(found.shape[:2], device=device)
        values.append(float(measure(found, lesson.wanted[None].to(device), there, lesson.joined[None].to(device))))
    return float(np.mean(values))
