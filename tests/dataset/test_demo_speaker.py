# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo speaker: what is told about a clip is what its pictures show."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("av", reason="needs the extra `tracking`")
cv2 = pytest.importorskip("cv2", reason="needs the extra `tracking`")
pytest.importorskip("espeakng_loader", reason="needs the extra `speech`")

from backend.cli import main  # noqa: E402
from backend.core.errors import OutputError, VideoError  # noqa: E402
from backend.core.face import canonical_face, lip_gap_cm  # noqa: E402
from backend.dataset.demo_speaker import DemoSettings, LightRange, demo_clip, film  # noqa: E402
from backend.dataset.demo_speaker.camera import Camera, rotation  # noqa: E402
from backend.dataset.demo_speaker.colour import linear, srgb  # noqa: E402
from backend.dataset.demo_speaker.noise import drift  # noqa: E402
from backend.dataset.demo_speaker.picture import KNEE, _exposure  # noqa: E402
from backend.dataset.demo_speaker.raster import rasterise  # noqa: E402
from backend.motion.performance import MotionStyle, Performance  # noqa: E402

SETTINGS = DemoSettings(seed=3, seconds=2.0, size=192)


@pytest.fixture(scope="module")
def clip():
    return demo_clip(SETTINGS)


def test_rasteriser_shows_the_nearer_triangle_in_perspective():
    points = np.array([[0, 20], [20, 20], [0, 0], [2, 18], [18, 18], [2, 2]], np.float32)
    depth = np.array([1.0, 4.0, 1.0, 9.0, 9.0, 9.0], np.float32)
    faces = np.array([[3, 4, 5], [0, 1, 2], [0, 2, 1]], np.int32)
    hits = rasterise(points, 1 / depth, faces, (20, 20))
    assert (hits.face == 1).all(), "the far one is hidden, the one seen from behind is left out"
    assert len(hits.pixel) == pytest.approx(200, abs=11)
    at = dict(zip(hits.pixel, hits.barycentric, strict=True))
    # half way across on screen, depth 1 to 4 is 1 / mean(1, 1/4), not 2.5
    assert at[19 * 20 + 9] @ depth[:3] == pytest.approx(1.6, abs=0.06)


def test_rasteriser_leaves_no_cracks():
    random = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.arange(12.0), np.arange(12.0)), -1).reshape(-1, 2) * 5 + random.uniform(
        -1, 1, (144, 2)
    )
    row, column = np.divmod(np.arange(121), 11)
    a = row * 12 + column
    faces = np.concatenate([np.stack([a, a + 12, a + 1], 1), np.stack([a + 1, a + 12, a + 13], 1)]).astype(np.int32)
    hits = rasterise(grid.astype(np.float32), np.ones(144, np.float32), faces, (60, 60))
    seen = np.zeros((60, 60), bool)
    seen.ravel()[hits.pixel] = True
    assert seen[2:53, 2:53].all()
    assert hits.barycentric.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_camera_and_rotation_agree_with_their_words():
    camera = Camera(200, 200, 80.0)
    turn = rotation(*(np.deg2rad([[20.0], [0.0], [0.0]])))[0]
    assert (turn @ [0, 0, 1])[0] > 0.3, "positive yaw turns the face to image right"
    assert (rotation(np.zeros(1), np.deg2rad([10.0]), np.zeros(1))[0] @ [0, 0, 1])[1] < 0, "positive pitch bows"
    assert (rotation(np.zeros(1), np.zeros(1), np.deg2rad([6.0]))[0] @ [0, 1, 0])[0] < 0, "positive roll tips left"
    assert np.linalg.det(turn) == pytest.approx(1, abs=1e-6)
    corner = np.array([[1.0, 2.0, -50.0]])
    x, y = camera.project(corner)[0]
    assert (x - 100, 100 - y) == pytest.approx((camera.focal_px / 50, 2 * camera.focal_px / 50))


def test_drift_is_bounded_moves_and_needs_no_neighbours():
    times = np.arange(0, 60, 0.04)
    whole = drift(np.random.default_rng(1), times, 0.1, 0.5)
    assert 0.3 < whole.std() < 0.65
    assert np.abs(whole).max() <= 1
    assert drift(np.random.default_rng(1), times[700:701], 0.1, 0.5) == pytest.approx(whole[700:701])


def test_srgb_and_linear_light_are_inverse():
    values = np.linspace(0, 1, 101, dtype=np.float32)
    assert linear(srgb(values)) == pytest.approx(values, abs=1e-5)
    assert srgb(np.array([0.214])) == pytest.approx(0.5, abs=1e-3)


def test_truth_is_consistent(clip):
    truth, camera = clip.truth, clip.stage.camera
    face = truth.neutral_cm + truth.displacement_cm
    in_camera = np.einsum("tij,tvj->tvi", truth.rotation, face) + truth.translation_cm[:, None]
    assert camera.project(in_camera) == pytest.approx(truth.points_px, abs=1e-3)
    assert truth.landmarks[..., 0] == pytest.approx(truth.points_px[..., 0])
    assert truth.landmarks[..., 1] == pytest.approx(-truth.points_px[..., 1])
    assert rotation(*truth.yaw_pitch_roll_rad.T) == pytest.approx(truth.rotation, abs=1e-6)
    assert truth.weights.shape == (50, 52)
    assert 0 <= truth.weights.min() <= truth.weights.max() <= 1
    assert truth.albedo.shape == (256, 256, 3)


def test_the_mouth_says_what_the_sound_says(clip):
    performance = Performance(clip.spoken.phones, 2.0, MotionStyle(articulation=clip.who.articulation))
    spoken = lip_gap_cm(canonical_face().neutral_cm + performance.displacement_cm(clip.truth.times_s))
    shown = lip_gap_cm(clip.truth.neutral_cm + clip.truth.displacement_cm)
    assert np.corrcoef(spoken, shown)[0, 1] > 0.97
    assert len(clip.spoken.samples) == 2 * clip.spoken.sample_rate


def test_pictures_lie_where_the_truth_says(clip):
    """Lips are redder than the skin beside them, wherever the head is."""
    marks = canonical_face().landmarks
    for index in (0, 20, 45):
        rgb = linear(clip.frame(index) / 255)
        redness = cv2.GaussianBlur(rgb[..., 0] / (rgb[..., 1] + 0.02), (0, 0), 1.0)
        lips = clip.truth.points_px[index, marks["lip_outer_lower"][3:8]] * 0.5
        lips += clip.truth.points_px[index, marks["lip_inner_lower"][3:8]] * 0.5
        chin = clip.truth.points_px[index, [199, 200, 175]]
        columns, rows = lips.astype(int).T
        assert redness[rows, columns].mean() > redness[tuple(chin.astype(int).T[::-1])].mean()


def test_a_frame_is_the_same_whenever_asked_for(clip):
    assert (demo_clip(SETTINGS).frame(7) == clip.frame(7)).all()
    longer = demo_clip(replace(SETTINGS, seconds=2.4))
    assert longer.truth.rotation[:50] == pytest.approx(clip.truth.rotation, abs=1e-6)
    assert longer.truth.lights.key_colour[:50] == pytest.approx(clip.truth.lights.key_colour, abs=1e-6)


def test_seeds_are_different_people(clip):
    other = demo_clip(replace(SETTINGS, seed=4))
    assert np.abs(other.truth.neutral_cm - clip.truth.neutral_cm).max() > 0.1
    assert np.abs(other.truth.albedo - clip.truth.albedo).mean() > 0.02
    assert other.who.voice != clip.who.voice


def test_white_light_without_wander_stays_the_same(clip):
    still = demo_clip(replace(SETTINGS, light=LightRange(wander=0.0, colour=0.0)))
    lights = still.truth.lights
    assert np.ptp(lights.key_colour) == pytest.approx(0, abs=1e-6)
    assert lights.key_direction.std(axis=0) == pytest.approx(0, abs=1e-6)
    assert np.ptp(clip.truth.lights.key_colour, axis=0).min() > 0.02


def test_the_picture_is_albedo_times_light(clip):
    """The sensor's light over the albedo lies between the least and the most that the lamps give."""
    albedo = linear(clip.truth.albedo)
    uv = canonical_face().uv
    ids = [118, 347, 101, 330, 50, 280, 151, 9, 108, 337]
    place = np.column_stack([1 - uv[ids, 1], uv[ids, 0]]) * 256
    rows, columns = place.astype(int).T
    smooth = cv2.GaussianBlur(albedo, (0, 0), 2)[rows, columns]
    seen = linear(cv2.GaussianBlur(clip.frame(20), (0, 0), 1) / 255)
    x, y = clip.truth.points_px[20, ids].astype(int).T
    light = seen[y, x] / smooth / _exposure(clip.who)
    bright = seen[y, x].max(axis=1) < KNEE
    lamps = clip.truth.lights
    most = lamps.key_colour[20] + lamps.fill_colour[20] + lamps.sky_colour[20]
    assert bright.sum() >= 5
    assert (np.median(light[bright], axis=0) < 1.1 * most).all()
    assert (light[bright] > 0.15 * lamps.ground_colour[20]).all()


def test_albedo_is_nearly_symmetric(clip):
    mirrored = clip.truth.albedo[:, ::-1]
    both = (clip.truth.albedo.sum(axis=2) > 0) & (mirrored.sum(axis=2) > 0)
    off = np.abs(clip.truth.albedo - mirrored)[both].mean()
    assert 0.003 < off < 0.04


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"size": 191}, "odd"),
        ({"seconds": 0}, "seconds"),
        ({"fps": 0}, "fps"),
        ({"seed": -1}, "seed"),
        ({"size": 8}, "size"),
    ],
)
def test_impossible_settings_are_told(change, word):
    with pytest.raises(VideoError, match=word):
        demo_clip(replace(SETTINGS, **change))


def test_a_film_is_in_step_with_its_truth(tmp_path):
    from backend.tracking.video import frames, read_info, sound

    settings = replace(SETTINGS, seconds=1.0, fps=30.0)
    target = tmp_path / "speaker.mp4"
    assert main(["speaker", str(target), "--seed", "3", "--seconds", "1", "--size", "192", "--fps", "30", "-q"]) == 0
    clip = demo_clip(settings)
    info = read_info(target)
    assert (info.width, info.height, info.has_sound) == (192, 192, True)
    shown = list(frames(info))
    assert [frame.time_s for frame in shown] == pytest.approx(clip.truth.times_s, abs=1e-3)
    assert np.abs(shown[15].rgb.astype(int) - clip.frame(15)).mean() < 3
    with np.load(target.with_suffix(".npz"), allow_pickle=False) as truth:
        assert truth["displacement_cm"] == pytest.approx(clip.truth.displacement_cm, abs=1e-6)
        assert truth["light_key_colour"].shape == (30, 3)
        assert float(truth["fps"]) == 30
    heard = sound(info)
    true = np.interp(np.arange(len(heard)) / 16000, np.arange(len(clip.spoken.samples)) / 22050, clip.spoken.samples)
    lags = range(-400, 401, 8)
    scores = [np.dot(np.roll(heard, lag)[1000:-1000], true[1000:-1000]) for lag in lags]
    assert abs(lags[int(np.argmax(scores))]) <= 0.005 * 16000


def test_only_mp4(tmp_path):
    with pytest.raises(OutputError, match="mp4"):
        film(SETTINGS, tmp_path / "speaker.avi")
    assert main(["speaker", str(tmp_path / "missing" / "a.mp4"), "--seconds", "0.2", "--size", "64"]) == 1
