# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure This Rig: a map for a character whose names say nothing."""

import re
from typing import ClassVar

import bpy

from ..backend.core.errors import LipSyncError
from ..backend.fit.reading import as_map
from ..scene import landmark_empties, measuring, user_maps
from ..ui import panel_facts


class LIPSYNC_OT_measure_rig(bpy.types.Operator):
    """Find out what each control of the selected character does to its face, and save that as a map of your own"""

    bl_idname = "lipsync.measure_rig"
    bl_label = "Measure This Rig"
    bl_options: ClassVar = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Return whether something is selected; where not, say so."""
        if context.object is None or not context.object.select_get():
            cls.poll_message_set("Select the character's mesh or armature")
            return False
        if context.mode != "OBJECT":
            cls.poll_message_set("Go to Object Mode first")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Measure, save, and choose the map."""
        chosen = context.object
        try:
            meshes, rigs = measuring.parts_of(chosen, context.scene)
            marked = (landmark_empties.places(mesh, context.scene) for mesh in meshes)
            places = next((some for some in marked if some), None)
            found = measuring.measure(meshes, rigs, context.evaluated_depsgraph_get(), places)
            made = as_map(found.controls, f"Measured: {chosen.name}"[:80], f"measured-{_slug(chosen.name)}")
            path = user_maps.save(made, description=found.sentence)
        except LipSyncError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        context.scene.lipsync3d.map_name = made.id
        panel_facts.forget()
        self.report({"INFO"}, f"{found.sentence}; saved as {path.name}, and chosen")
        return {"FINISHED"}


def _slug(name: str) -> str:
    """Return a name as the id of a map may be written."""
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")[:50] or "rig"
