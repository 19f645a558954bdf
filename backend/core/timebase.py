# SPDX-License-Identifier: GPL-3.0-or-later
"""Seconds to frames and back: the only module that knows frame rates.

A scene's rate is the exact fraction `fps / fps_base`; 29.97 is 30000/1001 and never drifts.
"""

from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import TimingError

LOWEST_FPS, HIGHEST_FPS = 0.1, 1000


def exact_fps(fps: float, fps_base: float = 1.0) -> Fraction:
    """Return the frame rate as a fraction, with the NTSC rates recognised.

    Args:
        fps: nominal frames per second, e.g. 30, 29.97 or 24.
        fps_base: divisor as Blender keeps it (1.001 for NTSC rates).

    Raises:
        TimingError: not a number from `LOWEST_FPS` to `HIGHEST_FPS`.
    """
    rate = fps / fps_base if fps_base else float("nan")
    if not LOWEST_FPS <= rate <= HIGHEST_FPS:
        raise TimingError(f"frame rate {rate:g}: expected a number from {LOWEST_FPS} to {HIGHEST_FPS}")
    ntsc = Fraction(round(rate * 1001 / 1000) * 1000, 1001)
    if ntsc and abs(float(ntsc) - rate) < 0.005 and abs(rate - round(rate)) > 1e-4:
        return ntsc
    return Fraction(rate).limit_denominator(1001)


def frame_times_s(duration_s: float, fps: Fraction) -> NDArray[np.float64]:
    """Return the times [T] of the frames that cover a sound, first at 0, last at or after its end."""
    count = int(np.ceil(duration_s * float(fps) - 1e-9)) + 1
    return frame_to_s(np.arange(count), fps)


def s_to_frame(time_s: ArrayLike, fps: Fraction, first_frame: float = 0.0) -> NDArray[np.float64]:
    """Return the (fractional) scene frame of each time; time 0 lies at `first_frame`."""
    return np.asarray(time_s, np.float64) * fps.numerator / fps.denominator + first_frame


def frame_to_s(frame: ArrayLike, fps: Fraction, first_frame: float = 0.0) -> NDArray[np.float64]:
    """Return the time of each scene frame; the inverse of `s_to_frame`."""
    return (np.asarray(frame, np.float64) - first_frame) * fps.denominator / fps.numerator
