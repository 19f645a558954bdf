# SPDX-License-Identifier: GPL-3.0-or-later
"""The panels in the 3D view's sidebar, tab "Lip-sync"."""

import bpy

from ..backend.core.style import STYLE_FIELDS
from ..operators.create_shapes import LIPSYNC_OT_create_shapes, LIPSYNC_OT_place_landmarks
from ..operators.head import LIPSYNC_OT_talking_head
from ..operators.lipsync import LIPSYNC_OT_from_audio
from ..operators.measure import LIPSYNC_OT_measure_rig
from . import panel_facts
from .map_panel import ICONS
from .sidebar import Section, Sidebar, split, start_or_progress
from .text import wrapped

SHOWN_NAMES = 12


class LIPSYNC_PT_main(Sidebar, bpy.types.Panel):
    """Sound, character, and the button."""

    bl_idname = "LIPSYNC_PT_main"
    bl_label = "Lip-sync"

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the panel."""
        layout = self.layout
        settings = context.scene.lipsync3d
        facts = panel_facts.facts(context)
        column = split(layout)
        column.row().prop(settings, "source", expand=True)
        if settings.source == "FILE":
            column.prop(settings, "sound_path", text="Sound")
            column.prop(settings, "start_frame")
        elif context.scene.sequence_editor is not None:
            found = "strips_all" if hasattr(context.scene.sequence_editor, "strips_all") else "sequences_all"
            column.prop_search(settings, "strip_name", context.scene.sequence_editor, found, icon="SOUND")
        wrapped(column, context, facts.sound_problem, "ERROR")
        if settings.source == "STRIP" and facts.sound:
            wrapped(column, context, facts.sound, "SOUND")
        _draw_character(layout.box(), context, facts)
        row = start_or_progress(layout, LIPSYNC_OT_from_audio, "PLAY_SOUND", 1.5)
        row.enabled = LIPSYNC_OT_from_audio.job is not None or not facts.refusal


class LIPSYNC_PT_options(Section, bpy.types.Panel):
    """Strengths and the rest."""

    bl_idname = "LIPSYNC_PT_options"
    bl_label = "Options"

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the panel."""
        layout = split(self.layout)
        settings = context.scene.lipsync3d
        column = layout.column(align=True)
        for name in ("jaw", "lips", "tongue", "upper_face"):
            column.prop(settings.gains, name, slider=True)
        column = layout.column(align=True)
        for name in STYLE_FIELDS:
            column.prop(settings.style, name, slider=True)
        column = layout.column()
        column.prop(settings, "transcript")
        column.prop(settings, "language")
        column.row().prop(settings, "quality", expand=True)
        column.prop(settings, "bundle")
        column.row().prop(settings, "onto", expand=True)
        column.prop(settings, "set_range")


def _draw_character(layout: bpy.types.UILayout, context: bpy.types.Context, facts: panel_facts.Facts) -> None:
    if facts.character:
        layout.label(text=facts.character, icon="ARMATURE_DATA" if len(facts.owners) > 1 else "MESH_DATA")
    if facts.rig_problem:
        wrapped(layout, context, facts.rig_problem, "ERROR")
        if facts.is_head:
            layout.operator(LIPSYNC_OT_talking_head.bl_idname, icon="USER")
        if facts.character or facts.has_mesh:
            column = layout.column(align=True)
            column.operator(LIPSYNC_OT_measure_rig.bl_idname, icon="DRIVER_DISTANCE")
            column.operator(LIPSYNC_OT_create_shapes.bl_idname, icon="SHAPEKEY_DATA")
            column.operator(LIPSYNC_OT_place_landmarks.bl_idname, icon="EMPTY_AXIS")
        return
    layout.label(text=facts.coverage, icon=ICONS.get(facts.kind, "SHAPEKEY_DATA"))
    if facts.missing:
        shown = ", ".join(facts.missing[:SHOWN_NAMES]) + (" …" if len(facts.missing) > SHOWN_NAMES else "")
        wrapped(layout, context, f"not there: {shown}", "BLANK1")
    wrapped(layout, context, facts.keyed, "ACTION")
    for note in facts.notes:
        wrapped(layout, context, note, "INFO")
