# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator that does the main job, in a window without stopping it, and the one that calls jobs off."""

from typing import ClassVar

import bpy

from ..backend.core.errors import LipSyncError
from ..jobs.bake import Baked, BakeJob
from ..jobs.client import WorkerClient
from ..preferences import device
from ..scene import preview
from ..scene.bake import apply
from ..scene.plan import Plan, plan_of
from ..ui import panel_facts
from .running import JobOperator


class LIPSYNC_OT_from_audio(JobOperator, bpy.types.Operator):
    """Animate the selected face from a sound. Esc cancels and leaves the scene as it is"""

    bl_idname = "lipsync.from_audio"
    bl_label = "Lip-sync from Audio"
    bl_options: ClassVar = {"UNDO"}
    title = "Lip-sync"

    _plan: Plan

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Return whether it can run; where not, say why."""
        if cls._refuse_busy():
            return False
        if context.mode not in ("OBJECT", "POSE", "SCULPT", "EDIT_MESH"):
            cls.poll_message_set("Leave this mode first")
            return False
        facts = panel_facts.facts(context)
        if facts.refusal:
            cls.poll_message_set(facts.refusal)
        return not facts.refusal

    def new_job(self, context: bpy.types.Context, client: WorkerClient) -> BakeJob:
        """Start predicting what the character does."""
        self._plan = plan_of(context, device(context))
        return BakeJob(self._plan.request, client)

    def finish(self, outcome: Baked) -> str:
        """Key the character."""
        scene = bpy.data.scenes.get((self._plan.scene_name, None))
        if scene is None:
            raise LipSyncError("the scene was removed during the lip-sync; nothing was keyed")
        report = apply(scene, self._plan.character, outcome, self._plan.placement)
        preview.keep(scene, outcome.prediction, self._plan.placement.start_frame)
        return report.sentence


JobOperator.home = LIPSYNC_OT_from_audio


class LIPSYNC_OT_cancel(bpy.types.Operator):
    """Stop what is under way; the scene stays as it is"""

    bl_idname = "lipsync.cancel"
    bl_label = "Cancel Lip-sync"
    bl_options: ClassVar = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Return whether there is one."""
        return LIPSYNC_OT_from_audio.job is not None

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Ask the job to stop."""
        if LIPSYNC_OT_from_audio.job is not None:
            LIPSYNC_OT_from_audio.job.cancel()
        return {"FINISHED"}
