# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences in panels, which Blender does not break by itself."""

import textwrap

import bpy

CHARACTER_WIDTH_PX = 7
"""About the width of a letter at scale 1, to break long sentences at the panel's width."""


def wrapped(layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str) -> None:
    """Draw a sentence over as many lines as the panel's width asks for."""
    if not text:
        return
    scale = context.preferences.system.ui_scale
    width = max(20, int(context.region.width / (CHARACTER_WIDTH_PX * scale)) - 6)
    column = layout.column(align=True)
    for index, line in enumerate(textwrap.wrap(text, width)):
        column.label(text=line, icon="BLANK1" if index else icon)
