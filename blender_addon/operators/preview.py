# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows what an edit does on the current frame, as soon as it is made."""

import bpy
from bpy.app.handlers import persistent

from ..backend.core.errors import LipSyncError
from ..backend.retarget.apply import Retargeter
from ..scene import preview
from ..scene.character import selected_character
from ..scene.editing import edited
from ..scene.plan import fit_of, gains_of


def on_edit(_changed: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
    """Preview the edit, where that is wanted and possible; the panel says why it is not."""
    settings = context.scene.lipsync3d
    if not settings.editor.live or settings.editor.is_filling or not preview.is_kept(context.scene):
        return
    try:
        show(context)
    except LipSyncError:  # the panel tells what is wrong with the selection; an edit is no place for an error
        return


def show(context: bpy.types.Context) -> None:
    """Put the selected character where the map and gains want it on the current frame.

    Raises:
        LipSyncError: nothing usable is selected, or nothing can move.
    """
    settings = context.scene.lipsync3d
    character = selected_character(context)
    match = edited(character, fit_of(character, settings.map_name).match, settings.editor)
    preview.show(context.scene, character, Retargeter(match, gains_of(settings), character.limits), match)


@persistent
def on_load(*_arguments: object) -> None:
    """Let go of the prediction that belonged to another file."""
    preview.forget()
