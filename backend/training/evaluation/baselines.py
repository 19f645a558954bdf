# SPDX-License-Identifier: GPL-3.0-or-later
"""Predictors to beat, fitted to the same clips that the model learnt from.

Each is a function of a clip's sound alone: the mean face; the average course of a sentence, where all clips are equally
long; loudness; the nearest moment in training by what is heard around it; and ridge regression on the same.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from ...audio.features import FRAME_RATE_HZ
from ...core.face import lip_gap_cm
from ...core.types import Floats
from ..personal.clips import Clips, TrainClip
from .metrics import correlation

HALF_WINDOW, STRIDE = 20, 4
"""Log-mel frames heard on either side of the moment (200 ms), and the step between those that are used."""
HEARD_SIGMA = 1.5
"""Width in log-mel frames of the Gaussian that smooths what is heard, so that the step loses nothing."""
COMPONENTS = 30
"""Principal components of the face's motion that ridge regression predicts."""
HEARD_COMPONENTS = 48
"""Principal components of what is heard that neighbours are searched in."""
PENALTIES = (100.0, 1000.0, 10000.0, 100000.0)
HELD_OUT = 5
"""One clip in this many chooses the ridge's penalty; then all are fitted."""
LAGS_S = (-0.08, -0.04, 0.0, 0.04, 0.08, 0.12)
SMOOTHING_S = (0.02, 0.05, 0.1)
POWERS = (0.15, 0.3, 0.5)
"""Exponents that turn power into loudness; 0.3 is Stevens' law."""
SAME_LENGTH = 0.1
"""Clips whose lengths differ by a smaller share have an average course."""
BLOCK = 512

Doubles = NDArray[np.float64]
Predict = Callable[[TrainClip], Floats]
"""Displacement [T, 468, 3] in cm at a clip's frames."""
Rule = Callable[[Floats], Floats]
"""What is heard at each frame [T, F] -> displacement [T, 1404]."""


@dataclass(frozen=True)
class Baseline:
    """A predictor to beat."""

    name: str
    predict: Predict


def fit_baselines(clips: Clips) -> list[Baseline]:
    """Return the baselines of some training clips; `average course` only where clips are of one length."""
    mean = np.concatenate([clip.displacement_cm for clip in clips.clips]).mean(axis=0)
    found = [Baseline("mean face", lambda clip: np.broadcast_to(mean, (len(clip.times_s), *mean.shape)))]
    if one_length(clips):
        found.append(Baseline("average course, no sound", average_course(clips)))
    found.append(Baseline("loudness", loudness(clips)))
    found.append(Baseline("nearest neighbour", nearest(clips)))
    found.append(Baseline("ridge regression", ridge(clips)))
    return found


def one_length(clips: Clips) -> bool:
    """Return whether clips are so equally long that there is an average course."""
    lengths = np.array([clip.times_s[-1] for clip in clips.clips])
    return len(lengths) > 1 and bool(np.ptp(lengths) < SAME_LENGTH * lengths.mean())


def average_course(clips: Clips) -> Predict:
    """Return the predictor that gives every clip the mean of the training clips at each time."""
    step_s = float(np.median(np.concatenate([np.diff(clip.times_s) for clip in clips.clips])))
    count = 1 + max(round(float(clip.times_s[-1]) / step_s) for clip in clips.clips)
    total, seen = np.zeros((count, *clips.neutral_cm.shape)), np.zeros(count)
    for clip in clips.clips:
        places = np.round(clip.times_s / step_s).astype(int)
        np.add.at(total, places, clip.displacement_cm)
        np.add.at(seen, places, 1)
    there = np.flatnonzero(seen)
    course = total[there] / seen[there, None, None]

    def predict(clip: TrainClip) -> Floats:
        place = np.clip(np.searchsorted(there * step_s, clip.times_s - step_s / 2), 0, len(there) - 1)
        return course[place].astype(np.float32)

    return predict


def loudness(clips: Clips) -> Predict:
    """Return the best affine map from loudness to the face, loudness being smoothed as follows the lips best."""
    ways = [(power, width, lag) for power in POWERS for width in SMOOTHING_S for lag in LAGS_S]
    motion = np.concatenate([clip.displacement_cm for clip in clips.clips])
    gap = lip_gap_cm(motion + clips.neutral_cm)
    curves = {way: np.concatenate([_loud(clip, *way) for clip in clips.clips]) for way in ways}
    best = max(ways, key=lambda way: abs(np.nan_to_num(correlation(gap, curves[way]))))
    inputs = np.stack([curves[best], np.ones(len(gap), np.float32)], axis=1)
    answer = np.linalg.lstsq(inputs, motion.reshape(len(gap), -1), rcond=None)[0]

    def predict(clip: TrainClip) -> Floats:
        loud = _loud(clip, *best)
        moved = np.stack([loud, np.ones(len(loud), np.float32)], axis=1) @ answer
        return moved.reshape(len(loud), -1, 3).astype(np.float32)

    return predict


def _loud(clip: TrainClip, power: float, width_s: float, lag_s: float) -> Floats:
    """Return the loudness [T] of a clip at its frames, relative to the clip's own mean."""
    energy = np.exp(clip.log_mel.astype(np.float64)).sum(axis=1) ** power
    reach = max(1, round(3 * width_s * FRAME_RATE_HZ))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (width_s * FRAME_RATE_HZ)) ** 2)
    padded = np.pad(energy, reach, mode="edge")
    smooth = np.convolve(padded, kernel / kernel.sum(), mode="valid")
    times_s = np.arange(len(smooth)) / FRAME_RATE_HZ
    return (np.interp(clip.times_s - lag_s, times_s, smooth) / (smooth.mean() + 1e-12)).astype(np.float32)


def around(clip: TrainClip) -> Floats:
    """Return what is heard within 200 ms of each frame [T, F]: log-mels, smoothed, less their mean over the clip."""
    heard = gaussian_filter1d(clip.log_mel - clip.log_mel.mean(axis=0), HEARD_SIGMA, axis=0)
    middle = np.round(clip.times_s * FRAME_RATE_HZ).astype(int)
    places = middle[:, None] + np.arange(-HALF_WINDOW, HALF_WINDOW + 1, STRIDE)
    return heard[np.clip(places, 0, len(heard) - 1)].reshape(len(middle), -1).astype(np.float32)


@dataclass(frozen=True)
class _Table:
    """Frames of many clips, what is heard and what moves, standardised."""

    heard: Floats
    motion: Floats
    """[N, 1404]"""
    mean: Floats
    spread: Floats

    def standard(self, heard: Floats) -> Floats:
        return (heard - self.mean) / self.spread


def _table(clips: Clips) -> _Table:
    rows = np.concatenate([around(clip) for clip in clips.clips])
    motion = np.concatenate([clip.displacement_cm.reshape(len(clip.times_s), -1) for clip in clips.clips])
    return _Table(rows, motion, rows.mean(axis=0), rows.std(axis=0) + np.float32(1e-3))


def _by_frames(rule: Rule) -> Predict:
    def predict(clip: TrainClip) -> Floats:
        return rule(around(clip)).reshape(len(clip.times_s), -1, 3).astype(np.float32)

    return predict


def nearest(clips: Clips) -> Predict:
    """Return the predictor that answers with the face of the training frame that sounded most alike."""
    table = _table(clips)
    known = table.standard(table.heard)
    scatter = known.T @ known
    axes = np.linalg.eigh(scatter)[1][:, -HEARD_COMPONENTS:]
    known = known @ axes
    length = (known**2).sum(axis=1)

    def rule(rows: Floats) -> Floats:
        asked = table.standard(rows) @ axes
        found = [
            (length - 2 * asked[first : first + BLOCK] @ known.T).argmin(axis=1)
            for first in range(0, len(asked), BLOCK)
        ]
        return table.motion[np.concatenate(found)]

    return _by_frames(rule)


def ridge(clips: Clips) -> Predict:
    """Return ridge regression from what is heard to principal components of the motion."""
    every = clips.clips
    judges = Clips(clips.folder, clips.neutral_cm, every[::HELD_OUT], clips.digest)
    rest = tuple(clip for index, clip in enumerate(every) if index % HELD_OUT)
    penalty = PENALTIES[1]
    if rest:
        rules = _ridge_rules(_table(Clips(clips.folder, clips.neutral_cm, rest, clips.digest)), PENALTIES)
        exam = _table(judges)
        errors = [float(((rule(exam.heard) - exam.motion) ** 2).mean()) for rule in rules]
        penalty = PENALTIES[int(np.argmin(errors))]
    return _by_frames(_ridge_rules(_table(clips), (penalty,))[0])


def _ridge_rules(table: _Table, penalties: tuple[float, ...]) -> list[Rule]:
    mean = table.motion.mean(axis=0)
    moved = table.motion - mean
    axes = np.linalg.eigh(moved.T @ moved)[1][:, -COMPONENTS:]
    known = table.standard(table.heard).astype(np.float64)
    square, mixed = known.T @ known, known.T @ (moved @ axes)

    def rule(penalty: float) -> Rule:
        weights = np.linalg.solve(square + penalty * np.eye(len(square)), mixed) @ axes.T

        def apply(rows: Floats) -> Floats:
            return (table.standard(rows) @ weights + mean).astype(np.float32)

        return apply

    return [rule(penalty) for penalty in penalties]
