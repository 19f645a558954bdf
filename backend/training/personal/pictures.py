# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run shows of itself: its curves as a table, and true against predicted lip opening as a picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...core.face import lip_gap_cm, mouth_width_cm
from ...core.files import written_beside
from ...core.types import Floats
from .clips import Clips, TrainClip
from .ear import Ear
from .geometry import TrainedGeometry, predict_clip

SHOWN = 3
MM = 10.0


def draw_curves(run: Path, geometry: TrainedGeometry, ear: Ear, held_out: Clips | None) -> dict[str, float]:
    """Write `opening.png` of some held-out clips, and return the figures over all of them.

    Returns:
        `gap_r` and `width_r` (mean Pearson correlation over whole clips) and `gap_mm` (mean absolute error of the
        opening); empty where no clip was held out.
    """
    if held_out is None:
        return {}
    gaps: list[tuple[TrainClip, Floats, Floats]] = []
    rows: list[tuple[float, float, float]] = []
    for clip in held_out.clips:
        true = clip.displacement_cm + held_out.neutral_cm
        found = predict_clip(geometry, ear, clip)[0] + held_out.neutral_cm
        pair = lip_gap_cm(true) * MM, lip_gap_cm(found) * MM
        gaps.append((clip, *pair))
        width = _correlation(mouth_width_cm(true), mouth_width_cm(found))
        rows.append((_correlation(*pair), width, float(np.abs(pair[0] - pair[1]).mean())))
    _draw(run / "opening.png", gaps[:SHOWN])
    means = np.nanmean(np.array(rows), axis=0)
    return {name: round(float(value), 4) for name, value in zip(("gap_r", "width_r", "gap_mm"), means, strict=True)}


def _correlation(first: Floats, second: Floats) -> float:
    if np.std(first) == 0 or np.std(second) == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def _draw(path: Path, gaps: Sequence[tuple[TrainClip, Floats, Floats]]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 2.4 * len(gaps)), layout="constrained")
    for axes, (clip, true, found) in zip(np.atleast_1d(figure.subplots(len(gaps), 1)), gaps, strict=True):
        axes.plot(clip.times_s, true, color="0.4", label="tracked")
        axes.plot(clip.times_s, found, color="tab:red", label="predicted")
        axes.set_ylabel("lip opening, mm")
        axes.set_title(clip.name, fontsize=9)
        axes.legend(fontsize=8)
    with written_beside(path) as beside:
        figure.savefig(beside, dpi=100, format="png")
