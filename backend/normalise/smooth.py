# SPDX-License-Identifier: GPL-3.0-or-later
"""Smoothing values over irregular times without delay and without flattening slow movements."""

import numpy as np
from numpy.typing import NDArray

from .rigid import Doubles

REACH = 4.0
"""Frames further away than this many sigmas count nothing."""
ROWS = 512
RIDGE = 1e-5
OUTLIER = 6.0
"""Values further off than this many median deviations are left out."""
FLOOR = 0.03
"""Share of the whole spread added to the median deviation, so that clean tracks keep the ends of their turns."""


def smooth(values: Doubles, times_s: Doubles, sigma_s: float, shots: NDArray[np.int64]) -> Doubles:
    """Return a robust local quadratic fit of values over time (Cleveland 1979, with a Gaussian kernel).

    A parabola passes unchanged, so that a turning head is followed through its turning points, where a plain Gaussian
    would cut them off and leave the rest of the turn in the mouth.

    Args:
        values: [T, C].
        times_s: [T] increasing.
        sigma_s: width of the kernel.
        shots: [T] shot of each frame; shots do not see each other.
    """
    trust = np.ones(values.shape)
    fitted = _local_fit(values, times_s, sigma_s, shots, trust)
    for _ in range(2):
        off = np.abs(values - fitted)
        usual = np.median(off, axis=0) + FLOOR * values.std(axis=0) + 1e-12
        trust = np.clip(1.0 - (off / (OUTLIER * usual)) ** 2, 0.0, 1.0) ** 2
        fitted = _local_fit(values, times_s, sigma_s, shots, trust + 1e-6)
    return fitted


def _local_fit(values: Doubles, times_s: Doubles, sigma_s: float, shots: NDArray[np.int64], trust: Doubles) -> Doubles:
    fitted = np.empty_like(values)
    for start in range(0, len(values), ROWS):
        rows = slice(start, min(start + ROWS, len(values)))
        low = np.searchsorted(times_s, times_s[rows.start] - REACH * sigma_s)
        high = np.searchsorted(times_s, times_s[rows.stop - 1] + REACH * sigma_s, side="right")
        near = slice(int(low), int(high))
        lag = (times_s[None, near] - times_s[rows, None]) / sigma_s
        kernel = np.exp(-0.5 * lag**2) * (shots[None, near] == shots[rows, None])
        powers = np.stack([lag**power for power in range(5)])
        weight = kernel[..., None] * trust[None, near]
        moments = np.einsum("prn,rnc->prc", powers, weight)
        towards = np.einsum("prn,rnc,nc->rcp", powers[:3], weight, values[near])
        matrix = moments[np.add.outer(np.arange(3), np.arange(3))].transpose(2, 3, 0, 1)
        matrix = matrix + RIDGE * matrix[..., :1, :1] * np.diag([0.0, 1.0, 1.0])
        fitted[rows] = np.linalg.solve(matrix, towards[..., None])[..., 0, 0]
    return fitted
