# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of predicted face motion against the truth, each with its definition in words.

Published figures of the same name are not comparable: some take the mean over lip vertices, some the largest, some
squares. The report therefore prints `DEFINITIONS` with the figures.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.face import canonical_face, lip_gap_cm, mouth_width_cm
from ...core.types import Floats
from ..personal.targets import MM, lip_vertices
from .closures import ClosureCounts, count_closures
from .speech_time import Word

LONGEST_LAG_S = 0.2
LEAST_FRAMES = 3
"""Fewer frames than this have no correlation."""
DEFINITIONS = {
    "gap_r_speech": "Pearson correlation of the inner-lip opening (mean vertical distance of three inner-lip pairs) in "
    "speech, mean over clips",
    "gap_r": "the same over whole clips",
    "width_r_speech": "Pearson correlation of the distance between the mouth's corners in speech, mean over clips",
    "lip_error_mm": "lip vertex error: mean over frames of the largest Euclidean error among the lip vertices, "
    "inner and outer (mm, not squared), mean over clips",
    "lip_error_speech_mm": "the same, frames in speech only",
    "lag_ms": "shift at which the predicted opening correlates best with the true one over whole clips, by a parabola "
    "through the best frame and its neighbours, mean over clips; positive is late",
    "upper_face_mm2": "upper-face dynamics (FDD, CodeTalker): mean over the vertices of eyes, brows and forehead of "
    "the standard deviation over time of the squared distance from the neutral, truth minus prediction (mm²)",
    "closure_recall": "share of true closures in speech that were predicted; a closure is a local minimum of the "
    "opening below 15 % of the clip's own 95th percentile; matched one to one within ±60 ms, all clips together",
    "closure_precision": "share of predicted closures that are true",
    "bilabials": "words after the first that begin with p, b or m and have a closure within ±100 ms of their start: "
    "predicted / true / words",
}

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class TrueClip:
    """What one clip is judged by."""

    name: str
    times_s: Doubles
    """[T]"""
    mesh_cm: Floats
    """[T, 468, 3] canonical space."""
    neutral_cm: Floats
    """[468, 3] the speaker's closed-mouth face."""
    speaking: NDArray[np.bool_]
    """[T]"""
    words: tuple[Word, ...] = ()
    """On the axis of `times_s`; empty where not known."""


@dataclass(frozen=True)
class ClipScore:
    """Figures of one clip; `DEFINITIONS` has their meaning. NaN where a clip cannot tell."""

    gap_r_speech: float
    gap_r: float
    width_r_speech: float
    lip_error_mm: float
    lip_error_speech_mm: float
    lag_ms: float
    upper_face_mm2: float
    closures: ClosureCounts


MEANS = tuple(field.name for field in fields(ClipScore) if field.name != "closures")


@dataclass(frozen=True)
class Score:
    """Figures of one predictor over all clips."""

    means: dict[str, float]
    """The names of `ClipScore` -> mean over the clips that can tell."""
    closures: ClosureCounts
    clips: int

    def as_json(self) -> dict[str, Any]:
        """Return plain values for a report; null where nothing can be told."""
        known = {name: round(value, 4) if np.isfinite(value) else None for name, value in self.means.items()}
        counts = self.closures
        shares = {"closure_recall": round(counts.recall, 4), "closure_precision": round(counts.precision, 4)}
        return {**known, **shares, "closures": asdict(counts), "clips": self.clips}


def score_clip(truth: TrueClip, predicted_cm: Floats) -> ClipScore:
    """Judge one clip.

    Args:
        truth: of T frames.
        predicted_cm: [T, 468, 3] predicted mesh in canonical space, at the same times.
    """
    if predicted_cm.shape != truth.mesh_cm.shape:
        raise ValueError(f"{truth.name}: predicted {predicted_cm.shape}, true {truth.mesh_cm.shape}")
    speaking = truth.speaking
    gap, predicted_gap = lip_gap_cm(truth.mesh_cm), lip_gap_cm(predicted_cm)
    width, predicted_width = mouth_width_cm(truth.mesh_cm), mouth_width_cm(predicted_cm)
    error = lip_error_mm(truth.mesh_cm, predicted_cm)
    return ClipScore(
        gap_r_speech=correlation(gap[speaking], predicted_gap[speaking]),
        gap_r=correlation(gap, predicted_gap),
        width_r_speech=correlation(width[speaking], predicted_width[speaking]),
        lip_error_mm=float(error.mean()) if len(error) else np.nan,
        lip_error_speech_mm=float(error[speaking].mean()) if speaking.any() else np.nan,
        lag_ms=lag_ms(gap, predicted_gap, truth.times_s),
        upper_face_mm2=upper_face_mm2(truth.mesh_cm, predicted_cm, truth.neutral_cm),
        closures=count_closures(gap, predicted_gap, truth.times_s, speaking, truth.words),
    )


def summarise(scores: Sequence[ClipScore]) -> Score:
    """Return the figures over clips: means of those that can tell, closures added up."""
    means: dict[str, float] = {}
    for name in MEANS:
        values = np.array([getattr(score, name) for score in scores], np.float64)
        known = values[np.isfinite(values)]
        means[name] = float(known.mean()) if len(known) else np.nan
    return Score(means, sum((score.closures for score in scores), ClosureCounts()), len(scores))


def lip_error_mm(true_cm: Floats, predicted_cm: Floats) -> Floats:
    """Return the largest Euclidean error [T] among the lip vertices of meshes [T, 468, 3], in millimetres."""
    lips = lip_vertices()
    return np.linalg.norm(true_cm[:, lips] - predicted_cm[:, lips], axis=-1).max(axis=-1) * np.float32(MM)


def correlation(first: Floats | Doubles, second: Floats | Doubles) -> float:
    """Return Pearson's r of two curves [T]; 0 where one does not move, NaN for too few frames or no true motion."""
    if len(first) < LEAST_FRAMES:
        return np.nan
    a, b = (np.asarray(curve, np.float64) - np.mean(curve, dtype=np.float64) for curve in (first, second))
    still_a, still_b = (np.sqrt((curve * curve).mean()) < 1e-7 for curve in (a, b))
    if still_a:
        return np.nan
    return 0.0 if still_b else float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


def lag_ms(true: Floats | Doubles, predicted: Floats | Doubles, times_s: Doubles) -> float:
    """Return how late the predicted curve [T] is, to a fraction of a frame; NaN where no shift fits or none is needed.

    Frames that were left out of the clip are filled in linearly first.
    """
    if len(times_s) < LEAST_FRAMES:
        return np.nan
    step_s = float(np.median(np.diff(times_s)))
    even_s = np.arange(times_s[0], times_s[-1] + step_s / 2, step_s)
    first, second = (np.interp(even_s, times_s, np.asarray(curve, np.float64)) for curve in (true, predicted))
    most = min(round(LONGEST_LAG_S / step_s), (len(even_s) - LEAST_FRAMES) // 2)
    if most < 1 or np.ptp(second) < 1e-7:
        return np.nan
    inner = first[most : len(first) - most]
    likeness = [correlation(inner, second[most + s : len(second) - most + s]) for s in range(-most, most + 1)]
    best = int(np.nanargmax(likeness)) if np.isfinite(likeness).any() else 0
    if best in (0, 2 * most):
        return float((best - most) * step_s * 1000) if np.isfinite(likeness).any() else np.nan
    before, top, after = likeness[best - 1 : best + 2]
    bend = before - 2 * top + after
    share = 0.5 * (before - after) / bend if bend < 0 else 0.0
    return float((best - most + share) * step_s * 1000)


def upper_face_mm2(true_cm: Floats, predicted_cm: Floats, neutral_cm: Floats) -> float:
    """Return the difference in upper-face dynamics of meshes [T, 468, 3] against a neutral [468, 3]."""
    if len(true_cm) == 0:
        return np.nan
    upper = upper_face()

    def dynamics(mesh_cm: Floats) -> float:
        away = (((mesh_cm[:, upper] - neutral_cm[upper]) * MM) ** 2).sum(axis=-1)
        return float(away.std(axis=0).mean())

    return dynamics(true_cm) - dynamics(predicted_cm)


def upper_face() -> NDArray[np.int64]:
    """Return the vertices of eyes, brows and forehead: those not below the lower lids."""
    face = canonical_face()
    lids = np.concatenate([face.landmarks["eye_lower_left"], face.landmarks["eye_lower_right"]])
    return np.flatnonzero(face.neutral_cm[:, 1] >= face.neutral_cm[lids, 1].min())
