# SPDX-License-Identifier: GPL-3.0-or-later
"""A window's context for Blender's own importers and exporters, which `blender --command` runs without."""

from contextlib import AbstractContextManager

import bpy


def in_window() -> AbstractContextManager[object]:
    """Return a context that has `active_object` and the like, also where no window is current."""
    windows = bpy.context.window_manager.windows
    if len(windows):
        return bpy.context.temp_override(window=bpy.context.window or windows[0])
    layer = bpy.context.view_layer
    return bpy.context.temp_override(
        active_object=layer.objects.active, object=layer.objects.active, selected_objects=list(layer.objects.selected)
    )
