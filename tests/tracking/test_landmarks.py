# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from tests.videos import hum, speaker_frames, write_video

pytest.importorskip("av", reason="needs lipsync3d[tracking]")
pytest.importorskip("mediapipe", reason="needs lipsync3d[tracking]")
cv2 = pytest.importorskip("cv2", reason="needs lipsync3d[tracking]")

from backend.core.blendshapes import ARKIT_INDEX  # noqa: E402
from backend.core.errors import VideoError  # noqa: E402
from backend.core.face import canonical_face  # noqa: E402
from backend.tracking import landmarks  # noqa: E402
from backend.tracking.landmarks import FaceTracker  # noqa: E402
from backend.tracking.quality import Status  # noqa: E402


def tracked(path, pictures, fps=25):
    return FaceTracker().track(write_video(path, pictures, np.arange(len(pictures)) / fps, hum(1)))


def only(counts):
    return {name: count for name, count in counts.items() if count}


def test_the_demo_speaker_is_found_in_every_frame_where_it_is(tmp_path):
    pictures, clip = speaker_frames()
    done = []
    path = write_video(tmp_path / "v.mp4", pictures, np.arange(16) / 25, hum(1))
    track = FaceTracker().track(path, done.append)
    assert only(track.counts()) == {"ok": 16}
    assert track.landmarks.shape == (16, 478, 3)
    assert done == pytest.approx(np.arange(16) / 25, abs=1e-3)
    truth = clip.truth.landmarks
    eyes = np.linalg.norm(truth[:, 263, :2] - truth[:, 33, :2], axis=-1).mean()
    off = np.linalg.norm(track.landmarks[:, :468, :2] - truth[..., :2], axis=-1).mean()
    assert off < 0.06 * eyes
    nearer = track.landmarks[:, 1, 2] - track.landmarks[:, 234, 2]  # the nose points at the camera
    assert (nearer > 0.5 * eyes).all()


def test_landmarks_are_told_in_pixels_of_the_full_picture(tmp_path):
    pictures, _ = speaker_frames()
    small = tracked(tmp_path / "s.mp4", pictures[:3])
    large = [cv2.resize(picture, (2160, 2160), interpolation=cv2.INTER_CUBIC) for picture in pictures[:3]]
    large = [cv2.copyMakeBorder(picture, 0, 0, 840, 840, cv2.BORDER_REPLICATE) for picture in large]  # 3840 x 2160
    track = tracked(tmp_path / "l.mp4", large)
    assert (track.width, track.height) == (3840, 2160)
    x, y = (track.landmarks[..., 0] - 840) / 2160 * 256, track.landmarks[..., 1] / 2160 * 256
    assert np.abs(x - small.landmarks[..., 0]).mean() < 2.0
    assert np.abs(y - small.landmarks[..., 1]).mean() < 2.0


def test_a_mirrored_video_gives_mirrored_landmarks(tmp_path):
    pictures, _ = speaker_frames()
    path = write_video(tmp_path / "v.mp4", pictures, np.arange(16) / 25, hum(1))
    mirrored = write_video(tmp_path / "m.mp4", [picture[:, ::-1] for picture in pictures], np.arange(16) / 25, hum(1))
    twin = landmarks._mirror()
    off = []
    for tracker in (FaceTracker(), FaceTracker(both_ways=False)):
        one, other = tracker.track(path).landmarks, tracker.track(mirrored).landmarks[:, twin]
        off.append(np.abs((256, 0, 0) + other * (-1, 1, 1) - one).mean())
    assert off[0] < 0.1  # px of a face 120 px high
    assert off[1] > 0.4


def test_what_cannot_be_learnt_from_is_named(tmp_path):
    mine, _ = speaker_frames()
    other, _ = speaker_frames(seed=8)
    empty = np.full_like(mine[0], 90)
    two = [np.hstack([one, second]) for one, second in zip(mine, other, strict=True)]
    assert only(tracked(tmp_path / "two.mp4", two).counts()) == {"two_faces": 16}
    assert only(tracked(tmp_path / "none.mp4", [empty] * 8).counts()) == {"no_face": 8}
    blurred = [*mine[:8], *(cv2.GaussianBlur(picture, (0, 0), 5) for picture in mine[8:12]), *mine[12:]]
    status = tracked(tmp_path / "blurred.mp4", blurred).status
    assert np.flatnonzero(status == Status.BLURRED).tolist() == [8, 9, 10, 11]
    moved = [np.roll(picture, 60, axis=1) for picture in other]
    track = tracked(tmp_path / "cut.mp4", [*mine[:8], *moved[8:]])
    assert np.flatnonzero(track.status == Status.CUT).tolist() == [8]
    assert track.shots.tolist() == [0] * 8 + [1] * 8


def test_a_face_that_comes_late_is_found_and_gaps_are_nan(tmp_path):
    mine, _ = speaker_frames()
    empty = np.full_like(mine[0], 90)
    track = tracked(tmp_path / "late.mp4", [empty] * 5 + mine[5:])
    assert (track.status[:5] == Status.NO_FACE).all()
    assert np.isnan(track.landmarks[:5]).all()
    assert len(track.kept) >= 10


def test_a_photograph_of_a_person_is_found(shared_data, tmp_path):
    portrait = cv2.imread(str(shared_data / "portraits" / "astronaut.png"))
    track = tracked(tmp_path / "v.mp4", [portrait[..., ::-1]] * 5)
    assert only(track.counts()) == {"ok": 5}


def test_missing_files_are_told(tmp_path):
    with pytest.raises(VideoError, match="no such file"):
        FaceTracker().track(tmp_path / "missing.mp4")


def test_a_mirrored_face_averaged_with_itself_keeps_its_open_mouth():
    face = canonical_face()
    opened = face.neutral_cm + face.basis_cm[ARKIT_INDEX["jawOpen"]]
    placed = np.concatenate([opened, np.zeros((10, 3))]).astype(np.float32) * (0.03, -0.03, 0.03) + (0.5, 0.5, 0)
    mirror = landmarks._mirror()
    assert np.array_equal(mirror[mirror], np.arange(478))
    turned = (placed * (-1, 1, 1) + (1, 0, 0)).astype(np.float32)[mirror]
    averaged = landmarks._averaged(placed.astype(np.float32), [turned])
    assert np.abs(averaged - placed)[:468].max() < 1e-6
