# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel's section on sheets of lines."""

import bpy

from ..operators.batch import LIPSYNC_OT_batch
from ..operators.lipsync import LIPSYNC_OT_cancel
from .text import wrapped


class LIPSYNC_PT_batch(bpy.types.Panel):
    """Many lines at once, from a sheet."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Lip-sync"
    bl_idname = "LIPSYNC_PT_batch"
    bl_parent_id = "LIPSYNC_PT_main"
    bl_label = "Sheet of Lines"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012  Blender reads the set itself

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the section."""
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        wanted = context.scene.lipsync3d.batch
        column = layout.column()
        for name in ("sheet", "folder", "workers"):
            column.prop(wanted, name)
        job = LIPSYNC_OT_batch.home.job
        row = layout.row()
        row.scale_y = 1.3
        if job is not None:
            row.progress(text=f"{job.status.stage} {job.status.fraction:.0%}", factor=job.status.fraction)
            row.operator(LIPSYNC_OT_cancel.bl_idname, text="", icon="CANCEL")
        else:
            row.operator(LIPSYNC_OT_batch.bl_idname, icon="SPREADSHEET")
        wrapped(layout, context, LIPSYNC_OT_batch.last, "INFO")
