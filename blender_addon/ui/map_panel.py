# SPDX-License-Identifier: GPL-3.0-or-later
"""The map editor in the sidebar: which map, its controls, and what the one in hand does."""

import bpy

from ..operators import map_editor
from ..operators.measure import LIPSYNC_OT_measure_rig
from ..scene import preview, user_maps
from . import panel_facts
from .sidebar import Section
from .text import wrapped

ICONS = {"shape": "SHAPEKEY_DATA", "bone": "BONE_DATA", "property": "PROPERTIES"}
SURE = 0.5
"""Confidence from which a control is not marked as doubtful."""
AUTO = "AUTO"


class LIPSYNC_MT_maps(bpy.types.Menu):
    """Every map there is"""

    bl_idname = "LIPSYNC_MT_maps"
    bl_label = "Map"

    def draw(self, _context: bpy.types.Context) -> None:
        """List them; read when the menu opens."""
        layout = self.layout
        choose = map_editor.LIPSYNC_OT_map_choose.bl_idname
        layout.operator(choose, text="Automatic", icon="VIEWZOOM").map_name = AUTO
        own = user_maps.choices()
        for title, found, icon in (("Shipped", user_maps.shipped(), "NONE"), ("Your own", own, "USER")):
            if found:
                layout.separator()
                layout.label(text=title)
            for identity, name in found:
                layout.operator(choose, text=name, icon=icon).map_name = identity


class LIPSYNC_UL_controls(bpy.types.UIList):
    """The controls of the map"""

    bl_idname = "LIPSYNC_UL_controls"

    def draw_item(
        self,
        _context: bpy.types.Context,
        layout: bpy.types.UILayout,
        _data: bpy.types.PropertyGroup,
        item: bpy.types.PropertyGroup,
        _icon: int,
        _active_data: bpy.types.PropertyGroup,
        _active_property: str,
        _index: int = 0,
    ) -> None:
        """Draw one."""
        row = layout.row(align=True)
        row.active = not item.mute
        name = row.row()
        name.alert = item.confidence < SURE
        name.label(text=item.name, icon=ICONS.get(item.kind, "DOT"))
        gain = row.row()
        gain.ui_units_x = 3.2
        gain.prop(item, "gain", text="")
        row.prop(item, "solo", text="", icon="SOLO_ON" if item.solo else "SOLO_OFF", emboss=False)
        row.prop(item, "mute", text="", icon="HIDE_ON" if item.mute else "HIDE_OFF", emboss=False)


class LIPSYNC_PT_map(Section, bpy.types.Panel):
    """Which map, and what each control does."""

    bl_idname = "LIPSYNC_PT_map"
    bl_label = "Map"

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the panel."""
        layout = self.layout
        facts = panel_facts.facts(context)
        editor = context.scene.lipsync3d.editor
        row = layout.row(align=True)
        row.menu(LIPSYNC_MT_maps.bl_idname, text=facts.map_choice or "Automatic", icon="PRESET")
        row.operator(map_editor.LIPSYNC_OT_map_load.bl_idname, text="", icon="FILE_FOLDER")
        if facts.rig_problem:
            if len(editor.controls):
                wrapped(layout, context, "select the character whose map is edited", "INFO")
            return
        for conflict in facts.conflicts:
            wrapped(layout, context, conflict, "ERROR")
        if not len(editor.controls):
            layout.operator(map_editor.LIPSYNC_OT_map_edit.bl_idname, icon="GREASEPENCIL")
            layout.operator(LIPSYNC_OT_measure_rig.bl_idname, icon="DRIVER_DISTANCE")
            return
        if (facts.map_id, facts.head) != (editor.map_id, editor.character):
            told = f"these are the controls of {editor.character} with {editor.map_id}; they are not used here"
            wrapped(layout, context, told, "ERROR")
            layout.operator(map_editor.LIPSYNC_OT_map_edit.bl_idname, icon="GREASEPENCIL")
        layout.template_list(
            LIPSYNC_UL_controls.bl_idname, "", editor, "controls", editor, "active", rows=6, sort_lock=True
        )
        if 0 <= editor.active < len(editor.controls):
            _draw_control(layout.box(), editor.controls[editor.active])
        _draw_preview(layout, context, editor)
        row = layout.row(align=True)
        row.operator(map_editor.LIPSYNC_OT_map_save.bl_idname, text="Save", icon="USER")
        row.operator(map_editor.LIPSYNC_OT_map_export.bl_idname, text="Export", icon="EXPORT")
        row.operator(map_editor.LIPSYNC_OT_map_reset.bl_idname, icon="LOOP_BACK")


def _draw_control(layout: bpy.types.UILayout, entry: bpy.types.PropertyGroup) -> None:
    layout.label(text=entry.keys, icon="KEYFRAME")
    if entry.confidence < 1:
        layout.label(text=f"{entry.confidence:.0%} sure what it does", icon="QUESTION")
    column = layout.column()
    column.use_property_split, column.use_property_decorate = True, False
    column.prop(entry, "region")
    column.prop(entry, "gain", slider=True)
    row = column.row(heading="Limits", align=True)
    row.prop(entry, "use_limits", text="")
    ends = row.row(align=True)
    ends.enabled = entry.use_limits
    ends.prop(entry, "low", text="")
    ends.prop(entry, "high", text="")
    column = layout.column(align=True)
    for place, weight in enumerate(entry.weights):
        row = column.row(align=True)
        row.prop(weight, "value", text=weight.name, slider=True)
        row.operator(map_editor.LIPSYNC_OT_map_weight_remove.bl_idname, text="", icon="X").place = place
    column.operator(map_editor.LIPSYNC_OT_map_weight_add.bl_idname, icon="ADD")


def _draw_preview(layout: bpy.types.UILayout, context: bpy.types.Context, editor: bpy.types.PropertyGroup) -> None:
    if preview.is_kept(context.scene):
        layout.prop(editor, "live", toggle=True, icon="HIDE_OFF" if editor.live else "HIDE_ON")
    else:
        wrapped(layout, context, "for a live preview, lip-sync once in this session", "INFO")
