# SPDX-License-Identifier: GPL-3.0-or-later
"""Which frame is shown when: every course starts at the start, goes by single steps and keeps the video's pace."""

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs lipsync3d[tracking]")

from backend.dubbing.course import course, restlessness

TIMES = np.arange(50) / 25


@pytest.mark.parametrize("fit", ["loop", "stop"])
def test_a_shorter_sound_ends_the_film(fit):
    way = course(TIMES, 1.0, fit)
    assert way.frames.tolist() == list(range(25))
    assert np.abs(way.times_s - TIMES[:25]).max() < 1e-9


def test_stop_ends_with_a_shorter_video():
    assert course(TIMES, 9.0, "stop").frames.tolist() == list(range(50))


def test_loop_goes_back_and_forth_as_long_as_the_sound_does():
    way = course(TIMES, 60.0, "loop")
    assert len(way.frames) == 1500
    assert np.abs(way.times_s - np.arange(1500) / 25).max() < 1e-6
    assert set(np.abs(np.diff(way.frames))) == {1}
    assert way.frames[:50].tolist() == list(range(50))
    assert (way.frames.min(), way.frames.max()) == (0, 49)


def test_it_turns_where_the_head_is_stillest():
    restless = np.ones(50, np.float32)
    restless[[6, 44]] = 0.1
    way = course(TIMES, 12.0, "loop", restless)
    turns = np.flatnonzero(np.diff(np.sign(np.diff(way.frames)))) + 1
    assert set(way.frames[turns]) == {6, 44}


def test_uneven_frames_keep_their_lengths():
    times = np.array([0.0, 0.1, 0.15, 0.4])
    way = course(times, 0.9, "loop")
    assert way.frames.tolist()[:7] == [0, 1, 2, 3, 2, 1, 0]
    assert np.abs(np.diff(way.times_s)[:6] - [0.1, 0.05, 0.25, 0.1, 0.25, 0.05]).max() < 1e-9


def test_one_frame_stands_still():
    way = course(np.zeros(1), 0.5, "loop")
    assert set(way.frames) == {0}


def test_no_face_is_no_place_to_turn():
    landmarks = np.zeros((5, 468, 3), np.float32)
    landmarks[2] = np.nan
    landmarks[4] += 3
    moved = restlessness(landmarks)
    assert np.isinf(moved[[1, 2, 3]]).all()
    assert moved[0] == 0
    assert moved[4] == pytest.approx(np.hypot(3, 3))
