# SPDX-License-Identifier: GPL-3.0-or-later
"""Add > Mesh > Lip-sync Demo Head."""

from typing import ClassVar

import bpy
from bpy_extras.object_utils import AddObjectHelper

from ..scene.demo_head import add_demo_head


class LIPSYNC_OT_add_head(bpy.types.Operator, AddObjectHelper):
    """Add a head with the 52 ARKit shape keys, to try lip-sync on"""

    bl_idname = "lipsync.add_head"
    bl_label = "Lip-sync Demo Head"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add the head at the cursor, selected."""
        collection = context.collection or context.scene.collection
        parts = add_demo_head(collection)
        for other in context.selected_objects:
            other.select_set(False)
        for part in parts:
            part.select_set(True)
        head = parts[0]
        head.location, head.rotation_euler = self.location, self.rotation
        context.view_layer.objects.active = head
        return {"FINISHED"}


def draw_in_add_menu(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    """Draw the entry."""
    menu.layout.operator(LIPSYNC_OT_add_head.bl_idname, icon="USER")
