# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from backend.core.face import canonical_face, lip_gap_cm, vertices_from_weights
from backend.normalise.camera import Camera, fit_camera
from backend.normalise.pose import PoseSettings, fit_head_pose
from backend.normalise.rigid import (
    STABLE_POINTS,
    fit_similarity,
    refine_similarity,
    rotation_matrices,
    rotation_vectors,
    stable_trust,
    yaw_pitch_roll_deg,
)
from backend.normalise.smooth import smooth

MOUTH = [13, 14, 61, 291, 17, 0]
SIDE_PX = 512
FOCAL_PX = 50 / 36 * SIDE_PX


def turns(count, yaw_deg=20.0, pitch_deg=8.0):
    """A head that looks about: (times, camera_from_canonical [T, 3, 3])."""
    times_s = np.arange(count) / 25
    yaw = np.radians(yaw_deg) * np.sin(2 * np.pi * 0.3 * times_s)
    pitch = np.radians(pitch_deg) * np.sin(2 * np.pi * 0.23 * times_s + 1)
    zero = np.zeros_like(yaw)
    return times_s, rotation_matrices(np.stack([zero, yaw, zero], -1)) @ rotation_matrices(
        np.stack([pitch, zero, zero], -1)
    )


def filmed(mesh_cm, rotation, distance_cm=60.0, depth_scale=1.0, noise_px=0.0):
    """What a perfect landmark finder sees through a 50 mm lens; depth is weak perspective, and scaled."""
    head = (mesh_cm + np.array([0.0, 0.0, 4.0])) @ rotation.swapaxes(1, 2)
    away = distance_cm - head[..., 2]
    depth = head[..., 2] * FOCAL_PX / distance_cm * depth_scale
    points = np.stack(
        [FOCAL_PX * head[..., 0] / away + SIDE_PX / 2, FOCAL_PX * head[..., 1] / away - SIDE_PX / 2, depth], axis=-1
    )
    return (points + np.random.default_rng(0).normal(0, noise_px, points.shape)).astype(np.float32)


def wander_mm(mesh_cm):
    return 10 * np.sqrt(((mesh_cm - mesh_cm.mean(axis=0)) ** 2).sum(axis=-1).mean(axis=0))[MOUTH]


def test_a_known_similarity_is_recovered():
    random = np.random.default_rng(1)
    points = random.normal(size=(5, 40, 3))
    rotation = rotation_matrices(random.normal(size=(5, 3)))
    scale, place = random.uniform(0.1, 4, 5), random.normal(size=(5, 3))
    target = scale[:, None, None] * points @ rotation.swapaxes(1, 2) + place[:, None]
    for found, true in zip(fit_similarity(points, target, np.ones(40)), (scale, rotation, place), strict=True):
        assert found == pytest.approx(true, abs=1e-9)
    mirrored = fit_similarity(points, target * [-1, 1, 1], np.ones(40))[1]
    assert np.linalg.det(mirrored) == pytest.approx(1)


def test_weighing_coordinates_agrees_where_nothing_is_wrong():
    shape = canonical_face().neutral_cm[STABLE_POINTS].astype(np.float64)
    _, rotation = turns(40)
    points = 7.0 * shape @ rotation.swapaxes(1, 2) + [30.0, -200.0, 5.0]
    plain = fit_similarity(points, shape, np.ones(len(shape)))
    trust = stable_trust((0.1, 1.0, 10.0, 0.3), 0.5)
    weighed = refine_similarity(points, shape, np.ones(len(shape)), trust)
    for one, other in zip(plain, weighed, strict=True):
        assert one == pytest.approx(other, abs=1e-8)


def test_a_forehead_that_slides_does_not_roll_the_head():
    shape = canonical_face().neutral_cm[STABLE_POINTS].astype(np.float64)
    points = np.repeat(7.0 * shape[None], 5, axis=0)
    points[:, :20, 0] += np.linspace(-8, 8, 5)[:, None]  # px, all of the forehead
    trust = stable_trust(PoseSettings().plane_trust, PoseSettings().depth_trust)
    plain, weighed = (
        np.degrees(np.linalg.norm(rotation_vectors(fit[1]), axis=-1)).max()
        for fit in (
            fit_similarity(points, shape, np.ones(len(shape))),
            refine_similarity(points, shape, np.ones(len(shape)), trust),
        )
    )
    assert plain > 2
    assert weighed < plain / 5


def test_rotation_vectors_and_angles_are_those_of_the_matrices():
    vectors = np.random.default_rng(3).uniform(-1.5, 1.5, (50, 3))
    vectors[0] = 0
    assert rotation_vectors(rotation_matrices(vectors)) == pytest.approx(vectors, abs=1e-9)
    yaw, pitch, roll = (
        rotation_matrices(np.eye(3)[axis] * np.radians(angle)) for axis, angle in ((1, 20), (0, -8), (2, 5))
    )
    assert yaw_pitch_roll_deg(yaw @ pitch @ roll) == pytest.approx([20, -8, 5])


@pytest.mark.parametrize("lens", [Camera((256.0, -256.0)), Camera((256.0, -256.0), 700.0, 1.2)])
def test_normalising_then_inverting_is_identity(lens):
    times_s, rotation = turns(60)
    landmarks = filmed(canonical_face().neutral_cm, rotation, noise_px=1.0)
    pose = fit_head_pose(landmarks, times_s, lens=lens)
    assert np.abs(pose.camera(pose.canonical(landmarks)) - landmarks).max() < 1e-4
    some = np.array([3, 50])
    assert pose.at(some).canonical(landmarks[some]) == pytest.approx(pose.canonical(landmarks)[some])


def test_a_still_mouth_stays_while_the_head_turns():
    times_s, rotation = turns(250)
    landmarks = filmed(canonical_face().neutral_cm, rotation, depth_scale=0.85, noise_px=0.25)
    lens = fit_camera(landmarks, SIDE_PX, SIDE_PX)
    before = wander_mm(landmarks * (60.0 / FOCAL_PX))
    after = wander_mm(fit_head_pose(landmarks, times_s, lens=lens).canonical(landmarks))
    assert (before > 20).all()
    assert (after < before / 20).all()
    no_lens = wander_mm(fit_head_pose(landmarks, times_s).canonical(landmarks))
    assert after.mean() < no_lens.mean() / 2


def test_the_lens_is_found_where_the_head_turns_and_assumed_where_it_does_not():
    times_s, rotation = turns(200)
    landmarks = filmed(canonical_face().neutral_cm, rotation, depth_scale=0.8, noise_px=0.2)
    lens = fit_camera(landmarks, SIDE_PX, SIDE_PX)
    assert 0.6 < lens.focal_px / FOCAL_PX < 1.6
    assert lens.depth_scale == pytest.approx(1 / 0.8, abs=0.12)
    true = rotation.swapaxes(1, 2)
    turned = fit_head_pose(landmarks, times_s, lens=lens).rotation @ rotation
    assert np.degrees(np.linalg.norm(rotation_vectors(turned), axis=-1)).mean() < 2
    assert true.shape == turned.shape
    still = fit_camera(landmarks[:1].repeat(50, axis=0), SIDE_PX, SIDE_PX)
    assert (still.focal_px, still.depth_scale) == (pytest.approx(FOCAL_PX), 1.0)


def test_the_mouth_is_neither_smoothed_nor_part_of_the_pose():
    times_s, rotation = turns(100)
    weights = np.zeros((100, 52), np.float32)
    weights[:, 17] = (np.arange(100) // 5) % 2  # the jaw drops and shuts within one frame
    moved = canonical_face().neutral_cm + vertices_from_weights(weights)
    lens = Camera((256.0, -256.0), FOCAL_PX)
    seen = fit_head_pose(filmed(moved, rotation), times_s, lens=lens).canonical(filmed(moved, rotation))
    gap, true = lip_gap_cm(seen[:, :468]), lip_gap_cm(moved)
    assert np.ptp(true) > 0.5
    assert np.corrcoef(np.diff(gap), np.diff(true))[0, 1] > 0.999
    assert np.polyfit(true, gap, 1)[0] == pytest.approx(1, abs=0.1)
    rest = filmed(np.broadcast_to(canonical_face().neutral_cm, moved.shape), rotation)
    same = fit_head_pose(rest, times_s, lens=lens).rotation
    leak = fit_head_pose(filmed(moved, rotation), times_s, lens=lens).rotation @ same.swapaxes(1, 2)
    assert np.degrees(np.linalg.norm(rotation_vectors(leak), axis=-1)).max() < 0.5


def test_frames_without_a_face_have_no_pose_and_do_no_harm():
    times_s, rotation = turns(80)
    landmarks = filmed(canonical_face().neutral_cm, rotation)
    holes = landmarks.copy()
    holes[[0, 20, 21, 22, 79]] = np.nan
    pose = fit_head_pose(holes, times_s)
    kept = np.isfinite(pose.scale)
    assert np.flatnonzero(~kept).tolist() == [0, 20, 21, 22, 79]
    whole = fit_head_pose(landmarks, times_s).canonical(landmarks)[kept]
    assert np.abs(pose.canonical(holes)[kept] - whole).max() < 0.15
    assert np.isnan(fit_head_pose(holes[:1], times_s[:1]).scale).all()


def test_smoothing_keeps_parabolas_drops_noise_and_outliers_and_stops_at_cuts():
    random = np.random.default_rng(4)
    times_s = np.cumsum(random.uniform(0.01, 0.07, 200))
    shots = np.zeros(200, np.int64)
    curve = np.stack([1 + 2 * times_s - times_s**2, np.sin(times_s)], axis=1)
    assert smooth(curve[:, :1], times_s, 0.2, shots) == pytest.approx(curve[:, :1], abs=2e-3)
    noisy = curve + random.normal(0, 0.1, curve.shape)
    noisy[50] += 30
    off = smooth(noisy, times_s, 0.2, shots) - curve
    assert off.std() < 0.05
    shots[100:] = 1
    step = np.where(shots[:, None] == 1, 10.0, -10.0)
    assert smooth(step, times_s, 0.2, shots) == pytest.approx(step, abs=1e-6)
