# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panels of the sidebar's tab "Lip-sync" have in common."""

import bpy

from ..operators.lipsync import LIPSYNC_OT_cancel, LIPSYNC_OT_from_audio


class Sidebar:
    """Mixed into every panel."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Lip-sync"


class Section(Sidebar):
    """Mixed into panels that fold within the main one."""

    bl_parent_id = "LIPSYNC_PT_main"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012  Blender reads the set itself


def split(layout: bpy.types.UILayout) -> bpy.types.UILayout:
    """Return a column with names to the left of their values, and nothing to keyframe them by."""
    layout.use_property_split = True
    layout.use_property_decorate = False
    return layout.column()


def start_or_progress(
    layout: bpy.types.UILayout, operator: type[bpy.types.Operator], icon: str, height: float
) -> bpy.types.UILayout:
    """Draw a row with the button that starts a job; while one is under way, how far it is and a button to cancel it."""
    row = layout.row()
    row.scale_y = height
    job = LIPSYNC_OT_from_audio.job
    if job is None:
        row.operator(operator.bl_idname, icon=icon)
        return row
    status = job.status
    row.progress(text=f"{status.stage} {status.fraction:.0%}", factor=status.fraction)
    row.operator(LIPSYNC_OT_cancel.bl_idname, text="", icon="CANCEL")
    return row
