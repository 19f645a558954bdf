# SPDX-License-Identifier: GPL-3.0-or-later
"""Create Lip-sync Shape Keys, and the landmarks to place by hand where the face is not found."""

from typing import ClassVar

import bpy
from bpy.props import EnumProperty

from ..backend.core.errors import LipSyncError
from ..scene import creating, landmark_empties
from ..ui import panel_facts


def chosen_meshes(context: bpy.types.Context) -> list[bpy.types.Object]:
    """Return the selected meshes, the active one first; the active face of landmarks where one of these is active."""
    active = context.object
    if active is not None and active.get(landmark_empties.OF):
        active = context.scene.objects.get(active[landmark_empties.OF])
    meshes = [active, *context.selected_objects]
    return [thing for thing in dict.fromkeys(meshes) if thing is not None and thing.type == "MESH"]


class _OnMeshes:
    """What both operators ask for."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Return whether a mesh is selected; where not, say so."""
        if context.mode != "OBJECT":
            cls.poll_message_set("Go to Object Mode first")
            return False
        if not chosen_meshes(context):
            cls.poll_message_set("Select the face's mesh (and teeth, tongue and brows with it)")
            return False
        return True


class LIPSYNC_OT_place_landmarks(_OnMeshes, bpy.types.Operator):
    """Add a dozen empties at eyes, nose, mouth and chin of the selected face, to be dragged to their places"""

    bl_idname = "lipsync.place_landmarks"
    bl_label = "Place Face Landmarks"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add the empties."""
        meshes = chosen_meshes(context)
        try:
            places, found = creating.guess(meshes)
        except LipSyncError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        landmark_empties.add(meshes[0], places, context.scene)
        told = "found on the face; drag those that are off" if found else "guessed; drag each to its place on the face"
        self.report({"INFO"}, f"{len(places)} landmarks, {told}, then create the shape keys")
        return {"FINISHED"}


class LIPSYNC_OT_create_shapes(_OnMeshes, bpy.types.Operator):
    """Give the selected face the shape keys that lip-sync needs, from landmarks that are placed or found"""

    bl_idname = "lipsync.create_shapes"
    bl_label = "Create Lip-sync Shape Keys"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    kind: EnumProperty(
        name="Shapes",
        items=(
            (creating.ARKIT, "ARKit 52", "All the shapes of a face, for lip-sync and for face capture"),
            (creating.VISEMES, "15 visemes", "The mouth shapes of speech alone"),
        ),
        default=creating.ARKIT,
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Make them; the landmarks have done their work then."""
        meshes = chosen_meshes(context)
        places = landmark_empties.places(meshes[0], context.scene)
        try:
            made = creating.create(meshes, self.kind, places or None)
        except LipSyncError as error:
            hint = "" if places else "; place the landmarks by hand (Place Face Landmarks)"
            told = str(error)
            self.report({"ERROR"}, told if "by hand" in told else told + hint)
            return {"CANCELLED"}
        landmark_empties.remove(meshes[0], context.scene)
        panel_facts.forget()
        self.report({"WARNING"} if made.sealed else {"INFO"}, made.sentence)
        return {"FINISHED"}
