# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator that runs a sheet of lines on the open character, in a window without stopping it."""

import tempfile
from pathlib import Path
from typing import ClassVar

import bpy

from ..backend.core.errors import LipSyncError, SheetError
from ..jobs.batch import BatchDone, BatchJob, BatchRequest
from ..jobs.client import WorkerClient
from ..scene import exporting
from .running import JobOperator


class LIPSYNC_OT_batch(JobOperator, bpy.types.Operator):
    """Run a sheet of lines; those that name no character are for the selected one. Esc cancels; run again to go on"""

    bl_idname = "lipsync.batch"
    bl_label = "Run Sheet"
    title = "Batch"

    _kept: "tempfile.TemporaryDirectory[str] | None" = None
    last: ClassVar[str] = ""
    """What came of the latest one, for the panel."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Return whether it can run; where not, say why."""
        wanted = context.scene.lipsync3d.batch
        if cls._refuse_busy():
            return False
        if context.mode != "OBJECT":
            cls.poll_message_set("Go to object mode first")
        elif not wanted.sheet or not wanted.folder:
            cls.poll_message_set("Choose a sheet and a folder for the results first")
        else:
            return True
        return False

    def new_job(self, context: bpy.types.Context, client: WorkerClient) -> BatchJob:
        """Start the runner on the sheet."""
        wanted = context.scene.lipsync3d.batch
        sheet = Path(bpy.path.abspath(wanted.sheet)).absolute()
        if not sheet.is_file():
            raise SheetError(f"{sheet}: no such sheet; check the path")
        settings, active = context.scene.lipsync3d, context.object
        request = BatchRequest(
            jobs=sheet,
            folder=Path(bpy.path.abspath(wanted.folder)).absolute(),
            character=self._character(),
            object_name=active.name if active is not None and active.select_get() else "",
            map_name=settings.map_name if settings.map_name.lower().endswith(".json") else "",
            blender=bpy.app.binary_path,
            workers=wanted.workers,
        )
        return BatchJob(request, client)

    def _character(self) -> Path:
        """Return a file of the open scene: its own where it is saved, so that nothing is baked twice for a new name."""
        if bpy.data.filepath and not bpy.data.is_dirty:
            return Path(bpy.data.filepath)
        self._kept = tempfile.TemporaryDirectory(prefix="lipsync3d-", ignore_cleanup_errors=True)
        path = Path(self._kept.name) / "character.blend"
        exporting.write_outputs({"save": path})
        return path

    def finish(self, outcome: BatchDone) -> str:
        """Say what came of it."""
        self._forget()
        if outcome.trouble:
            type(self).last = outcome.trouble
            raise LipSyncError(outcome.trouble)
        type(self).last = f"all done; see {outcome.report}"
        return type(self).last

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender takes the operator away."""
        super().cancel(context)
        self._forget()

    def _forget(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.cleanup()
