# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of face motion: laws on small curves and meshes, closures counted by hand."""

import numpy as np
import pytest

from backend.core.blendshapes import ARKIT_NAMES
from backend.core.errors import VideoError
from backend.core.face import canonical_face, vertices_from_weights
from backend.training.evaluation.closures import ClosureCounts, closures, count_closures, matches
from backend.training.evaluation.metrics import (
    TrueClip,
    correlation,
    lag_ms,
    lip_error_mm,
    score_clip,
    summarise,
    upper_face_mm2,
)
from backend.training.evaluation.speech_time import Word, between_words, by_level, read_words

TIMES = np.arange(75) / 25


def talking(times_s=TIMES, late_s=0.0):
    """A mesh whose jaw opens and whose brows rise, in two rhythms."""
    weights = np.zeros((len(times_s), 52), np.float32)
    moment = times_s - late_s
    weights[:, ARKIT_NAMES.index("jawOpen")] = np.clip(np.sin(7 * moment) + np.sin(11 * moment + 1), 0, None) / 2
    weights[:, ARKIT_NAMES.index("browInnerUp")] = 0.5 + 0.5 * np.sin(3 * moment)
    return canonical_face().neutral_cm + vertices_from_weights(weights)


def truth(mesh, words=()):
    return TrueClip("clip", TIMES, mesh, canonical_face().neutral_cm, np.ones(len(TIMES), bool), words)


def test_the_truth_itself_has_no_error():
    score = score_clip(truth(talking()), talking())
    assert score.lip_error_mm == score.lip_error_speech_mm == score.upper_face_mm2 == 0
    assert score.gap_r == pytest.approx(1)
    assert score.gap_r_speech == pytest.approx(1)
    assert abs(score.lag_ms) < 2
    assert score.closures.true == score.closures.predicted == score.closures.matched > 0


def test_the_lip_error_is_the_largest_of_the_lips_alone():
    moved = talking()
    moved[:, 13] += (0.3, 0.0, 0.4)
    moved[:, 14] += (0.1, 0.0, 0.0)
    moved[:, 10] += 5.0  # the forehead
    assert lip_error_mm(talking(), moved) == pytest.approx(np.full(75, 5.0), abs=1e-4)


@pytest.mark.parametrize("late_s", [0.0, 0.04, -0.08, 0.013, -0.027])
def test_a_shifted_curve_gives_its_lag(late_s):
    def curve(times):
        return np.sin(9 * times) + np.sin(14 * times + 1) + 0.5 * np.sin(23 * times)

    assert lag_ms(curve(TIMES), curve(TIMES - late_s), TIMES) == pytest.approx(1000 * late_s, abs=2)
    kept = np.delete(np.arange(75), [20, 21, 50])
    assert lag_ms(curve(TIMES)[kept], curve(TIMES - late_s)[kept], TIMES[kept]) == pytest.approx(1000 * late_s, abs=6)


def test_a_face_that_never_moves_correlates_with_nothing_and_has_no_lag():
    still = np.repeat(talking()[:1], 75, axis=0)
    score = score_clip(truth(talking()), still)
    assert score.gap_r == score.gap_r_speech == 0
    assert np.isnan(score.lag_ms)
    assert score.upper_face_mm2 > 0
    assert np.isnan(correlation(np.ones(9), np.arange(9.0)))
    assert np.isnan(correlation(np.ones(2), np.ones(2)))


def test_upper_face_dynamics_tell_too_little_from_too_much():
    neutral, mesh = canonical_face().neutral_cm, talking()
    half, double = neutral + (mesh - neutral) / 2, neutral + (mesh - neutral) * 2
    assert upper_face_mm2(mesh, half, neutral) > 0 > upper_face_mm2(mesh, double, neutral)
    # a squared distance: half the motion is a quarter of the dynamics
    whole = upper_face_mm2(mesh, np.broadcast_to(neutral, mesh.shape), neutral)
    assert upper_face_mm2(mesh, half, neutral) == pytest.approx(0.75 * whole, rel=1e-3)


def test_closures_are_deep_minima():
    gap = np.array([9, 1, 9, 5, 9, 0.5, 0.5, 9, 9, 9, 1.2, 9.0])
    assert closures(gap).tolist() == [1, 6, 10]
    assert closures(np.append(gap, 0.1)).tolist() == [1, 6, 10, 12]
    assert closures(np.zeros(0)).tolist() == []


def test_closures_match_one_to_one():
    assert matches([0.0, 0.5], [0.05, 0.56]) == 2
    assert matches([0.0], [0.07]) == 0
    assert matches([0.0, 0.04], [0.02]) == 1


def test_closures_are_counted_in_speech_and_at_words():
    times = np.arange(12) / 25
    true = np.array([9, 1, 9, 9, 9, 0.5, 9, 9, 9, 9, 1.0, 9])
    predicted = np.array([9, 9, 1, 9, 9, 9.0, 9, 1, 9, 9, 9, 9])
    words = (Word(0.0, 0.1, "bin"), Word(0.2, 0.3, "blue"), Word(0.35, 0.4, "now"), Word(0.42, 0.5, "please"))
    counted = count_closures(true, predicted, times, times > 0.05, words)
    assert counted == ClosureCounts(true=2, predicted=2, matched=0, words=2, words_true=2, words_predicted=1)
    counted = count_closures(true, predicted, times, times >= 0, words)
    assert counted == ClosureCounts(true=3, predicted=2, matched=1, words=2, words_true=2, words_predicted=1)
    assert counted.recall == pytest.approx(1 / 3)
    assert counted.precision == 0.5


def test_a_summary_is_the_mean_of_clips_that_can_tell():
    good, still = (score_clip(truth(talking()), mesh) for mesh in (talking(), np.repeat(talking()[:1], 75, axis=0)))
    score = summarise([good, still])
    assert score.means["gap_r"] == pytest.approx(0.5)
    assert score.means["lag_ms"] == pytest.approx(good.lag_ms)
    assert score.closures == good.closures + still.closures
    assert summarise([still]).as_json()["lag_ms"] is None


def test_words_are_read_and_bound_speech(tmp_path):
    file = tmp_path / "clip.align"
    file.write_text("0 5000 sil\n5000 10000 bin\n10000 12500 sp\n12500 25000 blue\n25000 75000 sil\n")
    words = read_words(file)
    assert words == (Word(0.2, 0.4, "bin"), Word(0.5, 1.0, "blue"))
    assert np.flatnonzero(between_words(words, TIMES)).tolist() == list(range(5, 26))
    file.write_text("0 5000\n")
    with pytest.raises(VideoError, match=r"clip.align, line 1"):
        read_words(file)


def test_speech_is_told_by_level():
    log_mel = np.full((300, 80), -12.0, np.float32)
    log_mel[100:150] = log_mel[165:200] = 0.0
    spoken = np.flatnonzero(by_level(log_mel, TIMES)) / 25
    assert spoken[0] == 1.0
    assert spoken[-1] == pytest.approx(1.96)
    assert len(spoken) == 25
    assert not by_level(np.zeros((0, 80), np.float32), TIMES).any()
