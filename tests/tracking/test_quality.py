# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs lipsync3d[tracking]")

from backend.core.face import canonical_face
from backend.tracking.quality import (
    Measures,
    QualitySettings,
    Status,
    cuts,
    histogram,
    judge,
    sharpness,
)


def still(count=20, fps=25.0):
    """Measures of a face that does not move, 90 px between the eyes."""
    face = canonical_face().neutral_cm * 10.0
    return Measures(
        times_s=np.arange(count) / fps,
        landmarks=np.tile(face, (count, 1, 1)).astype(np.float32),
        faces=np.ones(count, np.uint8),
        sharpness=np.ones(count, np.float32),
        histograms=np.tile(np.full(48, 1 / 48, np.float32), (count, 1)),
    )


def test_a_steady_clip_is_kept():
    assert set(judge(still(), QualitySettings())) == {Status.OK}


def test_every_reason_is_named_and_the_first_wins():
    seen = still()
    seen.sharpness[3] = 0.1
    seen.faces[5] = 0
    seen.landmarks[5], seen.sharpness[5] = np.nan, np.nan
    seen.faces[7] = 2
    seen.landmarks[10:] += 60.0
    seen.sharpness[10] = 0.1
    status = judge(seen, QualitySettings())
    assert {index: Status(status[index]) for index in np.flatnonzero(status)} == {
        3: Status.BLURRED,
        5: Status.NO_FACE,
        7: Status.TWO_FACES,
        10: Status.CUT,
    }


def test_a_change_of_colours_is_a_cut_and_a_slow_one_is_not():
    seen = still()
    seen.histograms[8:] = np.eye(48, dtype=np.float32)[0]
    assert np.flatnonzero(cuts(seen, QualitySettings())).tolist() == [8]
    share = np.linspace(0, 1, 20, dtype=np.float32)[:, None]
    seen.histograms[:] = (1 - share) / 48 + share * np.eye(48, dtype=np.float32)[0]
    assert not cuts(seen, QualitySettings())[1:-1].any()


@pytest.mark.parametrize("fps", [10, 25, 60])
def test_a_fast_turn_is_no_cut_at_any_frame_rate(fps):
    seen = still(fps, fps)
    seen.landmarks[..., 0] += (180 * seen.times_s[:, None]).astype(np.float32)  # two eye distances a second
    assert not cuts(seen, QualitySettings()).any()


def test_sharpness_falls_with_blur_and_not_with_light():
    import cv2

    picture = cv2.resize(np.random.default_rng(2).integers(0, 255, (60, 60, 3), np.uint8), (240, 240))
    points = np.array([[20, 20], [220, 220]], np.float32)
    sharp = sharpness(picture, points)
    assert sharpness(picture // 2, points) == pytest.approx(sharp, rel=0.1)
    assert sharpness(cv2.GaussianBlur(picture, (0, 0), 6), points) < 0.1 * sharp
    assert sharpness(picture, points - 1000) == 0.0


def test_histograms_are_shares():
    assert histogram(np.random.default_rng(2).integers(0, 255, (90, 70, 3), np.uint8)).sum() == pytest.approx(1)
