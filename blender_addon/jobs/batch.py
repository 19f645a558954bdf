# SPDX-License-Identifier: GPL-3.0-or-later
"""A batch under way in a process beside Blender: the same command as on a terminal. Must not import bpy."""

import json
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ..backend.core.errors import LipSyncError, WorkerError
from . import process
from .client import JobCancelledError, WorkerClient
from .job import Job

FAILED = 1
PATIENCE_S = 20.0
"""How long a batch may take to end its workers."""


@dataclass(frozen=True)
class BatchRequest:
    """A sheet to run."""

    jobs: Path
    folder: Path
    character: Path | None = None
    """Of lines that name none."""
    object_name: str = ""
    map_name: str = ""
    bundle: str = ""
    blender: str = ""
    """Blender's executable; empty: the package bpy."""
    workers: int = 1


@dataclass(frozen=True)
class BatchDone:
    """What came of it."""

    report: Path
    trouble: str
    """What failed, in one sentence; empty where nothing did."""


def batch_command(request: BatchRequest) -> list[str]:
    """Return the command line of a batch."""
    given = {
        "--character": str(request.character or ""), "--object": request.object_name, "--map": request.map_name,
        "--bundle": request.bundle, "--blender": request.blender, "--workers": str(request.workers),
    }  # fmt: skip
    named = [part for name, value in given.items() if value for part in (name, value)]
    return process.command(
        "__main__", "batch", str(request.jobs), "-o", str(request.folder), "--json-progress", *named
    )  # fmt: skip


class BatchJob(Job[BatchDone]):
    """A batch under way. Started by the constructor."""

    def __init__(self, request: BatchRequest, client: WorkerClient) -> None:
        self._request = request
        super().__init__(client)

    def _work(self) -> BatchDone:
        pipe = subprocess.PIPE
        try:
            running = subprocess.Popen(
                batch_command(self._request), stdout=pipe, stderr=pipe, env=process.environment(), encoding="utf-8",
                errors="replace", creationflags=process.creation_flags(), start_new_session=os.name == "posix",
            )  # fmt: skip
        except OSError as error:
            raise WorkerError(f"the batch cannot start: {error}; install the extension again") from error
        with running:
            assert running.stdout is not None
            assert running.stderr is not None
            for line in running.stdout:
                if self._cancelled.is_set():
                    _end(running)
                    raise JobCancelledError
                self._told(line)
            errors = [one.removeprefix("error: ") for one in running.stderr.read().splitlines() if one.strip()]
        report = self._request.folder / "report.html"
        if running.returncode == FAILED and errors and report.is_file():
            return BatchDone(report, errors[-1])
        if running.returncode:
            raise LipSyncError(errors[-1] if errors else f"the batch ended with exit status {running.returncode}")
        return BatchDone(report, "")

    def _told(self, line: str) -> None:
        try:
            message = json.loads(line)
            self._report(min(float(message["fraction"]), 0.999), str(message["stage"]))
        except (ValueError, KeyError, TypeError):
            return  # something else that a library printed


def _end(running: "subprocess.Popen[str]") -> None:
    """End a batch with all its workers; they end with it."""
    if os.name == "posix":
        os.killpg(running.pid, signal.SIGTERM)
    else:
        running.terminate()
    try:
        running.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        running.kill()
