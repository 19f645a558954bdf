# SPDX-License-Identifier: GPL-3.0-or-later
"""Smooth random motion, closed form in time, and smooth random variation in space."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Doubles = NDArray[np.float64]

WAVES = 6


def drift(random: np.random.Generator, times_s: ArrayLike, lowest_hz: float, highest_hz: float) -> Doubles:
    """Return a band-limited random motion [T] in -1..1 at the times [T], root mean square about 0.5.

    Draws the same numbers from `random` whatever the times, so that frames agree alone or together.
    """
    edges = np.geomspace(lowest_hz, highest_hz, WAVES + 1)
    hz = random.uniform(edges[:-1], edges[1:])
    phase = random.uniform(0, 2 * np.pi, WAVES)
    size = random.uniform(0.6, 1.0, WAVES) / np.sqrt(hz)
    size *= 0.62 * np.sqrt(2) / np.linalg.norm(size)
    times = np.asarray(times_s, np.float64)[..., None]
    return np.tanh((size * np.sin(2 * np.pi * hz * times + phase)).sum(axis=-1))


def mottle(random: np.random.Generator, points: NDArray[np.floating[Any]], scale: float, waves: int = 24) -> Doubles:
    """Return smooth random variation [N] about 0 (standard deviation about 1) over points [N, 3].

    Args:
        random: draws 7 numbers a wave.
        points: any unit.
        scale: size of the patches, in the same unit.
        waves: more look less regular.
    """
    direction = random.normal(size=(waves, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    pitch = direction * (2 * np.pi / (scale * random.uniform(1.4, 3.5, (waves, 1))))
    phase = random.uniform(0, 2 * np.pi, waves)
    return np.sqrt(2 / waves) * np.sin(np.asarray(points, np.float64) @ pitch.T + phase).sum(axis=-1)
