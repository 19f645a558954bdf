# SPDX-License-Identifier: GPL-3.0-or-later
"""Blendshape curves on disk: the project's JSON and the CSV that Live Link Face records, written piece by piece."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TextIO

import numpy as np

from .blendshapes import ARKIT_INDEX, ARKIT_NAMES
from .files import written_beside
from .types import Floats, PhoneSpan

FORMAT, VERSION = "lipsync3d.curves", 1
STEPS = 10_000
"""Weights are written to four decimals: finer than any rig shows."""

_LIVE_LINK_EYES = ("Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide")
_LIVE_LINK_REST = (
    "jawForward", "jawRight", "jawLeft", "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthRight",
    "mouthLeft", "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight", "mouthDimpleLeft",
    "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight", "mouthRollLower", "mouthRollUpper",
    "mouthShrugLower", "mouthShrugUpper", "mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft",
    "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "browDownLeft", "browDownRight", "browInnerUp",
    "browOuterUpLeft", "browOuterUpRight", "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft",
    "noseSneerRight", "tongueOut",
)  # fmt: skip
LIVE_LINK_NAMES: tuple[str, ...] = (
    *(f"eye{move}Left" for move in _LIVE_LINK_EYES),
    *(f"eye{move}Right" for move in _LIVE_LINK_EYES),
    *_LIVE_LINK_REST,
)
"""The 52 blendshapes in Live Link Face's column order, which differs from Apple's at the jaw and the mouth's sides."""
LIVE_LINK_ROTATIONS: tuple[str, ...] = (
    "HeadYaw", "HeadPitch", "HeadRoll", "LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll",
    "RightEyeYaw", "RightEyePitch", "RightEyeRoll",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CurvesHeader:
    """What a curves file says besides its weights."""

    fps: Fraction
    bundle: str
    phones: tuple[PhoneSpan, ...] = ()
    start_s: float = 0.0


def write_curves_json(path: Path, header: CurvesHeader, pieces: Iterable[tuple[Floats, Floats]]) -> None:
    """Write curves as JSON.

    Args:
        path: file to write; beside first, then renamed.
        header: what else the file says.
        pieces: weights [t, 52] in `ARKIT_NAMES` order with confidence [t], in order of time.

    Raises:
        OutputError: the folder is missing, read-only or full.
    """
    with written_beside(path) as beside, beside.open("w", encoding="utf-8") as file:
        _write_json(file, header, pieces)


def phones_json(spans: Iterable[PhoneSpan]) -> str:
    """Return the `phones` list of the curves format, one phone a line."""
    return "[" + ",\n ".join(_phone_json(span) for span in spans) + "]"


def write_curves_csv(path: Path, header: CurvesHeader, pieces: Iterable[tuple[Floats, Floats]]) -> None:
    """Write curves in Live Link Face's CSV layout; arguments and errors as `write_curves_json`.

    Head and eye rotations are 0; the timecode counts frames from 0 in `hours:minutes:seconds:frame.000`.
    """
    order = np.array([ARKIT_INDEX[name] for name in LIVE_LINK_NAMES])
    titles = [name[0].upper() + name[1:] for name in LIVE_LINK_NAMES]
    rotations = ",0" * len(LIVE_LINK_ROTATIONS)
    with written_beside(path) as beside, beside.open("w", encoding="utf-8", newline="\n") as file:
        file.write(",".join(["Timecode", "BlendShapeCount", *titles, *LIVE_LINK_ROTATIONS]) + "\n")
        frame = 0
        for weights, _ in pieces:
            for row in _rows_of_text(weights[:, order]):
                file.write(f"{_timecode(frame, header.fps)},{len(titles) + len(LIVE_LINK_ROTATIONS)},")
                file.write(",".join(row) + rotations + "\n")
                frame += 1


def _write_json(file: TextIO, header: CurvesHeader, pieces: Iterable[tuple[Floats, Floats]]) -> None:
    head = {
        "format": FORMAT,
        "version": VERSION,
        "fps": _plain_number(header.fps),
        "start_s": header.start_s,
        "names": list(ARKIT_NAMES),
    }
    file.write(json.dumps(head)[:-1] + ',\n"weights": [')
    confidences: list[Floats] = []
    separator = "\n"
    for weights, confidence in pieces:
        confidences.append(confidence)
        for row in _rows_of_text(weights):
            file.write(f"{separator}[{','.join(row)}]")
            separator = ",\n"
    values = np.round(np.concatenate(confidences), 3) if confidences else np.zeros(0)
    file.write('],\n"confidence": ' + json.dumps([float(f"{value:.3f}") for value in values.tolist()]))
    file.write(',\n"phones": ' + phones_json(header.phones) + ',\n"bundle": ')
    file.write(json.dumps(header.bundle) + "}\n")


def _rows_of_text(weights: Floats) -> Iterator[Sequence[str]]:
    """Yield each frame's weights as text; a table of all possible texts is ten times as quick as formatting."""
    table = _texts()
    steps = np.rint(np.clip(weights, 0.0, 1.0) * STEPS).astype(np.int64)
    for row in steps.tolist():
        yield [table[step] for step in row]


def _texts() -> list[str]:
    return [f"{step / STEPS:.4f}".rstrip("0").rstrip(".") for step in range(STEPS + 1)]


def _phone_json(span: PhoneSpan) -> str:
    values = {
        "phone": span.phone,
        "start_s": round(span.start_s, 4),
        "end_s": round(span.end_s, 4),
        "confidence": round(span.confidence, 3),
    }
    return json.dumps(values, ensure_ascii=False)


def _plain_number(fps: Fraction) -> float | int:
    return fps.numerator if fps.denominator == 1 else fps.numerator / fps.denominator


def _timecode(frame: int, fps: Fraction) -> str:
    """Return non-drop timecode: frames are counted at the nominal rate, as Live Link Face does."""
    nominal = max(1, round(fps))
    seconds, part = divmod(frame, nominal)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{part:02d}.000"
