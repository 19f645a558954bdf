# SPDX-License-Identifier: GPL-3.0-or-later
import pytest


@pytest.fixture
def facts(addon):
    from blender_addon.ui.panel_facts import facts

    return facts


def test_the_panel_says_what_fits_and_what_is_missing(head, scene, facts, tmp_path):
    import bpy

    told = facts(bpy.context)
    assert told.coverage == "ARKit 52: 52 of 52 matched"
    assert "no sound is chosen" in told.refusal
    sound = tmp_path / "a.wav"
    sound.touch()
    scene.lipsync3d.sound_path = str(sound)
    head.shape_key_remove(head.data.shape_keys.key_blocks["mouthPucker"])
    bpy.context.view_layer.update()
    told = facts(bpy.context)
    assert (told.coverage, told.missing, told.refusal) == ("ARKit 52: 51 of 52 matched", ("mouthPucker",), "")
    assert bpy.ops.lipsync.from_audio.poll()
    assert facts(bpy.context) is told


def test_a_rig_without_a_mouth_is_refused(scene, facts, shared_data):
    import bpy

    bpy.ops.wm.open_mainfile(filepath=str(shared_data / "rigs" / "robot_expressive.blend"))
    head = bpy.data.objects["Head"]
    bpy.context.view_layer.objects.active = head
    head.select_set(True)
    assert "nothing moves the mouth" in facts(bpy.context).rig_problem
    assert not bpy.ops.lipsync.from_audio.poll()


def test_paths_may_begin_at_the_blend(scene, tmp_path):
    import bpy

    from blender_addon.scene.plan import placement_of

    settings = scene.lipsync3d
    paths = [
        one for group in (settings, settings.head, settings.batch) for one in group.bl_rna.properties
        if one.type == "STRING" and one.subtype in ("FILE_PATH", "DIR_PATH")
    ]  # fmt: skip
    names = {"sound_path", "bundle", "pose", "sheet", "folder"}
    assert {one.identifier for one in paths} == names
    if bpy.app.version >= (4, 5, 0):
        assert {one.identifier for one in paths if one.is_path_supports_blend_relative} == names
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "own.blend"))
    (tmp_path / "a.wav").touch()
    bpy.context.scene.lipsync3d.sound_path = "//a.wav"
    assert placement_of(bpy.context.scene).sound == tmp_path / "a.wav"


def test_nothing_selected_is_said(scene, facts):
    import bpy

    assert "nothing is selected" in facts(bpy.context).refusal
