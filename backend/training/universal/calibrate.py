# SPDX-License-Identifier: GPL-3.0-or-later
"""Confidence that means something: of the frames heard with .8, eight in ten are right."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...inference.decoder import DecoderSettings, calibrated, settled_path
from .crops import IGNORED
from .data import frame_labels
from .measure import HeldOut

BINS = 10
NEWTON_STEPS = 30
Judged = tuple[NDArray[np.float32], NDArray[np.bool_]]
"""Posterior of each frame's decoded label [N], and whether it is the labelled one [N]."""


def judged(held_out: HeldOut, settings: DecoderSettings) -> Judged:
    """Return what a decoder says of held-out frames and whether it is right."""
    posteriors: list[NDArray[np.float32]] = []
    right: list[NDArray[np.bool_]] = []
    for log_posteriors, spans in zip(held_out.log_posteriors, held_out.labels, strict=True):
        path = np.concatenate([labels for labels, _ in settled_path([log_posteriors], settings)])
        truth = frame_labels(spans, len(path))
        posteriors.append(np.exp(log_posteriors[np.arange(len(path)), path])[truth != IGNORED])
        right.append((path == truth)[truth != IGNORED])
    return np.concatenate(posteriors), np.concatenate(right)


def with_calibration(settings: DecoderSettings, frames: Sequence[Judged]) -> DecoderSettings:
    """Return the settings with slope and offset fitted by logistic regression (Platt 1999), each set counted alike."""
    odds = [np.log(np.clip(p, 1e-6, 1 - 1e-6) / (1 - np.clip(p, 1e-6, 1 - 1e-6))).astype(np.float64) for p, _ in frames]
    x = np.concatenate([np.stack([each, np.ones_like(each)], axis=1) for each in odds])
    y = np.concatenate([right for _, right in frames]).astype(np.float64)
    weight = np.concatenate([np.full(len(each), 1.0 / len(each)) for each in odds])
    fitted = np.array([1.0, 0.0])
    for _ in range(NEWTON_STEPS):
        said = 1.0 / (1.0 + np.exp(-x @ fitted))
        slope = x.T @ (weight * (y - said))
        curve = (x * (weight * said * (1.0 - said))[:, None]).T @ x + 1e-6 * np.eye(2)
        fitted = fitted + np.linalg.solve(curve, slope)
    return replace(settings, calibration=(round(float(fitted[0]), 3), round(float(fitted[1]), 3)))


def calibration_error(frames: Judged, calibration: tuple[float, float]) -> float:
    """Return the expected calibration error: mean distance of confidence from the share that is right, by tenths."""
    posteriors, right = frames
    sure = calibrated(posteriors, calibration)
    tenth = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = [abs(sure[tenth == k].mean() - right[tenth == k].mean()) * (tenth == k).mean() for k in np.unique(tenth)]
    return float(np.sum(gaps))
