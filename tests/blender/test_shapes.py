# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np

from .conftest import curves, speak


def set_shape(key, name, displacement):
    """Sculpt a shape key as the reference plus a displacement [V, 3]."""
    flat = np.empty(3 * len(displacement), np.float32)
    key.reference_key.data.foreach_get("co", flat)
    key.key_blocks[name].data.foreach_set("co", flat + displacement.ravel())


def test_a_mouth_close_sculpted_with_the_jaw_open_means_both(head):
    import bpy

    from blender_addon.scene.character import selected_character
    from blender_addon.scene.plan import match_of
    from blender_addon.scene.shapes import displacements, fitted_match

    character = selected_character(bpy.context)
    match = match_of(character.names)
    assert fitted_match(character, match) == match
    face = next(face for face in character.faces if {"jawOpen", "mouthClose"} <= set(face.shapes))
    moved = displacements(face, ["jawOpen", "mouthClose"])
    assert 0.02 < np.abs(moved["jawOpen"]).max() / np.ptp([corner[2] for corner in head.bound_box]) < 0.3
    set_shape(head.data.shape_keys, "mouthClose", moved["jawOpen"] + moved["mouthClose"])
    close = next(c for c in fitted_match(character, match).controls if c.control.name == "mouthClose")
    assert close.control.weights == {"mouthClose": 1.0, "jawOpen": 1.0}


def test_the_tongue_comes_out_between_the_teeth(head, scene, addon, tmp_path):
    import bpy

    from blender_addon.operators.lipsync import LIPSYNC_OT_from_audio

    sound = tmp_path / "th.wav"
    speak("This thing, that thing, the other thing.", sound)
    scene.lipsync3d.sound_path = str(sound)
    try:
        assert bpy.ops.lipsync.from_audio() == {"FINISHED"}
    finally:
        LIPSYNC_OT_from_audio.stop()
    (tongue,) = [key for key in bpy.data.shape_keys if "tongueOut" in key.key_blocks]
    (curve,) = [curve for curve in curves(tongue.animation_data.action) if '"tongueOut"' in curve.data_path]
    assert max(point.co[1] for point in curve.keyframe_points) > 0.05
