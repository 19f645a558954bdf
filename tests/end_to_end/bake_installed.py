# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside a Blender that has nothing but itself: install the zip, lip-sync the demo head, tell what moved.

bake_installed.py ZIP SOUND: the last line on stdout is a JSON object.
"""

import json
import sys

import bpy

MODULE = "bl_ext.user_default.lipsync3d"


def curves(action):
    """F-curves of an Action, before and after slots."""
    if hasattr(action, "fcurves"):
        return list(action.fcurves)
    return [c for layer in action.layers for strip in layer.strips for bag in strip.channelbags for c in bag.fcurves]


def travel(curve):
    """Largest minus smallest key of an F-curve."""
    values = [key.co[1] for key in curve.keyframe_points]
    return max(values) - min(values)


def main(zip_path, sound):
    """Install, add the head, lip-sync it, and report."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.extensions.package_install_files(filepath=zip_path, repo="user_default", enable_on_install=True)
    enabled = MODULE in bpy.context.preferences.addons
    bpy.ops.lipsync.add_head()
    bpy.context.scene.lipsync3d.sound_path = sound
    finished = bpy.ops.lipsync.from_audio() == {"FINISHED"}
    skin = bpy.context.view_layer.objects.active.data.shape_keys
    action = skin.animation_data.action if skin.animation_data else None
    moved = {curve.data_path.split('"')[1]: travel(curve) for curve in curves(action)} if action else {}
    borrowed = sorted(
        name
        for name in ("onnxruntime", "soundfile", "soxr")
        if name in sys.modules and ".local" not in str(sys.modules[name].__file__)
    )
    bpy.ops.preferences.addon_disable(module=MODULE)
    outcome = {"blender": bpy.app.version_string, "enabled": enabled, "finished": finished, "moved": moved}
    sys.stdout.write(json.dumps({**outcome, "frames": bpy.context.scene.frame_end, "borrowed": borrowed}) + "\n")


main(*sys.argv[1:])
