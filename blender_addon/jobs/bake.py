# SPDX-License-Identifier: GPL-3.0-or-later
"""One lip-sync, from the sound to the values of a rig's controls, on a thread of its own. Must not import bpy.

The prediction comes from the worker; the retargeting is numpy on this thread, so that the window stays alive.
"""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..backend.core.blendshapes import ARKIT_INDEX
from ..backend.core.errors import LipSyncError
from ..backend.core.mesh_file import MeshClip, read_mesh
from ..backend.core.style import MotionStyle
from ..backend.core.types import PhoneSpan
from ..backend.retarget.apply import ControlTracks, Gains, Retargeter
from ..backend.retarget.detect import MapMatch
from .client import WorkerClient
from .job import PREDICTION_SHARE, Job, Wanted, mesh_request

FRAMES_AT_ONCE = 2048
KEPT_FRAMES = 20_000
"""Of a prediction, at most: 11 minutes at 30 frames per second, 56 MB."""
TONGUE_OUT = ARKIT_INDEX["tongueOut"]


@dataclass(frozen=True)
class BakeRequest:
    """What to lip-sync to, on which controls."""

    wanted: Wanted
    match: MapMatch
    """How the character fits its naming map."""
    limits: Mapping[str, tuple[float, float]]
    """Lowest and highest value by shape key or custom property."""
    gains: Gains = field(default_factory=Gains)
    style: MotionStyle = field(default_factory=MotionStyle)


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


class BakeJob(Job[Baked]):
    """A lip-sync under way. Started by the constructor."""

    def __init__(self, request: BakeRequest, client: WorkerClient) -> None:
        self._request = request
        super().__init__(client)

    def _work(self) -> Baked:
        request = self._request
        with tempfile.TemporaryDirectory(prefix="lipsync3d-", ignore_cleanup_errors=True) as folder:
            output = Path(folder) / "prediction.npz"
            result = self._ask(mesh_request(request.wanted, output, texture=False, style=request.style))
            clip = read_mesh(output)
        tracks = retargeted(clip, Retargeter(request.match, request.gains, request.limits), self._watch)
        told = result.duration_s, result.confidence_mean, result.bundle
        return Baked(clip.times_s, tracks, *told, request.match, _kept(clip))

    def _watch(self, fraction: float) -> None:
        self._check_cancelled()
        self._report(PREDICTION_SHARE + (1 - PREDICTION_SHARE) * fraction, "retargeting")


def retargeted(clip: MeshClip, retargeter: Retargeter, watch: Callable[[float], None] | None = None) -> ControlTracks:
    """Return the tracks of a predicted clip, solved piece by piece.

    Args:
        clip: of the prediction.
        retargeter: of the character.
        watch: told the fraction that is done, 0-1, before each piece; may raise to stop.

    Raises:
        LipSyncError: values that are not numbers came of it.
    """
    frames = len(clip.times_s)
    values: list[NDArray[np.float32]] = []
    limits = np.zeros((0, 2), np.float32)
    for start in range(0, frames, FRAMES_AT_ONCE):
        if watch is not None:
            watch(start / frames)
        part = slice(start, start + FRAMES_AT_ONCE)
        tongue_out = None if clip.weights is None else clip.weights[part, TONGUE_OUT]
        tracks = retargeter.tracks(clip.vertices_cm[part] - clip.neutral_cm, tongue_out)
        values.append(tracks.values)
        limits = tracks.limits
    tracks = ControlTracks(retargeter.names, np.concatenate(values), limits, retargeter.kinds, retargeter.bones)
    if not np.isfinite(tracks.values).all():
        raise LipSyncError("the retargeting gave values that are not numbers; try another map or bundle")
    return tracks


def _kept(clip: MeshClip) -> Prediction | None:
    """Return a prediction as it is kept; None for one that is too long."""
    if len(clip.times_s) > KEPT_FRAMES:
        return None
    moved = (clip.vertices_cm - clip.neutral_cm).astype(np.float16)
    return Prediction(
        clip.times_s, moved, None if clip.weights is None else clip.weights[:, TONGUE_OUT].copy(), clip.phones
    )
