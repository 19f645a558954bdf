# SPDX-License-Identifier: GPL-3.0-or-later
from fractions import Fraction

import numpy as np
import pytest

from backend.core.errors import TimingError
from backend.core.timebase import exact_fps, frame_times_s, frame_to_s, s_to_frame


@pytest.mark.parametrize(
    ("fps", "fps_base", "expected"),
    [
        (30, 1.0, Fraction(30)),
        (29.97, 1.0, Fraction(30000, 1001)),
        (30, 1.001, Fraction(30000, 1001)),
        (24, 1.001, Fraction(24000, 1001)),
        (23.976, 1.0, Fraction(24000, 1001)),
        (59.94, 1.0, Fraction(60000, 1001)),
        (25, 1.0, Fraction(25)),
        (12.5, 1.0, Fraction(25, 2)),
        (5, 1.0, Fraction(5)),
    ],
)
def test_rates_are_exact(fps, fps_base, expected):
    assert exact_fps(fps, fps_base) == expected


@pytest.mark.parametrize("fps", [0, 1e-9, -1, float("nan"), float("inf"), 1e6])
def test_impossible_rates_are_refused(fps):
    with pytest.raises(TimingError, match="frame rate"):
        exact_fps(fps)


def test_an_hour_of_ntsc_does_not_drift():
    fps = exact_fps(29.97)
    frames = np.arange(107_893)
    assert np.abs(s_to_frame(frame_to_s(frames, fps, -3.5), fps, -3.5) - frames).max() < 1e-6
    assert frame_to_s(30000 * 3, fps) == pytest.approx(1001 * 3, abs=1e-9)


def test_frames_cover_the_sound():
    times = frame_times_s(1.0, Fraction(30))
    assert times[0] == 0.0
    assert times[-1] == pytest.approx(1.0)
    assert len(times) == 31
    assert frame_times_s(1.01, Fraction(30))[-1] >= 1.01
