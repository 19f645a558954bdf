# SPDX-License-Identifier: GPL-3.0-or-later
"""What the add-on adds to Blender, in one order, and removes in the reverse order."""

import bpy

from . import headless, properties
from .operators import map_editor
from .operators import preview as live_preview
from .operators.add_head import LIPSYNC_OT_add_head, draw_in_add_menu
from .operators.batch import LIPSYNC_OT_batch
from .operators.create_shapes import LIPSYNC_OT_create_shapes, LIPSYNC_OT_place_landmarks
from .operators.head import LIPSYNC_OT_talking_head
from .operators.lipsync import LIPSYNC_OT_cancel, LIPSYNC_OT_from_audio
from .operators.measure import LIPSYNC_OT_measure_rig
from .preferences import LIPSYNC_AP_preferences
from .scene import preview
from .ui import panel_facts
from .ui.batch_panel import LIPSYNC_PT_batch
from .ui.head_panel import LIPSYNC_PT_head
from .ui.map_panel import LIPSYNC_MT_maps, LIPSYNC_PT_map, LIPSYNC_UL_controls
from .ui.panel import LIPSYNC_PT_main, LIPSYNC_PT_options

CLASSES: tuple[type, ...] = (
    LIPSYNC_AP_preferences,
    properties.LIPSYNC_PG_gains,
    properties.LIPSYNC_PG_style,
    properties.LIPSYNC_PG_weight,
    properties.LIPSYNC_PG_control,
    properties.LIPSYNC_PG_editor,
    properties.LIPSYNC_PG_head,
    properties.LIPSYNC_PG_batch,
    properties.LIPSYNC_PG_settings,
    LIPSYNC_OT_from_audio,
    LIPSYNC_OT_cancel,
    LIPSYNC_OT_talking_head,
    LIPSYNC_OT_batch,
    LIPSYNC_OT_add_head,
    LIPSYNC_OT_measure_rig,
    LIPSYNC_OT_place_landmarks,
    LIPSYNC_OT_create_shapes,
    *map_editor.CLASSES,
    LIPSYNC_MT_maps,
    LIPSYNC_UL_controls,
    LIPSYNC_PT_main,
    LIPSYNC_PT_map,
    LIPSYNC_PT_options,
    LIPSYNC_PT_head,
    LIPSYNC_PT_batch,
)


def register() -> None:
    """Add everything."""
    for one in CLASSES:
        bpy.utils.register_class(one)
    properties.attach()
    bpy.types.VIEW3D_MT_mesh_add.append(draw_in_add_menu)
    bpy.app.handlers.depsgraph_update_post.append(panel_facts.on_change)
    for handlers in (bpy.app.handlers.load_post, bpy.app.handlers.undo_post, bpy.app.handlers.redo_post):
        handlers.append(panel_facts.on_load)
    bpy.app.handlers.load_post.append(live_preview.on_load)
    headless.register_command()


def unregister() -> None:
    """Stop what runs, then remove everything."""
    LIPSYNC_OT_from_audio.stop()
    preview.forget()
    headless.unregister_command()
    bpy.app.handlers.load_post.remove(live_preview.on_load)
    for handlers in (bpy.app.handlers.load_post, bpy.app.handlers.undo_post, bpy.app.handlers.redo_post):
        handlers.remove(panel_facts.on_load)
    bpy.app.handlers.depsgraph_update_post.remove(panel_facts.on_change)
    bpy.types.VIEW3D_MT_mesh_add.remove(draw_in_add_menu)
    properties.detach()
    for one in reversed(CLASSES):
        bpy.utils.unregister_class(one)
