# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator that does the main job, in a window without stopping it, and the one that calls it off."""

from typing import ClassVar

import bpy

from ..backend.core.errors import LipSyncError
from ..jobs.bake import BakeJob, Status
from ..jobs.client import JobCancelledError, WorkerClient
from ..preferences import device
from ..scene import preview
from ..scene.bake import apply
from ..scene.plan import Plan, plan_of
from ..ui import panel_facts

TICK_S = 0.1
WAIT_S = 0.05


class LIPSYNC_OT_from_audio(bpy.types.Operator):
    """Animate the selected face from a sound. Esc cancels and leaves the scene as it is"""

    bl_idname = "lipsync.from_audio"
    bl_label = "Lip-sync from Audio"
    bl_options: ClassVar = {"UNDO"}

    client: ClassVar[WorkerClient | None] = None
    """The prediction process, kept between runs with its model loaded."""
    job: ClassVar[BakeJob | None] = None
    """What is under way in this Blender; one at a time."""

    timer: ClassVar[bpy.types.Timer | None] = None
    """What wakes the running operator."""

    _plan: Plan

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Return whether it can run; where not, say why."""
        if cls.job is not None:
            cls.poll_message_set("A lip-sync is under way; wait, or press Esc to cancel it")
            return False
        if context.mode not in ("OBJECT", "POSE", "SCULPT", "EDIT_MESH"):
            cls.poll_message_set("Leave this mode first")
            return False
        facts = panel_facts.facts(context)
        if facts.refusal:
            cls.poll_message_set(facts.refusal)
        return not facts.refusal

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Start, and come back at once; a timer looks after the rest."""
        if context.window is None or bpy.app.background:
            return self.execute(context)
        if not self._start(context):
            return {"CANCELLED"}
        type(self).timer = context.window_manager.event_timer_add(TICK_S, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Show progress; finish when the job has; cancel on Esc. Everything else stays with Blender."""
        job = type(self).job
        if job is None:  # unregistered under our feet
            self._leave(context)
            return {"CANCELLED"}
        if event.type == "ESC" and event.value == "PRESS":
            job.cancel()
            return {"RUNNING_MODAL"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        status = job.status
        _show(context, status)
        if not status.finished:
            return {"RUNNING_MODAL"} if event.type == "ESC" else {"PASS_THROUGH"}
        self._leave(context)
        return self._conclude(job)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Run to the end without coming back in between (scripts, no window)."""
        if not self._start(context):
            return {"CANCELLED"}
        job = type(self).job
        assert job is not None
        while not job.wait(WAIT_S):
            pass
        type(self).job = None
        return self._conclude(job)

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender takes the operator away (another file is opened, the window closes)."""
        if type(self).job is not None:
            type(self).job.cancel()
        self._leave(context)

    @classmethod
    def stop(cls) -> None:
        """End the job and the process; nothing is written."""
        job, cls.job = cls.job, None
        client, cls.client = cls.client, None
        if job is not None:
            job.cancel()
            cls._leave(bpy.context)  # Blender drops a running operator with its class, and does not call `cancel`
        if client is not None:
            client.close()

    def _start(self, context: bpy.types.Context) -> bool:
        try:
            self._plan = plan_of(context, device(context))
        except LipSyncError as error:
            self.report({"ERROR"}, str(error))
            return False
        cls = type(self)
        cls.client = cls.client or WorkerClient()
        cls.job = BakeJob(self._plan.request, cls.client)
        return True

    @classmethod
    def _leave(cls, context: bpy.types.Context) -> None:
        cls.job = None
        timer, cls.timer = cls.timer, None
        if timer is not None:
            context.window_manager.event_timer_remove(timer)
        _show(context, None)

    def _conclude(self, job: BakeJob) -> set[str]:
        try:
            baked = job.outcome()
            scene = bpy.data.scenes.get((self._plan.scene_name, None))
            if scene is None:
                raise LipSyncError("the scene was removed during the lip-sync; nothing was keyed")
            report = apply(scene, self._plan.character, baked, self._plan.placement)
            preview.keep(scene, baked.prediction, self._plan.placement.start_frame)
        except JobCancelledError:
            self.report({"INFO"}, "Lip-sync cancelled; nothing was changed")
            return {"CANCELLED"}
        except LipSyncError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"Lip-sync: {report.sentence}")
        return {"FINISHED"}


class LIPSYNC_OT_cancel(bpy.types.Operator):
    """Stop the lip-sync that is under way; the scene stays as it is"""

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


def _show(context: bpy.types.Context, status: Status | None) -> None:
    """Show how far it is in the status bar and the panel."""
    text = None if status is None else f"Lip-sync: {status.stage} {status.fraction:.0%}   (Esc cancels)"
    if context.workspace is not None:
        context.workspace.status_text_set(text)
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()
