# SPDX-License-Identifier: GPL-3.0-or-later
"""The map editor's buttons: choose, edit, save, load and share a map."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ClassVar

import bpy
from bpy.props import EnumProperty, IntProperty, StringProperty
from bpy_extras.io_utils import ExportHelper, ImportHelper

from ..backend.core.blendshapes import ARKIT_NAMES
from ..backend.core.errors import LipSyncError
from ..backend.retarget.maps import BlendshapeMap, load_map
from ..scene import editing, user_maps
from ..scene.character import selected_character
from ..scene.plan import fit_of
from ..ui import panel_facts
from . import preview

BLENDSHAPES = tuple((name, name, "") for name in ARKIT_NAMES)


def fill(context: bpy.types.Context) -> None:
    """Put the selected character's controls into the editor, as its map has them.

    Raises:
        LipSyncError: it fits no map.
    """
    settings = context.scene.lipsync3d
    character = selected_character(context)
    editing.fill(settings.editor, character, fit_of(character, settings.map_name).match)


def _told(act: Callable[[Any, bpy.types.Context], None]) -> Callable[[Any, bpy.types.Context], set[str]]:
    """Return what a button does as its `execute`: an error of the user's is told, and nothing is changed."""

    @wraps(act)
    def execute(self: bpy.types.Operator, context: bpy.types.Context) -> set[str]:
        try:
            act(self, context)
        except LipSyncError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        panel_facts.forget()
        return {"FINISHED"}

    return execute


class _MapOperator(bpy.types.Operator):
    """What every button of the editor has in common."""

    bl_options: ClassVar = {"REGISTER", "UNDO", "INTERNAL"}


class _EditorOperator(_MapOperator):
    """A button that needs a filled editor."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Return whether there is something to edit."""
        if not len(context.scene.lipsync3d.editor.controls):
            cls.poll_message_set("Press Edit Controls first")
            return False
        return True


class LIPSYNC_OT_map_choose(_MapOperator):
    """Take the character's controls for those of this map"""

    bl_idname = "lipsync.map_choose"
    bl_label = "Choose Map"

    map_name: StringProperty(options={"HIDDEN"})

    @_told
    def execute(self, context: bpy.types.Context) -> None:
        """Choose it; what was edited belongs to the former one."""
        settings = context.scene.lipsync3d
        settings.map_name = self.map_name
        settings.editor.controls.clear()


class LIPSYNC_OT_map_edit(_MapOperator):
    """List the controls of the character's map, to change what each of them does"""

    bl_idname = "lipsync.map_edit"
    bl_label = "Edit Controls"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Return whether the character fits a map; where not, say why."""
        problem = panel_facts.facts(context).rig_problem
        if problem:
            cls.poll_message_set(problem)
        return not problem

    @_told
    def execute(self, context: bpy.types.Context) -> None:
        """Fill the list."""
        fill(context)


class LIPSYNC_OT_map_reset(_EditorOperator):
    """Give up every change and take the map as it is"""

    bl_idname = "lipsync.map_reset"
    bl_label = "Reset"

    @_told
    def execute(self, context: bpy.types.Context) -> None:
        """Empty the list."""
        context.scene.lipsync3d.editor.controls.clear()


class LIPSYNC_OT_map_save(_EditorOperator):
    """Save the edited map as one of your own, to be chosen in any file"""

    bl_idname = "lipsync.map_save"
    bl_label = "Save Map"

    title: StringProperty(name="Title", description="What the map is called in the menu", maxlen=80)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the title."""
        self.title = self.title or f"My {context.object.name if context.object else 'map'}"
        return context.window_manager.invoke_props_dialog(self)

    @_told
    def execute(self, context: bpy.types.Context) -> None:
        """Write it into the user's folder and choose it."""
        settings = context.scene.lipsync3d
        made = user_maps.own(_edited_map(context, self.title))
        path = user_maps.save(made)
        settings.map_name = made.id
        fill(context)
        self.report({"INFO"}, f"saved {path}")


class LIPSYNC_OT_map_export(_EditorOperator, ExportHelper):
    """Write the edited map as a file, to share it"""

    bl_idname = "lipsync.map_export"
    bl_label = "Export Map"

    filename_ext = ".json"
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})

    @_told
    def execute(self, context: bpy.types.Context) -> None:
        """Write it."""
        path = Path(self.filepath)
        user_maps.save(_edited_map(context, path.stem.replace("_", " ").replace("-", " ")), path)
        self.report({"INFO"}, f"saved {path}")


class LIPSYNC_OT_map_load(_MapOperator, ImportHelper):
    """Read a map file, put it among your own maps, and choose it"""

    bl_idname = "lipsync.map_load"
    bl_label = "Load Map"

    filename_ext = ".json"
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})

    @_told
    def execute(self, context: bpy.types.Context) -> None:
        """Check it, copy it into the user's folder, choose it."""
        loaded = load_map(Path(self.filepath))
        path = user_maps.adopt(loaded)
        settings = context.scene.lipsync3d
        settings.map_name = path.stem
        settings.editor.controls.clear()
        self.report({"INFO"}, f"loaded {loaded.title}")


class LIPSYNC_OT_map_weight_add(_EditorOperator):
    """Say that this control does some of a blendshape"""

    bl_idname = "lipsync.map_weight_add"
    bl_label = "Add Blendshape"
    bl_property = "blendshape"

    blendshape: EnumProperty(name="Blendshape", items=BLENDSHAPES)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Let the user search for it."""
        context.window_manager.invoke_search_popup(self)
        return {"RUNNING_MODAL"}

    @_told
    def execute(self, context: bpy.types.Context) -> None:
        """Add it to the control in hand, once."""
        entry = _in_hand(context)
        if self.blendshape not in entry.weights:
            entry.weights.add().name = self.blendshape
        preview.on_edit(entry, context)


class LIPSYNC_OT_map_weight_remove(_EditorOperator):
    """Take this blendshape from the control"""

    bl_idname = "lipsync.map_weight_remove"
    bl_label = "Remove Blendshape"

    place: IntProperty(options={"HIDDEN"})

    @_told
    def execute(self, context: bpy.types.Context) -> None:
        """Remove it."""
        entry = _in_hand(context)
        entry.weights.remove(self.place)
        preview.on_edit(entry, context)


CLASSES = (
    LIPSYNC_OT_map_choose,
    LIPSYNC_OT_map_edit,
    LIPSYNC_OT_map_reset,
    LIPSYNC_OT_map_save,
    LIPSYNC_OT_map_export,
    LIPSYNC_OT_map_load,
    LIPSYNC_OT_map_weight_add,
    LIPSYNC_OT_map_weight_remove,
)


def _edited_map(context: bpy.types.Context, title: str) -> BlendshapeMap:
    settings = context.scene.lipsync3d
    character = selected_character(context)
    match = fit_of(character, settings.map_name).match
    return editing.edited_map(character, match, settings.editor, title.strip() or "My map")


def _in_hand(context: bpy.types.Context) -> bpy.types.PropertyGroup:
    editor = context.scene.lipsync3d.editor
    return editor.controls[min(editor.active, len(editor.controls) - 1)]
