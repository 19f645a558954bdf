# SPDX-License-Identifier: GPL-3.0-or-later
"""The map editor: what is changed is what is baked, previewed, saved and read again."""

import json
from pathlib import Path

import numpy as np
import pytest

from .conftest import curves

FPS = 30
JAW = 0.5


@pytest.fixture
def user_folder(tmp_path, monkeypatch):
    """Blender's folder of the user's configuration, for this test alone."""
    monkeypatch.setenv("BLENDER_USER_CONFIG", str(tmp_path / "config"))
    return tmp_path / "config" / "lipsync3d" / "maps"


@pytest.fixture
def editor(head, scene):
    import bpy

    assert bpy.ops.lipsync.map_edit() == {"FINISHED"}
    return scene.lipsync3d.editor


@pytest.fixture
def prediction(addon):
    """Ten frames of a jaw that opens to a half, kept as of a bake from frame 1."""
    from backend.core.blendshapes import ARKIT_INDEX
    from backend.core.face import canonical_face
    from blender_addon.jobs.bake import Prediction

    weights = np.linspace(0, JAW, 11)
    moved = weights[:, None, None] * canonical_face().basis_cm[ARKIT_INDEX["jawOpen"]]
    return Prediction(np.arange(11) / FPS, moved.astype(np.float16), None)


def kept(scene, prediction):
    from blender_addon.scene import preview

    scene.render.fps = FPS
    preview.keep(scene, prediction, 1.0)


def solved(head, scene, prediction):
    """Values by shape on the last frame of a bake with the scene's settings."""
    import bpy
    from blender_addon.backend.retarget.apply import Retargeter

    from blender_addon.scene.character import selected_character
    from blender_addon.scene.editing import edited
    from blender_addon.scene.plan import fit_of, gains_of

    character, settings = selected_character(bpy.context), scene.lipsync3d
    match = edited(character, fit_of(character, settings.map_name).match, settings.editor)
    tracks = Retargeter(match, gains_of(settings), character.limits).tracks(prediction.displacement_cm)
    return dict(zip(tracks.names, tracks.values[-1].tolist(), strict=True))


def entry(editor, name):
    return editor.controls[name]


def test_an_untouched_editor_changes_nothing(editor, head, scene, prediction):
    with_editor = solved(head, scene, prediction)
    editor.controls.clear()
    assert solved(head, scene, prediction) == with_editor
    assert with_editor["jawOpen"] == pytest.approx(JAW, abs=0.01)


def test_gain_limits_mute_and_solo(editor, head, scene, prediction):
    entry(editor, "jawOpen").gain = 0.5
    assert solved(head, scene, prediction)["jawOpen"] == pytest.approx(JAW / 2, abs=0.01)
    entry(editor, "jawOpen").gain = 1.0
    entry(editor, "jawOpen").use_limits = True
    entry(editor, "jawOpen").high = 0.2
    assert solved(head, scene, prediction)["jawOpen"] == pytest.approx(0.2, abs=1e-6)
    entry(editor, "jawOpen").mute = True
    assert "jawOpen" not in solved(head, scene, prediction)
    entry(editor, "jawOpen").mute = False
    entry(editor, "mouthFunnel").solo = True
    assert list(solved(head, scene, prediction)) == ["mouthFunnel"]


def test_weights_say_what_a_control_does(editor, head, scene, prediction):
    import bpy

    (weight,) = entry(editor, "jawOpen").weights
    weight.value = 0.5  # a shape that opens half as far has to be on twice as much
    assert solved(head, scene, prediction)["jawOpen"] == pytest.approx(2 * JAW, abs=0.02)
    editor.active = editor.controls.find("jawOpen")
    bpy.ops.lipsync.map_weight_add("EXEC_DEFAULT", blendshape="mouthFunnel")
    assert [one.name for one in entry(editor, "jawOpen").weights] == ["jawOpen", "mouthFunnel"]
    bpy.ops.lipsync.map_weight_remove(place=1)
    assert [one.name for one in entry(editor, "jawOpen").weights] == ["jawOpen"]


def test_edits_are_of_one_character(editor, head, scene, prediction):
    import bpy

    entry(editor, "jawOpen").gain = 0.5
    bpy.ops.lipsync.add_head()
    other = solved(bpy.context.object, scene, prediction)
    assert other["jawOpen"] == pytest.approx(JAW, abs=0.01)


def test_everything_muted_is_refused(editor, head, scene, prediction):
    from blender_addon.backend.core.errors import RigError

    for one in editor.controls:
        one.mute = True
    with pytest.raises(RigError, match="muted"):
        solved(head, scene, prediction)


def test_an_edit_is_seen_at_once_on_the_current_frame(editor, head, scene, prediction):
    jaw = head.data.shape_keys.key_blocks["jawOpen"]
    entry(editor, "jawOpen").gain = 0.9
    assert jaw.value == 0.0, "nothing is kept yet"
    kept(scene, prediction)
    scene.frame_set(11)
    editor.live = True
    assert jaw.value == pytest.approx(0.9 * JAW, abs=0.01)
    scene.lipsync3d.gains.jaw = 0.5
    assert jaw.value == pytest.approx(0.45 * JAW, abs=0.01)
    scene.frame_set(6)
    entry(editor, "jawOpen").gain = 1.0
    assert jaw.value == pytest.approx(0.25 * JAW, abs=0.01)
    assert head.data.shape_keys.animation_data is None, "a preview keys nothing"


def test_a_saved_map_is_chosen_and_does_the_same(editor, head, scene, prediction, user_folder):
    import bpy

    from blender_addon.scene import user_maps
    from blender_addon.ui.panel_facts import facts

    entry(editor, "jawOpen").gain = 0.5
    entry(editor, "mouthPucker").use_limits, entry(editor, "mouthPucker").high = True, 0.75
    entry(editor, "tongueOut").mute = True
    before = solved(head, scene, prediction)
    assert bpy.ops.lipsync.map_save("EXEC_DEFAULT", title="My héad 1") == {"FINISHED"}
    assert [file.name for file in user_folder.iterdir()] == ["my-h-ad-1.json"]
    assert user_maps.choices() == [("my-h-ad-1", "My héad 1")]
    assert scene.lipsync3d.map_name == "my-h-ad-1"
    assert facts(bpy.context).map_choice == "My héad 1"
    assert entry(editor, "mouthPucker").use_limits
    editor.controls.clear()
    after = solved(head, scene, prediction)
    assert after == pytest.approx(before, abs=1e-4)
    saved = json.loads((user_folder / "my-h-ad-1.json").read_text("utf-8"))
    assert {one["name"]: one.get("gain") for one in saved["controls"] if one["name"] == "jawOpen"} == {"jawOpen": 0.5}


def test_a_shared_map_comes_back_in_another_file(editor, head, scene, prediction, user_folder, tmp_path):
    import bpy

    entry(editor, "jawOpen").gain = 0.5
    shared = tmp_path / "for_a_friend.json"
    assert bpy.ops.lipsync.map_export("EXEC_DEFAULT", filepath=str(shared)) == {"FINISHED"}
    wanted = solved(head, scene, prediction)
    bpy.ops.lipsync.map_reset()
    assert bpy.ops.lipsync.map_load("EXEC_DEFAULT", filepath=str(shared)) == {"FINISHED"}
    assert bpy.ops.lipsync.map_load("EXEC_DEFAULT", filepath=str(shared)) == {"FINISHED"}
    assert len(list(user_folder.iterdir())) == 1
    assert solved(head, scene, prediction) == pytest.approx(wanted, abs=1e-4)
    shared.write_text("{}")
    with pytest.raises(RuntimeError, match="problems"):
        bpy.ops.lipsync.map_load("EXEC_DEFAULT", filepath=str(shared))


def test_what_two_things_drive_is_told(head, scene):
    import bpy

    from blender_addon.ui.panel_facts import facts, forget

    for name in ("viseme_PP", "viseme_FF", "viseme_aa", "viseme_E", "viseme_I", "viseme_O", "viseme_U", "viseme_SS"):
        head.shape_key_add(name=name, from_mix=False)
    head.data.shape_keys.driver_add('key_blocks["mouthFunnel"].value')
    forget()
    told = facts(bpy.context)
    assert told.coverage.startswith("ARKit 52: 51 of 52")
    assert "drivers keep mouthFunnel of Lip-sync head; the map cannot move them" in told.conflicts
    assert any(one.startswith("also fits Oculus visemes (8 of 15)") for one in told.conflicts)


def test_keys_go_into_a_track_where_that_is_chosen(head, scene, speech):
    import bpy

    from blender_addon.operators.lipsync import LIPSYNC_OT_from_audio

    scene.lipsync3d.sound_path, scene.lipsync3d.onto = str(speech), "NLA"
    key = head.data.shape_keys
    key.key_blocks["cheekPuff"].keyframe_insert("value", frame=1)
    own = key.animation_data.action
    try:
        assert bpy.ops.lipsync.from_audio() == {"FINISHED"}
    finally:
        LIPSYNC_OT_from_audio.stop()
    assert key.animation_data.action == own
    assert [curve.data_path for curve in curves(own)] == ['key_blocks["cheekPuff"].value']
    (track,) = key.animation_data.nla_tracks
    (strip,) = track.strips
    values = []
    for frame in range(1, int(strip.frame_end)):
        scene.frame_set(frame)
        values.append(key.key_blocks["jawOpen"].value)
    assert 0.1 < max(values) <= 1


def test_maps_are_known_by_their_file(addon):
    from blender_addon.backend.retarget.maps import load_map

    from blender_addon.scene import user_maps

    for identity, title in user_maps.shipped():
        assert load_map(user_maps.path_of(identity)).title == title
    assert user_maps.path_of("/x/y.json") == Path("/x/y.json")
