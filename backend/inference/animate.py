# SPDX-License-Identifier: GPL-3.0-or-later
"""One sound to one file: what the command line and the worker both do."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.blendshapes import ARKIT_NAMES
from ..core.curves import CurvesHeader, write_curves_csv, write_curves_json
from ..core.errors import OutputError
from ..core.mesh_file import MeshHeader, write_mesh
from ..core.types import Floats
from .predict import LISTENING_SHARE, Cancelled, CancelledError, Clip, PredictRequest, Report
from .predictors import AnyPredictor
from .transcript import named_file

ENDINGS = (".json", ".csv", ".npz")


@dataclass(frozen=True, slots=True)
class Summary:
    """What was written."""

    output: Path
    duration_s: float
    frames: int
    confidence_mean: float
    phone_count: int
    bundle: str
    note: str = ""
    """What the user should know of how the phones came about; mostly nothing."""


def check_output(output: Path, request: PredictRequest) -> None:
    """Refuse an output that cannot be written, or is one of the inputs, before anything is predicted.

    Raises:
        OutputError: unknown ending, a folder, no folder to write in, or a file that the request reads.
    """
    if output.suffix.lower() not in ENDINGS:
        raise OutputError(f"{output}: unknown kind of output {output.suffix!r}; end it in {', '.join(ENDINGS)}")
    if output.is_dir():
        raise OutputError(f"{output} is a folder; give the name of a file in it")
    if not output.parent.is_dir():
        raise OutputError(f"cannot write {output}: no folder {output.parent}; make it first")
    inputs = (request.sound, request.phones, named_file(request.transcript))
    if output.exists() and any(path is not None and path.exists() and path.samefile(output) for path in inputs):
        raise OutputError(f"{output} is read as an input and would be lost; choose another name for the output")


def animate(
    predictor: AnyPredictor,
    request: PredictRequest,
    output: Path,
    report: Report | None = None,
    cancelled: Cancelled | None = None,
) -> Summary:
    """Predict the motion of a sound and write it; the output's ending says in which format.

    Args:
        predictor: the loaded bundle.
        request: what to animate.
        output: .json or .csv for curves, .npz for the mesh; beside first, then renamed.
        report: told the progress, 0–1, and the stage.
        cancelled: asked often whether to stop.

    Raises:
        LipSyncError: what is wrong with sound, phones or output; nothing is written then.
        CancelledError: `cancelled` said so; nothing is written.
    """
    check_output(output, request)
    clip = predictor.prepare(request, report, cancelled)
    if clip.look is not None and not request.texture:
        clip = replace(clip, look=replace(clip.look, atlases=None))
    return write_clip(clip, output, report, cancelled)


def write_clip(clip: Clip, output: Path, report: Report | None = None, cancelled: Cancelled | None = None) -> Summary:
    """Write the motion of a clip that was listened to; arguments, format and errors as `animate`."""
    times = clip.times_s()
    confidence = clip.confidence(times)
    watched = _watched(clip, len(times), report, cancelled)
    if output.suffix.lower() == ".npz":
        _write_mesh(output, clip, MeshHeader(times, confidence, clip.phones), watched, cancelled)
    else:
        header = CurvesHeader(clip.fps, clip.bundle, clip.phones)
        write = write_curves_csv if output.suffix.lower() == ".csv" else write_curves_json
        write(output, header, ((clip.weights(piece), clip.confidence(piece)) for piece in watched))
    mean = float(confidence.mean())
    return Summary(output, clip.duration_s, len(times), mean, len(clip.phones), clip.bundle, clip.note)


def _write_mesh(
    output: Path,
    clip: Clip,
    header: MeshHeader,
    watched: Iterator[NDArray[np.float64]],
    cancelled: Cancelled | None,
) -> None:
    weights = np.empty((len(header.times_s), len(ARKIT_NAMES)), np.float32)
    atlases: Iterator[NDArray[np.uint8]] | None = None
    look = clip.look
    if look is not None:
        header = replace(header, neutral_cm=look.neutral_cm, uv=look.uv, reference_atlas=look.reference_atlas)
        if look.atlases is not None:
            atlases = _until_cancelled(look.atlases(header.times_s), cancelled)
    write_mesh(output, header, _mesh_pieces(clip, watched, weights), weights, atlases)


def _until_cancelled(atlases: Iterator[NDArray[np.uint8]], cancelled: Cancelled | None) -> Iterator[NDArray[np.uint8]]:
    for atlas in atlases:
        if cancelled is not None and cancelled():
            raise CancelledError
        yield atlas


def _mesh_pieces(clip: Clip, pieces: Iterator[NDArray[np.float64]], weights: Floats) -> Iterator[Floats]:
    """Yield the displacement of each piece, and fill in its rows of the weights [T, 52]."""
    done = 0
    for piece in pieces:
        weights[done : done + len(piece)] = clip.weights(piece)
        done += len(piece)
        yield clip.performance.displacement_cm(piece)


def _watched(
    clip: Clip, frames: int, report: Report | None, cancelled: Cancelled | None
) -> Iterator[NDArray[np.float64]]:
    done = 0
    for piece in clip.time_chunks_s():
        if cancelled is not None and cancelled():
            raise CancelledError
        yield piece
        done += len(piece)
        if report is not None:
            report(LISTENING_SHARE + (1 - LISTENING_SHARE) * done / frames, "writing")
