# SPDX-License-Identifier: GPL-3.0-or-later
"""One lip-sync, from the sound to the values of a rig's controls, on a thread of its own. Must not import bpy.

The prediction comes from the worker; the retargeting is numpy on this thread, so that the window stays alive.
"""

import itertools
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..backend.core.blendshapes import ARKIT_INDEX
from ..backend.core.errors import LipSyncError
from ..backend.core.mesh_file import MeshClip, read_mesh
from ..backend.core.types import PhoneSpan
from ..backend.inference.protocol import Request
from ..backend.retarget.apply import ControlTracks, Gains, Retargeter
from ..backend.retarget.detect import MapMatch
from .client import JobCancelledError, WorkerClient

PREDICTION_SHARE = 0.8
"""Part of the progress bar that the prediction gets; the retargeting gets the rest."""
FRAMES_AT_ONCE = 2048
KEPT_FRAMES = 20_000
"""Of a prediction, at most: 11 minutes at 30 frames per second, 56 MB."""
TONGUE_OUT = ARKIT_INDEX["tongueOut"]
_request_ids = itertools.count(1)


@dataclass(frozen=True)
class BakeRequest:
    """What to lip-sync to, on which controls."""

    sound: Path
    fps: float
    """Frames per second of the scene."""
    match: MapMatch
    """How the character fits its naming map."""
    limits: Mapping[str, tuple[float, float]]
    """Lowest and highest value by shape key or custom property."""
    gains: Gains = field(default_factory=Gains)
    bundle: str = "universal"
    language: str = ""
    transcript: str = ""
    phones: str = ""
    device: str = "auto"


@dataclass(frozen=True)
class Prediction:
    """What was predicted, kept so that another map can be tried on it at once."""

    times_s: NDArray[np.float64]
    """[T]"""
    displacement_cm: NDArray[np.float16]
    """[T, 468, 3] from the canonical neutral face; half precision, which is 0.005 mm at 1 cm."""
    tongue_out: NDArray[np.float32] | None
    """[T]"""
    phones: tuple[PhoneSpan, ...] = ()

    def at(self, time_s: float) -> "Prediction":
        """Return the frame nearest to a time, as one of one frame."""
        place = int(np.abs(self.times_s - time_s).argmin())
        part = slice(place, place + 1)
        tongue = None if self.tongue_out is None else self.tongue_out[part]
        return Prediction(self.times_s[part], self.displacement_cm[part], tongue)


@dataclass(frozen=True)
class Baked:
    """What a lip-sync gave."""

    times_s: NDArray[np.float64]
    """[T]"""
    tracks: ControlTracks
    duration_s: float
    confidence_mean: float
    bundle: str
    match: MapMatch | None = None
    """What the tracks were solved by."""
    prediction: Prediction | None = None
    """None where it is too long to be kept."""


@dataclass(frozen=True)
class Status:
    """How far a job is."""

    fraction: float = 0.0
    stage: str = "starting"
    finished: bool = False


class BakeJob:
    """A lip-sync under way. Started by the constructor."""

    def __init__(self, request: BakeRequest, client: WorkerClient) -> None:
        self._request = request
        self._client = client
        self._cancelled = threading.Event()
        self._status = Status()
        self._outcome: Baked | Exception | None = None
        self._thread = threading.Thread(target=self._run, name="lipsync3d bake", daemon=True)
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

    def outcome(self) -> Baked:
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

    def _run(self) -> None:
        try:
            self._outcome = self._bake()
        except Exception as error:  # handed to the thread that asks for the outcome, where a bug keeps its traceback
            self._outcome = error
        self._status = Status(1.0, "done", finished=True)

    def _bake(self) -> Baked:
        request = self._request
        retargeter = Retargeter(request.match, request.gains, request.limits)
        with tempfile.TemporaryDirectory(prefix="lipsync3d-", ignore_cleanup_errors=True) as folder:
            output = Path(folder) / "prediction.npz"
            result = self._client.ask(self._message(output), self._report_prediction, self._cancelled)
            clip = read_mesh(output)
        frames = len(clip.times_s)
        values: list[NDArray[np.float32]] = []
        limits = np.zeros((0, 2), np.float32)
        for start in range(0, frames, FRAMES_AT_ONCE):
            if self._cancelled.is_set():
                raise JobCancelledError
            part = slice(start, start + FRAMES_AT_ONCE)
            tongue_out = None if clip.weights is None else clip.weights[part, TONGUE_OUT]
            tracks = retargeter.tracks(clip.vertices_cm[part] - clip.neutral_cm, tongue_out)
            values.append(tracks.values)
            limits = tracks.limits
            self._report(PREDICTION_SHARE + (1 - PREDICTION_SHARE) * min(1.0, part.stop / frames), "retargeting")
        tracks = ControlTracks(retargeter.names, np.concatenate(values), limits, retargeter.kinds, retargeter.bones)
        if not np.isfinite(tracks.values).all():
            raise LipSyncError("the retargeting gave values that are not numbers; try another map or bundle")
        told = result.duration_s, result.confidence_mean, result.bundle
        return Baked(clip.times_s, tracks, *told, request.match, _kept(clip))

    def _message(self, output: Path) -> Request:
        request = self._request
        return Request(
            id=next(_request_ids),
            sound=str(request.sound),
            output=str(output),
            bundle=request.bundle,
            fps=request.fps,
            language=request.language,
            transcript=request.transcript,
            phones=request.phones,
            device=request.device,
        )

    def _report_prediction(self, fraction: float, stage: str) -> None:
        self._report(PREDICTION_SHARE * fraction, stage)

    def _report(self, fraction: float, stage: str) -> None:
        self._status = Status(fraction, stage)


def _kept(clip: MeshClip) -> Prediction | None:
    """Return a prediction as it is kept; None for one that is too long."""
    if len(clip.times_s) > KEPT_FRAMES:
        return None
    moved = (clip.vertices_cm - clip.neutral_cm).astype(np.float16)
    return Prediction(
        clip.times_s, moved, None if clip.weights is None else clip.weights[:, TONGUE_OUT].copy(), clip.phones
    )
