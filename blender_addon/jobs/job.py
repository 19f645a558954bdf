# SPDX-License-Identifier: GPL-3.0-or-later
"""Work on a thread of its own, so that Blender's window stays alive: progress, cancel, outcome. Must not import bpy."""

import itertools
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from ..backend.core.style import MotionStyle
from ..backend.inference.protocol import Request, Result
from .client import JobCancelledError, WorkerClient

PREDICTION_SHARE = 0.8
"""Part of the progress bar that the prediction gets; what is done with it gets the rest."""
Outcome = TypeVar("Outcome")
_request_ids = itertools.count(1)


@dataclass(frozen=True)
class Wanted:
    """What every job knows of the sound and of who is to speak it."""

    sound: Path
    fps: float
    """Frames per second of the scene."""
    bundle: str = "universal"
    """Name or folder."""
    language: str = ""
    """Of the transcript."""
    transcript: str = ""
    """What is said, or a text file; empty: recognise."""
    phones: str = ""
    """Phones file; empty: recognise."""
    device: str = "auto"
    """`auto`, `cpu` or `cuda`."""
    quality: str = "auto"
    """`auto`, `fast` or `best`."""


def mesh_request(wanted: Wanted, output: Path, texture: bool, style: MotionStyle | None = None) -> Request:
    """Return what to ask of the worker: the mesh file of a sound, with or without the texture of every frame."""
    style = style or MotionStyle()
    return Request(
        id=next(_request_ids),
        sound=str(wanted.sound),
        output=str(output),
        bundle=wanted.bundle,
        fps=wanted.fps,
        language=wanted.language,
        transcript=wanted.transcript,
        phones=wanted.phones,
        device=wanted.device,
        texture=texture,
        articulation=style.articulation,
        jaw=style.jaw,
        lips=style.lips,
        smoothing=style.smoothing,
        quality=wanted.quality,
    )


@dataclass(frozen=True)
class Status:
    """How far a job is."""

    fraction: float = 0.0
    stage: str = "starting"
    finished: bool = False


class Job(ABC, Generic[Outcome]):
    """Work that asks the prediction process. The constructor starts it, so a subclass calls it last."""

    def __init__(self, client: WorkerClient) -> None:
        self._client = client
        self._cancelled = threading.Event()
        self._status = Status()
        self._outcome: Outcome | Exception | None = None
        self._thread = threading.Thread(target=self._run, name="lipsync3d job", daemon=True)
        self._thread.start()

    @property
    def status(self) -> Status:
        """How far it is; replaced as a whole, so that any thread may read it."""
        return self._status

    def cancel(self) -> None:
        """Ask it to stop; `outcome` then raises `JobCancelledError`."""
        self._cancelled.set()

    def wait(self, timeout_s: float) -> bool:
        """Return whether it has finished, after at most that time."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def outcome(self) -> Outcome:
        """Return what it gave, once finished.

        Raises:
            LipSyncError: it failed.
            JobCancelledError: it was cancelled.
        """
        assert self._outcome is not None, "the job has not finished"
        if self._cancelled.is_set():
            raise JobCancelledError
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome

    @abstractmethod
    def _work(self) -> Outcome:
        """Do it; runs on the job's thread."""

    def _run(self) -> None:
        try:
            self._outcome = self._work()
        except Exception as error:  # handed to the thread that asks for the outcome, where a bug keeps its traceback
            self._outcome = error
        self._status = Status(1.0, "done", finished=True)

    def _ask(self, request: Request) -> Result:
        return self._client.ask(request, self._report_prediction, self._cancelled)

    def _check_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise JobCancelledError

    def _report_prediction(self, fraction: float, stage: str) -> None:
        self._report(PREDICTION_SHARE * fraction, stage)

    def _report(self, fraction: float, stage: str) -> None:
        self._status = Status(fraction, stage)
