# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves as the gate reads them: every number as it stands, the wrong ones too."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..core.blendshapes import ARKIT_NAMES
from ..core.errors import CurvesError
from ..core.face import canonical_face, lip_gap_cm, mouth_width_cm, vertices_from_weights
from ..core.files import read_bounded_text
from ..core.types import PhoneSpan
from ..speech.phones import SILENCE

LARGEST_BYTES = 256 << 20
CHUNK = 512
"""Frames whose meshes are made at once."""


@dataclass(frozen=True)
class CurvesOnDisk:
    """A curves file."""

    fps: float
    weights: NDArray[np.float64]
    """[T, 52]"""
    confidence: NDArray[np.float64]
    """[T]"""
    phones: tuple[PhoneSpan, ...]

    @property
    def times_s(self) -> NDArray[np.float64]:
        """[T]"""
        return np.arange(len(self.weights)) / self.fps

    @property
    def duration_s(self) -> float:
        """From the first to the last frame."""
        return (len(self.weights) - 1) / self.fps

    @property
    def sane(self) -> bool:
        """Whether a mesh can be made of the weights."""
        return bool(len(self.weights)) and bool((np.abs(self.weights) < 100).all())

    @cached_property
    def gap_mm(self) -> NDArray[np.float64]:
        """[T] opening of the lips."""
        return self._of_mesh[0]

    @cached_property
    def width_mm(self) -> NDArray[np.float64]:
        """[T] distance of the mouth's corners."""
        return self._of_mesh[1]

    @cached_property
    def _of_mesh(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        gaps: list[NDArray[np.float32]] = []
        widths: list[NDArray[np.float32]] = []
        for first in range(0, len(self.weights), CHUNK):
            mesh = canonical_face().neutral_cm + vertices_from_weights(self.weights[first : first + CHUNK])
            gaps.append(lip_gap_cm(mesh))
            widths.append(mouth_width_cm(mesh))
        return 10.0 * np.concatenate(gaps).astype(float), 10.0 * np.concatenate(widths).astype(float)

    def in_speech(self, phones: Sequence[PhoneSpan]) -> NDArray[np.bool_]:
        """Return [T]: whether something is said at each frame."""
        spoken = np.zeros(len(self.weights), bool)
        for span in phones:
            if span.phone != SILENCE:
                spoken |= (self.times_s >= span.start_s) & (self.times_s < span.end_s)
        return spoken

    def out_of_range(self, slack: float) -> str:
        """Return the first weight that is none, in a sentence; empty where all are."""
        wrong = ~((self.weights >= -slack) & (self.weights <= 1.0 + slack))
        if not wrong.any():
            return ""
        frame, shape = (int(index) for index in np.argwhere(wrong)[0])
        return f"{ARKIT_NAMES[shape]} is {self.weights[frame, shape]:.3g} in frame {frame}, beyond 0 to 1"


def read_raw_curves(path: Path) -> CurvesOnDisk:
    """Return the curves of a file that this project wrote.

    Raises:
        CurvesError: it is missing, damaged, or none.
    """
    text = read_bounded_text(path, "curves file", LARGEST_BYTES, CurvesError)
    try:
        data = cast("dict[str, Any]", json.loads(text))
        order = [ARKIT_NAMES.index(name) for name in data["names"]]
        rows = np.asarray(data["weights"], np.float64).reshape(-1, len(order))
        confidence = np.asarray(data["confidence"], np.float64)
        phones = tuple(
            PhoneSpan(str(one["phone"]), float(one["start_s"]), float(one["end_s"]), float(one["confidence"]))
            for one in data["phones"]
        )
        fps = float(data["fps"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CurvesError(f"{path.name} holds no curves ({str(error)[:80]}); the line has to be made again") from error
    if not len(rows) or len(confidence) != len(rows) or not 0.1 <= fps <= 1000:
        raise CurvesError(f"{path.name} holds no whole curves; the line has to be made again")
    weights = np.zeros((len(rows), len(ARKIT_NAMES)))
    weights[:, order] = rows
    return CurvesOnDisk(fps, weights, confidence, phones)
