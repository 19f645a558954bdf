# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from .conftest import curves

FRAMES = np.arange(10.0, 40.0)
WAVE = np.abs(np.sin(FRAMES)).astype(np.float32)
JAW, BLINK = 'key_blocks["jawOpen"].value', 'key_blocks["eyeBlinkLeft"].value'


@pytest.fixture
def actions(addon):
    from blender_addon.scene import actions

    return actions


def shapes(**values):
    """Values by the curve of a shape key."""
    from blender_addon.scene.actions import Curve
    from blender_addon.scene.places import shape_path

    return {Curve(shape_path(name)): array for name, array in values.items()}


@pytest.fixture
def key(head):
    return head.data.shape_keys


def points(action, path):
    (curve,) = [curve for curve in curves(action) if curve.data_path == path]
    return np.array([point.co for point in curve.keyframe_points])


def artists_action(actions, key):
    """Two curves that an artist keyed, over frames 0 to 60."""
    frames = np.array([0.0, 20.0, 60.0])
    half = np.full(3, 0.5, np.float32)
    action = actions.write(key, "artist", actions.Tracks(frames, shapes(jawOpen=half, eyeBlinkLeft=half)))
    for curve in curves(action):
        for point in curve.keyframe_points:
            point.interpolation = "BEZIER"
    return action


def test_keys_read_back_and_play(actions, key, scene):
    action = actions.write(key, "Lip-sync", actions.Tracks(FRAMES, shapes(jawOpen=WAVE)))
    assert np.allclose(points(action, JAW), np.stack([FRAMES, WAVE], axis=1), atol=1e-6)
    (curve,) = curves(action)
    assert {point.interpolation for point in curve.keyframe_points} == {"LINEAR"}
    assert curve.evaluate(10.5) == pytest.approx((WAVE[0] + WAVE[1]) / 2, abs=1e-5)
    scene.frame_set(17)
    assert key.key_blocks["jawOpen"].value == pytest.approx(WAVE[7], abs=1e-6)
    assert action.users == 1
    assert not action.use_fake_user


def test_an_artists_action_stays_as_it_was(actions, key):
    artist = artists_action(actions, key)
    before = [points(artist, path).tolist() for path in (JAW, BLINK)]
    new = actions.write(key, "Lip-sync", actions.Tracks(FRAMES, shapes(jawOpen=WAVE)))
    assert new != artist
    assert key.animation_data.action == new
    assert artist.use_fake_user
    assert artist.name == "artist"
    assert [points(artist, path).tolist() for path in (JAW, BLINK)] == before


def test_the_new_action_carries_over_what_lies_outside(actions, key):
    artists_action(actions, key)
    new = actions.write(key, "Lip-sync", actions.Tracks(FRAMES, shapes(jawOpen=WAVE)))
    assert points(new, BLINK).tolist() == [[0.0, 0.5], [20.0, 0.5], [60.0, 0.5]]
    jaw = points(new, JAW)
    assert jaw[:, 0].tolist() == [0.0, *FRAMES, 60.0]
    assert np.allclose(jaw[1:-1, 1], WAVE, atol=1e-6)
    (curve,) = [curve for curve in curves(new) if curve.data_path == JAW]
    assert [curve.keyframe_points[index].interpolation for index in (0, 1, -1)] == ["BEZIER", "LINEAR", "BEZIER"]


def test_still_shapes_get_keys_only_over_an_earlier_take(actions, key):
    zero = np.zeros_like(WAVE)
    first = actions.write(
        key, "one", actions.Tracks(FRAMES, shapes(jawOpen=zero, mouthPucker=WAVE), frozenset(shapes(jawOpen=0)))
    )
    assert [curve.data_path for curve in curves(first)] == ['key_blocks["mouthPucker"].value']
    actions.write(key, "two", actions.Tracks(FRAMES, shapes(jawOpen=WAVE)))
    third = actions.write(key, "three", actions.Tracks(FRAMES, shapes(jawOpen=zero), frozenset(shapes(jawOpen=0))))
    assert not points(third, JAW)[:, 1].any()


def test_restore_leaves_no_trace(actions, key, dump):
    empty = dump()
    before = actions.assignment_of(key)
    actions.write(key, "Lip-sync", actions.Tracks(FRAMES, shapes(jawOpen=WAVE)))
    assert dump() != empty
    actions.restore(key, before)
    assert dump() == empty
    artists_action(actions, key)
    full, before = dump(), actions.assignment_of(key)
    actions.write(key, "Lip-sync", actions.Tracks(FRAMES, shapes(jawOpen=WAVE)))
    actions.restore(key, before)
    assert dump() == full


def test_curves_that_would_not_play_are_made_to(actions, key):
    curve = curves(artists_action(actions, key))[0]
    curve.mute, curve.extrapolation = True, "LINEAR"
    new = actions.write(key, "Lip-sync", actions.Tracks(FRAMES, shapes(jawOpen=WAVE, eyeBlinkLeft=WAVE)))
    assert {(curve.mute, curve.extrapolation) for curve in curves(new)} == {(False, "CONSTANT")}
    assert curve.mute
