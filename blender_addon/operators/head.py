# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator that makes a speaker's head speak a sound."""

from typing import ClassVar

import bpy

from ..backend.core.errors import LipSyncError
from ..jobs.client import WorkerClient
from ..jobs.head import HeadClip, HeadJob
from ..preferences import device
from ..scene.head_plan import HeadPlan, head_plan_of
from ..scene.talking_head import add_talking_head
from .running import JobOperator


class LIPSYNC_OT_talking_head(JobOperator, bpy.types.Operator):
    """Add the head of a personal model, with its texture, and let it speak the sound. Esc cancels"""

    bl_idname = "lipsync.talking_head"
    bl_label = "Talking Head from Audio"
    bl_options: ClassVar = {"UNDO"}
    title = "Talking head"

    _plan: HeadPlan

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Return whether it can run; where not, say why."""
        if cls._refuse_busy():
            return False
        settings = context.scene.lipsync3d
        if context.mode != "OBJECT":
            cls.poll_message_set("Go to object mode first")
        elif not settings.head.bundle:
            cls.poll_message_set("Choose the folder of a personal model first")
        elif settings.source == "FILE" and not settings.sound_path:
            cls.poll_message_set("Choose a sound first")
        else:
            return True
        return False

    def new_job(self, context: bpy.types.Context, client: WorkerClient) -> HeadJob:
        """Start predicting what the head shows."""
        self._plan = head_plan_of(context, device(context))
        return HeadJob(self._plan.request, client)

    def finish(self, outcome: HeadClip) -> str:
        """Add the head, and leave it selected."""
        scene = bpy.data.scenes.get((self._plan.scene_name, None))
        if scene is None:
            raise LipSyncError("the scene was removed meanwhile; nothing was added")
        report = add_talking_head(scene, outcome, self._plan.placement, self._plan.look)
        layer = bpy.context.view_layer
        layer.update()
        if report.thing.name in layer.objects:
            for other in list(layer.objects.selected):
                other.select_set(False)
            report.thing.select_set(True)
            layer.objects.active = report.thing
        return report.sentence
