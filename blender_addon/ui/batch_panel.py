# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel's section on sheets of lines."""

import bpy

from ..operators.batch import LIPSYNC_OT_batch
from .sidebar import Section, split, start_or_progress
from .text import wrapped


class LIPSYNC_PT_batch(Section, bpy.types.Panel):
    """Many lines at once, from a sheet."""

    bl_idname = "LIPSYNC_PT_batch"
    bl_label = "Sheet of Lines"

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the section."""
        wanted = context.scene.lipsync3d.batch
        column = split(self.layout)
        for name in ("sheet", "folder", "workers"):
            column.prop(wanted, name)
        start_or_progress(self.layout, LIPSYNC_OT_batch, "SPREADSHEET", 1.3)
        wrapped(self.layout, context, LIPSYNC_OT_batch.last, "INFO")
