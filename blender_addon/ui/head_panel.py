# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel's section on talking heads."""

import bpy

from ..operators.head import LIPSYNC_OT_talking_head
from ..scene.talking_head import FACTS
from .text import wrapped


class LIPSYNC_PT_head(bpy.types.Panel):
    """A speaker's own head, from a personal model."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Lip-sync"
    bl_idname = "LIPSYNC_PT_head"
    bl_parent_id = "LIPSYNC_PT_main"
    bl_label = "Talking Head"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012  Blender reads the set itself

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the section."""
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        wanted = context.scene.lipsync3d.head
        column = layout.column()
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
        if thing is not None and FACTS in thing:
            wrapped(layout, context, str(thing[FACTS]), "SHAPEKEY_DATA")
        row = layout.row()
        row.scale_y = 1.3
        row.operator(LIPSYNC_OT_talking_head.bl_idname, icon="USER")
