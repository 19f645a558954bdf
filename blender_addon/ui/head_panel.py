# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel's section on talking heads."""

import bpy

from ..operators.head import LIPSYNC_OT_talking_head
from ..scene.character import HEAD_FACTS
from .sidebar import Section, split, start_or_progress
from .text import wrapped


class LIPSYNC_PT_head(Section, bpy.types.Panel):
    """A speaker's own head, from a personal model."""

    bl_idname = "LIPSYNC_PT_head"
    bl_label = "Talking Head"

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the section."""
        layout = self.layout
        wanted = context.scene.lipsync3d.head
        column = split(layout)
        column.prop(wanted, "bundle")
        column.prop(wanted, "error_mm")
        column.prop(wanted, "texture")
        if wanted.texture == "PACKED":
            column.prop(wanted, "tiles")
        if wanted.texture == "SEQUENCE" and not bpy.data.filepath:
            wrapped(layout, context, "save the .blend first: the pictures go beside it", "INFO")
        column.prop(wanted, "back")
        column.prop(wanted, "pose")
        column.prop(wanted, "lit")
        thing = context.object
        if thing is not None and HEAD_FACTS in thing:
            wrapped(layout, context, str(thing[HEAD_FACTS]), "SHAPEKEY_DATA")
        start_or_progress(layout, LIPSYNC_OT_talking_head, "USER", 1.3)
