# SPDX-License-Identifier: GPL-3.0-or-later
from pathlib import Path

import numpy as np
import pytest

from .conftest import curves


@pytest.fixture
def bake(addon):
    from blender_addon.scene import bake

    return bake


def a_take(fps, count=31):
    """jawOpen rises by 1 a 10 s; tongueOut rests."""
    from blender_addon.backend.retarget.apply import ControlTracks

    from blender_addon.jobs.bake import Baked

    times = np.arange(count) / fps
    values = np.stack([times / 10, np.zeros(count)], axis=1).astype(np.float32)
    tracks = ControlTracks(("jawOpen", "tongueOut"), values, np.array([[0, 1], [0, 1]], np.float32))
    return Baked(times, tracks, float(times[-1]), 1.0, "test")


def keyed(bake, scene, head, baked, **where):
    from blender_addon.scene.character import character_of

    placement = bake.Placement(Path("none.wav"), add_strip=False, **where)
    report = bake.apply(scene, character_of(head, scene), baked, placement)
    (curve,) = curves(head.data.shape_keys.animation_data.action)
    return report, np.array([point.co for point in curve.keyframe_points])


def test_keys_lie_on_frames_and_rest_is_told(bake, scene, head):
    scene.render.fps = 30
    report, keys = keyed(bake, scene, head, a_take(30), start_frame=7.0)
    assert keys[:, 0].tolist() == list(range(7, 38))
    assert np.allclose(keys[:, 1], (keys[:, 0] - 7) / 300, atol=1e-6)
    assert (report.keyed, report.still, report.frames) == (("jawOpen",), ("tongueOut",), (7, 37))
    assert (scene.frame_start, scene.frame_end) == (7, 37)


@pytest.mark.parametrize(("fps", "start"), [(30, 7.4), (24, 7.0), (60, -3.5)])
def test_between_frames_the_time_stays_right(bake, scene, head, fps, start):
    scene.render.fps = fps
    _, keys = keyed(bake, scene, head, a_take(30), start_frame=start)
    assert (keys[:, 0] % 1 == 0).all()
    assert np.allclose(keys[:, 1], (keys[:, 0] - start) / fps / 10, atol=1e-5)


def test_a_trimmed_strip_is_keyed_only_where_it_plays(bake, scene, head):
    scene.render.fps = 30
    _, keys = keyed(bake, scene, head, a_take(30), start_frame=1.0, first_frame=10, last_frame=20)
    assert keys[:, 0].tolist() == list(range(10, 21))
    assert np.allclose(keys[:, 1], (keys[:, 0] - 1) / 300, atol=1e-6)


def test_silence_is_refused_and_changes_nothing(bake, scene, head, dump):
    from dataclasses import replace

    from blender_addon.backend.core.errors import SoundError

    before, take = dump(), a_take(30)
    quiet = replace(take, tracks=replace(take.tracks, values=np.zeros_like(take.tracks.values)))
    with pytest.raises(SoundError, match="nothing is said"):
        keyed(bake, scene, head, quiet, start_frame=1.0)
    with pytest.raises(SoundError, match="plays none of it"):
        keyed(bake, scene, head, take, start_frame=1.0, first_frame=90, last_frame=99)
    assert dump() == before


def test_a_failing_strip_takes_the_keys_back(bake, scene, head, dump):
    import bpy
    from blender_addon.backend.core.errors import SoundError

    from blender_addon.scene.character import character_of

    if not bpy.app.build_options.audaspace:
        pytest.skip("this Blender was built without sound")
    from blender_addon.scene import sound_strip

    first = sound_strip.place(scene, Path(__file__), 1)
    first.channel = sound_strip.HIGHEST_CHANNEL
    before = dump()
    with pytest.raises(SoundError, match="channels"):
        bake.apply(scene, character_of(head, scene), a_take(30), bake.Placement(Path("none.wav"), 1.0))
    assert dump() == before


def test_a_range_before_frame_0_is_left_alone(bake, scene, head):
    report, keys = keyed(bake, scene, head, a_take(24), start_frame=-100.0)
    assert (keys[0, 0], scene.frame_start, scene.frame_end) == (-100, 1, 250)
    assert "left alone" in report.sentence


@pytest.fixture
def spoken(bake, scene, tmp_path):
    """A function that lets a head speak a second of sound from a frame on, and returns where the sound lies then."""
    import bpy
    import soundfile

    from blender_addon.scene.character import character_of
    from blender_addon.scene.sound_strip import placed_strips

    if not bpy.app.build_options.audaspace:
        pytest.skip("this Blender was built without sound")
    scene.render.fps = 30
    soundfile.write(tmp_path / "a.wav", np.zeros(16000), 16000)

    def speak(head, start, **where):
        placement = bake.Placement(tmp_path / "a.wav", start, **where)
        report = bake.apply(scene, character_of(head, scene), a_take(30), placement)
        return [placed.start_frame for placed in placed_strips(scene)], report.notes

    return speak


def keyed_frames(head):
    (curve,) = curves(head.data.shape_keys.animation_data.action)
    return [point.co[0] for point in curve.keyframe_points]


def test_the_sound_goes_along_with_a_take_that_begins_elsewhere(spoken, head):
    assert spoken(head, 1.0) == ([1], ())
    assert spoken(head, 11.0) == ([11], ("the sound strip was moved from frame 1 to 11",))
    assert keyed_frames(head) == list(range(11, 42)), "nothing of the former take is left"
    assert spoken(head, 5.0)[0] == [5]
    assert keyed_frames(head) == list(range(5, 36))
    assert spoken(head, 100.0) == ([5, 100], ()), "said again, where both can be heard"
    assert keyed_frames(head) == [*range(5, 36), *range(100, 131)]


def test_the_newest_of_the_nlas_takes_has_the_sound(spoken, head):
    assert spoken(head, 1.0, in_track=True)[0] == [1]
    assert spoken(head, 100.0, in_track=True)[0] == [100]


def test_a_sound_that_another_speaks_or_the_artist_laid_stays(spoken, scene, head, tmp_path):
    import bpy

    from blender_addon.scene.sound_strip import place, placed_strips

    bpy.ops.lipsync.add_head()
    other = bpy.context.object
    spoken(head, 1.0)
    assert spoken(other, 1.0) == ([1], ("the sound strip was in place already",))
    assert spoken(other, 11.0)[0] == [1, 11]
    assert [placed.speakers for placed in placed_strips(scene)] == [(head.name,), (other.name,)]
    assert spoken(head, 21.0)[0] == [11, 21]
    place(scene, tmp_path / "a.wav", 30)
    assert spoken(head, 31.0)[0] == [11, 30, 31]
