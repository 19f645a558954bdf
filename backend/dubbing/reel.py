# SPDX-License-Identifier: GPL-3.0-or-later
"""A video's frames in any order, forwards and backwards, in bounded memory."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..tracking.video import VideoInfo, frames

PIECE_BYTES = 192 << 20
"""Pictures held at once where a video runs backwards."""

Picture = NDArray[np.uint8]


def shown(info: VideoInfo, times_s: NDArray[np.float64], order: NDArray[np.int64]) -> Iterator[Picture]:
    """Yield the pictures [H, W, 3] of some frames.

    Args:
        info: the video.
        times_s: [N] of all its frames.
        order: [T] which of them, each one more or one less than the one before, or the same.

    Raises:
        VideoError: the file has vanished.
    """
    longest = max(1, PIECE_BYTES // (info.width * info.height * 3))
    for run in _runs(order):
        if run[0] <= run[-1]:
            yield from _forwards(info, times_s, run)
        else:
            for first in range(0, len(run), longest):
                piece = run[first : first + longest]
                yield from reversed(list(_forwards(info, times_s, piece[::-1])))


def _runs(order: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return the order cut where it changes direction or stands still."""
    steps = np.diff(order)
    cuts: list[int] = []
    began = 0
    for index in range(1, len(order)):
        direction = steps[index - 1]
        if direction == 0 or (index - began > 1 and direction != steps[index - 2]):
            cuts.append(index)
            began = index
    return np.split(order, cuts)


def _forwards(info: VideoInfo, times_s: NDArray[np.float64], run: NDArray[np.int64]) -> Iterator[Picture]:
    """Yield consecutive frames; one that cannot be decoded this time is replaced by its neighbour."""
    wanted = times_s[run]
    half_s = 0.5 * float(np.median(np.diff(times_s))) if len(times_s) > 1 else 0.5
    given, latest = 0, None
    for frame in frames(info, float(wanted[0]) - half_s, float(wanted[-1]) + half_s):
        while given < len(wanted) and wanted[given] < frame.time_s - half_s and latest is not None:
            yield latest
            given += 1
        latest = frame.rgb
        if given < len(wanted) and frame.time_s >= wanted[given] - half_s:
            yield latest
            given += 1
    for _ in range(given, len(wanted)):
        yield latest if latest is not None else np.zeros((info.height, info.width, 3), np.uint8)
