# SPDX-License-Identifier: GPL-3.0-or-later
"""Which frame of a video is shown when, where its new sound is longer or shorter than it is."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..core.types import Floats
from ..normalise.rigid import STABLE_POINTS

Fit = Literal["loop", "stop"]
TURN_SHARE = 0.2
"""A video that goes back and forth turns somewhere in this share of it at either end, where the head is stillest."""


@dataclass(frozen=True)
class Course:
    """What is shown when."""

    frames: NDArray[np.int64]
    """[T] frame of the video."""
    times_s: NDArray[np.float64]
    """[T] when it is shown, from 0."""


def course(times_s: NDArray[np.float64], duration_s: float, fit: Fit, restless: Floats | None = None) -> Course:
    """Return the course of a video through a sound; frames keep the time for which the video shows them.

    Args:
        times_s: [N] of the video's frames.
        duration_s: of the sound.
        fit: `loop` ends with the sound and goes back and forth in the video for as long as it takes; `stop` ends with
            the shorter of the two.
        restless: [N] how much the head moves at each frame, to turn where it is little; at the ends without it.
    """
    usual = float(np.median(np.diff(times_s))) if len(times_s) > 1 else duration_s
    lengths = np.append(np.diff(times_s), usual)
    order = np.arange(len(times_s))
    if fit == "loop" and lengths.sum() < duration_s:
        low, high = _turns(len(times_s), restless)
        back_and_forth = np.concatenate([np.arange(high - 1, low, -1), np.arange(low, high + 1)])
        there_s, around_s = lengths[: high + 1].sum(), lengths[back_and_forth].sum()
        rounds = int(np.ceil(max(0.0, duration_s - there_s) / around_s)) if around_s else 0
        order = np.concatenate([order[: high + 1], np.tile(back_and_forth, rounds)])
    shown_s = np.append(0.0, np.cumsum(lengths[order])[:-1])
    kept = shown_s < duration_s - 1e-6
    return Course(order[kept], shown_s[kept])


def restlessness(landmarks: Floats) -> Floats:
    """Return how much the head [N] moves at each frame of landmarks [N, 468+, 3]; infinite where there is no face."""
    places = landmarks[:, STABLE_POINTS, :2]
    steps = np.linalg.norm(np.diff(places, axis=0), axis=-1).mean(axis=-1)
    steps = np.where(np.isfinite(steps), steps, np.inf)
    return np.maximum(np.append(steps, 0.0), np.append(0.0, steps)).astype(np.float32)


def _turns(count: int, restless: Floats | None) -> tuple[int, int]:
    """Return the first and the last frame between which a video of so many goes back and forth."""
    near = int(TURN_SHARE * count)
    if restless is None or near < 2:
        return 0, count - 1
    low = int(np.argmin(restless[:near]))
    high = count - 1 - int(np.argmin(restless[::-1][:near]))
    return low, high
