# SPDX-License-Identifier: GPL-3.0-or-later
"""What an ear's doubts mean for the mouth: corrections of the tracks, linear in what the ear says around each moment.

A network confuses sounds in ways of its own; which opening is right on average where it doubts is learnt from
recordings whose phones or faces are known (`backend.training.motion`), one small table for each network, in its bundle.
"""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.errors import BundleError
from ..speech.phones import PHONE_INDEX, PHONES, SILENCE

Floats = NDArray[np.float32]

TAPS, STRIDE = 11, 4
"""Moments that are listened to around each one, and the steps of 10 ms between them: 200 ms on either side."""
BLUR_STEPS = 1.5
"""Width of the Gaussian that each moment is listened to with."""
BLUR_REACH = 5
LEAST_LOG = -8.0
"""Log posteriors below this are all the same."""
POSTERIOR_GAIN, LOG_GAIN = 3.0, 1 / 3
FEATURES = 2 * len(PHONES)
UNITS = (2.0, 0.03, 5.0)
"""Of the corrections: opening in mm, jaw, width in mm."""
REACH = STRIDE * (TAPS // 2) + BLUR_REACH
"""Steps on either side that a correction depends on."""


@dataclass(frozen=True)
class Ear:
    """How one network's answers correct the tracks."""

    table: Floats
    """[11, 86, 3] correction by moment, feature and track, in `UNITS`."""
    constant: Floats
    """[3]"""

    def kernel(self) -> Floats:
        """Return the table with its blur at every step [51, 86, 3], earliest step first."""
        blur = blur_kernel()
        spread = np.zeros((2 * REACH + 1, *self.table.shape[1:]), np.float32)
        for tap in range(TAPS):
            spread[STRIDE * tap : STRIDE * tap + len(blur)] += blur[:, None, None] * self.table[tap]
        return spread * np.array(UNITS, np.float32)


def blur_kernel() -> Floats:
    """Return the Gaussian [11] that moments are listened to with; its sum is 1."""
    steps = np.arange(-BLUR_REACH, BLUR_REACH + 1)
    kernel = np.exp(-0.5 * (steps / BLUR_STEPS) ** 2)
    return (kernel / kernel.sum()).astype(np.float32)


def features(log_posteriors: Floats) -> Floats:
    """Return what is listened to [t, 86] in log posteriors [t, 43]; sure silence is all zeros."""
    logs = np.maximum(log_posteriors.astype(np.float32), np.float32(LEAST_LOG))
    heard = np.concatenate([POSTERIOR_GAIN * np.exp(logs), LOG_GAIN * logs], axis=1)
    quiet = np.full(len(PHONES), LEAST_LOG, np.float32)
    quiet[PHONE_INDEX[SILENCE]] = 0.0
    return heard - np.concatenate([POSTERIOR_GAIN * np.exp(quiet), LOG_GAIN * quiet])


class Corrections:
    """Gathers the corrections of a sound whose log posteriors come in pieces; before and after it is silence."""

    def __init__(self, ear: Ear) -> None:
        kernel = ear.kernel()[::-1]
        # a moment acts on all steps around it: its part in each, side by side
        self._spread = np.ascontiguousarray(kernel.transpose(1, 0, 2).reshape(FEATURES, -1))
        self._constant = ear.constant * np.array(UNITS, np.float32)
        self._open = np.zeros((0, len(UNITS)), np.float32)
        self._done: list[Floats] = [self._open]

    def extend(self, log_posteriors: Floats) -> None:
        """Take the next piece [t, 43]."""
        count = len(log_posteriors)
        parts = (features(log_posteriors) @ self._spread).reshape(count, 2 * REACH + 1, len(UNITS))
        total = np.zeros((count + 2 * REACH, len(UNITS)), np.float32)
        total[: len(self._open)] = self._open
        for step in range(2 * REACH + 1):
            total[step : step + count] += parts[:, step]
        self._done.append(total[:count])
        self._open = total[count:]

    def so_far(self) -> Floats:
        """Return the corrections [T, 3] of all T steps: opening in mm, jaw, width in mm."""
        return np.concatenate([*self._done, self._open])[REACH:-REACH] + self._constant


def read_ear(data: bytes, name: str) -> Ear:
    """Return the ear of a bundle's file.

    Raises:
        BundleError: not such a file; `name` says which.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            table, constant = (np.asarray(arrays[key], np.float32) for key in ("table", "constant"))
    except Exception as error:  # zipfile, zlib and numpy raise a dozen kinds on a stranger's bytes
        raise BundleError(f"{name} holds no plain arrays; get the bundle again") from error
    if table.shape != (TAPS, FEATURES, len(UNITS)) or constant.shape != (len(UNITS),):
        raise BundleError(f"{name} has the wrong shape; get a bundle for this version")
    if not (np.isfinite(table).all() and np.isfinite(constant).all()):
        raise BundleError(f"{name} holds NaN or infinite numbers; get the bundle again")
    return Ear(table, constant)
