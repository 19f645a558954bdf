# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's preferences: where the prediction runs."""

import bpy
from bpy.props import EnumProperty

PACKAGE = __package__ or "lipsync3d"


class LIPSYNC_AP_preferences(bpy.types.AddonPreferences):
    """Settings of this computer rather than of a scene."""

    bl_idname = PACKAGE

    device: EnumProperty(
        name="Run the prediction on",
        items=(
            ("auto", "Automatic", "The graphics card if it can be used, else the processor"),
            ("cpu", "Processor", "Works everywhere and is fast enough"),
            ("cuda", "NVIDIA graphics card", "Needs an ONNX Runtime with CUDA"),
        ),
        default="auto",
    )

    def draw(self, _context: bpy.types.Context) -> None:
        """Draw the preferences."""
        self.layout.prop(self, "device")


def device(context: bpy.types.Context) -> str:
    """Return the chosen device; `auto` where the add-on is not installed as one (tests, `python -m`)."""
    addon = context.preferences.addons.get(PACKAGE)
    return str(addon.preferences.device) if addon is not None and addon.preferences is not None else "auto"
