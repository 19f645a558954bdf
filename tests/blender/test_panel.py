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


def test_nothing_selected_is_said(scene, facts):
    import bpy

    assert "nothing is selected" in facts(bpy.context).refusal
