# SPDX-License-Identifier: GPL-3.0-or-later
"""Lips as a reader sees them: displacements at 50 Hz, whatever the camera's frame rate, and their mirror images."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...core.face import canonical_face
from ...core.lips import lip_vertices
from ...core.types import Floats
from ...models.lipsync3d import STEP_S
from ..personal.targets import MM

Doubles = NDArray[np.float64]


def lips_mm(displacement_cm: Floats) -> Floats:
    """Return the lips' displacements [T, 3 L] in mm of a face's [T, 468, 3]."""
    lips = displacement_cm[:, lip_vertices()].reshape(len(displacement_cm), -1)
    return (lips * MM).astype(np.float32)


def at_50_hz(values: Floats, times_s: Doubles, first_s: float) -> Floats:
    """Return values [T, C] at 50 Hz [S, C] from `first_s` to the last frame, linearly between frames."""
    count = max(1, int((times_s[-1] - first_s) / STEP_S) + 1)
    wanted_s = np.clip(first_s + STEP_S * np.arange(count), times_s[0], times_s[-1])
    after = np.clip(np.searchsorted(times_s, wanted_s, side="right"), 1, max(1, len(times_s) - 1))
    before = after - 1
    after = np.minimum(after, len(times_s) - 1)
    gap_s = np.maximum(times_s[after] - times_s[before], 1e-9)
    share = np.clip((wanted_s - times_s[before]) / gap_s, 0, 1).astype(np.float32)[:, None]
    return values[before] * (1 - share) + values[after] * share


@lru_cache(maxsize=1)
def mirror_order() -> NDArray[np.intp]:
    """Return [L] the lip vertex on the other side of each, as its place among the lip vertices."""
    lips = canonical_face().neutral_cm[lip_vertices()]
    across = lips * np.array([-1, 1, 1], np.float32)
    return np.linalg.norm(across[:, None] - lips[None], axis=-1).argmin(axis=1)


def mirrored(lips: Floats) -> Floats:
    """Return the mirror image of lips [S, 3 L]."""
    points = lips.reshape(len(lips), -1, 3)[:, mirror_order()] * np.array([-1, 1, 1], np.float32)
    return points.reshape(len(lips), -1)
