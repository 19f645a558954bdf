# SPDX-License-Identifier: GPL-3.0-or-later
"""How an operator runs a job in a window without stopping it. One job at a time in this Blender."""

from typing import Any, ClassVar, Protocol, cast

import bpy

from ..backend.core.errors import LipSyncError
from ..jobs.client import JobCancelledError, WorkerClient
from ..jobs.job import Job, Status

TICK_S = 0.1
WAIT_S = 0.05


class Errand(Protocol):
    """What an operator that runs a job has of its own."""

    def new_job(self, context: bpy.types.Context, client: WorkerClient) -> Job[Any]:
        """Start the work; raises LipSyncError where it cannot."""
        ...

    def finish(self, outcome: Any) -> str:  # noqa: ANN401 - that of its job
        """Put the outcome into the scene and return what to report; raises LipSyncError where it cannot."""
        ...


class JobOperator:
    """Mixed into operators that are an `Errand`: runs its job."""

    home: ClassVar[type]  # no name of a class here: Blender has typing resolve and keep it, and hangs on its way out
    """The operator class that keeps client, job and timer for all of them."""
    title: ClassVar[str]
    """What is under way, for the status bar."""

    client: ClassVar[WorkerClient | None] = None
    """The prediction process, kept between runs with its model loaded."""
    job: ClassVar[Job[Any] | None] = None
    """What is under way in this Blender; one at a time."""
    timer: ClassVar[bpy.types.Timer | None] = None
    """What wakes the running operator."""

    @classmethod
    def _refuse_busy(cls) -> bool:
        """Return whether a job is under way, and say so."""
        if cls.home.job is not None:
            cls.poll_message_set("A lip-sync is under way; wait, or press Esc to cancel it")
        return cls.home.job is not None

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Start, and come back at once; a timer looks after the rest."""
        if context.window is None or bpy.app.background:
            return self.execute(context)
        if not self._start(context):
            return {"CANCELLED"}
        self.home.timer = context.window_manager.event_timer_add(TICK_S, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Show progress; finish when the job has; cancel on Esc. Everything else stays with Blender."""
        job = self.home.job
        if job is None:  # unregistered under our feet
            self._leave(context)
            return {"CANCELLED"}
        if event.type == "ESC" and event.value == "PRESS":
            job.cancel()
            return {"RUNNING_MODAL"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        status = job.status
        _show(context, self.title, status)
        if not status.finished:
            return {"PASS_THROUGH"}
        self._leave(context)
        return self._conclude(job)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Run to the end without coming back in between (scripts, no window)."""
        if not self._start(context):
            return {"CANCELLED"}
        job = self.home.job
        assert job is not None
        while not job.wait(WAIT_S):
            pass
        self.home.job = None
        return self._conclude(job)

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender takes the operator away (another file is opened, the window closes)."""
        if self.home.job is not None:
            self.home.job.cancel()
        self._leave(context)

    @classmethod
    def stop(cls) -> None:
        """End the job and the process; nothing is written."""
        job, cls.home.job = cls.home.job, None
        client, cls.home.client = cls.home.client, None
        if job is not None:
            job.cancel()
            cls._leave(bpy.context)  # Blender drops a running operator with its class, and does not call `cancel`
        if client is not None:
            client.close()

    def _start(self, context: bpy.types.Context) -> bool:
        home = self.home
        home.client = home.client or WorkerClient()
        try:
            home.job = cast("Errand", self).new_job(context, home.client)
        except LipSyncError as error:
            self.report({"ERROR"}, str(error))
            return False
        return True

    @classmethod
    def _leave(cls, context: bpy.types.Context) -> None:
        cls.home.job = None
        timer, cls.home.timer = cls.home.timer, None
        if timer is not None:
            context.window_manager.event_timer_remove(timer)
        _show(context, cls.title, None)

    def _conclude(self, job: Job[Any]) -> set[str]:
        try:
            told = cast("Errand", self).finish(job.outcome())
        except JobCancelledError:
            self.report({"INFO"}, f"{self.title} cancelled; nothing was changed")
            return {"CANCELLED"}
        except LipSyncError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"{self.title}: {told}")
        return {"FINISHED"}


def _show(context: bpy.types.Context, title: str, status: Status | None) -> None:
    """Show how far it is in the status bar and the panel."""
    text = None if status is None else f"{title}: {status.stage} {status.fraction:.0%}   (Esc cancels)"
    if context.workspace is not None:
        context.workspace.status_text_set(text)
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()
