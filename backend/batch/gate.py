# SPDX-License-Identifier: GPL-3.0-or-later
"""The quality gate: what is wrong with a line's finished files, so that a thousand of them need no eyes.

Reads the files as they are on disk, with nothing but numpy and libsndfile. A finding names one fault and says it in a
sentence; a line without findings has a sound that is heard, a mouth that moves with it, closures that close, keys in
range, one length throughout, and files that others can open.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core.errors import LipSyncError
from ..core.types import PhoneSpan
from ..inference.known_phones import fit_phones, read_phones
from .gate_curves import CurvesOnDisk, read_raw_curves
from .gate_files import glb_faults, mp4_faults
from .gate_mouth import closures_kept, mouth_faults
from .gate_sound import SoundOnDisk, read_sound, sound_faults

ERROR, WARNING = "error", "warning"
ALLOWED_OPEN = 0.05
"""Share of closures that may stay open before it is an error and no longer a warning."""
UNSURE = 0.35
"""Mean confidence below which what was heard is a guess."""
RANGE_SLACK = 1e-3
"""Keys are written to four decimals."""
FEWEST_FPS = 15.0
"""Below, frames are further apart than closures are long."""


@dataclass(frozen=True, slots=True)
class LineOutputs:
    """What a line made."""

    sound: Path
    """The sound that is animated."""
    curves: Path
    """Its curves (.json)."""
    phones: Path | None = None
    """The line's own phones, where they are known; None: those in the curves."""
    glb: Path | None = None
    mp4: Path | None = None
    tracks: Path | None = None
    """What was keyed on the rig (.npz): `values` [T, N], `limits` [N, 2], `names` [N]."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a line."""

    name: str
    """`silence`, `clipping`, `open-closure`, `still-mouth`, `flapping`, `range`, `length`, `glb`, `mp4`,
    `low-confidence`, `unreadable`."""
    severity: str
    """`error`: not to be used; `warning`: to be looked at."""
    sentence: str
    """What is wrong and where."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a report tells of a line."""

    duration_s: float
    closures: int
    """p, b and m that are said."""
    closed: int
    """Those of them at which the lips meet in time."""
    confidence_mean: float
    """Over the frames in which something is said, 0-1."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """All that the gate says of a line."""

    findings: tuple[Finding, ...]
    measured: Measured


def judge(outputs: LineOutputs) -> Verdict:
    """Return the verdict on a line's files; files that cannot be read are findings, never errors."""
    nothing = Measured(0.0, 0, 0, 0.0)
    try:
        sound = read_sound(outputs.sound)
        curves = read_raw_curves(outputs.curves)
        phones = _phones(outputs, curves, sound.duration_s)
    except LipSyncError as error:
        return Verdict((Finding("unreadable", ERROR, str(error)),), nothing)
    findings = [Finding(name, WARNING if name == "clipping" else ERROR, text) for name, text in sound_faults(sound)]
    findings += _curves_findings(sound, curves, phones, silent=any(one.name == "silence" for one in findings))
    findings += _tracks_findings(outputs.tracks)
    length = (sound.duration_s, curves.fps)
    for name, path, faults in (("glb", outputs.glb, glb_faults), ("mp4", outputs.mp4, mp4_faults)):
        if path is not None:
            findings += [Finding(name, ERROR, f"{path.name}: {text}") for text in faults(path, *length)]
    kept = closures_kept(curves, phones) if curves.sane else []
    spoken = _spoken_confidence(curves, phones)
    measured = Measured(sound.duration_s, len(kept), sum(closed for _, closed in kept), spoken)
    return Verdict(tuple(findings), measured)


def check_line(outputs: LineOutputs) -> list[Finding]:
    """Return the findings of `judge`."""
    return list(judge(outputs).findings)


def measure(outputs: LineOutputs) -> Measured:
    """Return the figures of `judge`."""
    return judge(outputs).measured


def _phones(outputs: LineOutputs, curves: CurvesOnDisk, duration_s: float) -> list[PhoneSpan]:
    spans = read_phones(outputs.phones) if outputs.phones is not None else list(curves.phones)
    return fit_phones(spans, duration_s, str(outputs.phones or outputs.curves))


def _curves_findings(
    sound: SoundOnDisk, curves: CurvesOnDisk, phones: list[PhoneSpan], *, silent: bool
) -> Iterator[Finding]:
    if (off_s := curves.duration_s - sound.duration_s) and abs(off_s) > 1.0 / curves.fps + 1e-3:
        longer = "longer" if off_s > 0 else "shorter"
        yield Finding("length", ERROR, f"the animation is {abs(off_s):.2f} s {longer} than the sound")
    if text := curves.out_of_range(RANGE_SLACK):
        yield Finding("range", ERROR, text)
    if not curves.sane:
        return
    if not silent:
        yield from (Finding(name, ERROR, text) for name, text in mouth_faults(sound, curves, phones))
    if curves.fps >= FEWEST_FPS:
        kept = closures_kept(curves, phones)
        if left_open := [span for span, closed in kept if not closed]:
            first = left_open[0]
            severity = ERROR if len(left_open) > ALLOWED_OPEN * len(kept) else WARNING
            text = (
                f"{len(left_open)} of {len(kept)} closures stay open, first the {first.phone} at {first.start_s:.2f} s"
            )
            yield Finding("open-closure", severity, text)
    if (spoken := _spoken_confidence(curves, phones)) < UNSURE and not silent:
        yield Finding("low-confidence", WARNING, f"what is said was hardly understood: confidence {spoken:.2f}")


def _spoken_confidence(curves: CurvesOnDisk, phones: list[PhoneSpan]) -> float:
    """Return the mean confidence of the frames in speech; of all where nothing is said."""
    if not len(curves.confidence):
        return 0.0
    spoken = curves.in_speech(phones)
    chosen = curves.confidence[spoken] if spoken.any() else curves.confidence
    return float(np.nan_to_num(chosen).mean())


def _tracks_findings(path: Path | None) -> Iterator[Finding]:
    """Yield what is wrong with the keys on the rig's own controls."""
    if path is None:
        return
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            names, values, limits = (np.asarray(data[name]) for name in ("names", "values", "limits"))
        shaped = values.ndim == 2 and limits.shape == (values.shape[1], 2) and len(names) == len(limits)
        shaped = shaped and values.dtype.kind == limits.dtype.kind == "f"
    except Exception as error:  # zipfile, zlib and numpy raise a dozen kinds on damaged bytes
        yield Finding("unreadable", ERROR, f"{path.name} holds no keys ({error}); the line has to be made again")
        return
    if not shaped:
        yield Finding("unreadable", ERROR, f"{path.name} holds no keys; the line has to be made again")
        return
    span = np.maximum(limits[:, 1] - limits[:, 0], 1.0)
    wrong = ~np.isfinite(values) | (values < limits[:, 0] - RANGE_SLACK * span)
    wrong |= values > limits[:, 1] + RANGE_SLACK * span
    if wrong.any():
        frame, control = (int(index) for index in np.argwhere(wrong)[0])
        low, high = limits[control]
        text = f"{names[control]} is {values[frame, control]:.3g} in key {frame}, beyond {low:g} to {high:g}"
        yield Finding("range", ERROR, text)
