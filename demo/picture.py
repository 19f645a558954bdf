# SPDX-License-Identifier: GPL-3.0-or-later
"""One picture of a clip: the waveform, its phones, the main curves and the confidence, over one time axis."""

import json
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import soundfile

mpl.use("Agg")  # no display is needed, nor asked for

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from backend.core.types import PhoneSpan

SHOWN = {"jawOpen": "#c0392b", "mouthFunnel": "#8e44ad", "mouthPucker": "#2980b9", "mouthStretchLeft": "#27ae60"}
"""Blendshape -> colour: opening, the two kinds of rounding, spreading."""
LIPS_MEET = ("p", "b", "m")
TEETH_MEET_LIP = ("f", "v")
SILENCE = "sil"


def draw(sound: Path, curves: Path, spoken: Sequence[PhoneSpan], target: Path) -> None:
    """Draw a clip.

    Args:
        sound: the WAV file.
        curves: its curves file (.json).
        spoken: the phones that were synthesised, to compare the recognised ones with.
        target: PNG to write.
    """
    samples, sample_rate = soundfile.read(sound, dtype="float32")
    data = json.loads(curves.read_text(encoding="utf-8"))
    figure = Figure(figsize=(14, 8), layout="constrained")
    axes = figure.subplots(4, 1, sharex=True, height_ratios=(2, 1, 3, 1))
    _waveform(axes[0], samples, sample_rate)
    recognised = [PhoneSpan(p["phone"], p["start_s"], p["end_s"], p["confidence"]) for p in data["phones"]]
    _phones(axes[1], {"heard": recognised, "spoken": spoken})
    times_s = data["start_s"] + np.arange(len(data["weights"])) / data["fps"]
    _curves(axes[2], times_s, dict(zip(data["names"], np.array(data["weights"]).T, strict=True)), recognised)
    axes[3].fill_between(times_s, data["confidence"], color="#7f8c8d", step="mid")
    axes[3].set(ylim=(0, 1), ylabel="confidence", xlabel="seconds", xlim=(0, len(samples) / sample_rate))
    figure.savefig(target, dpi=100)


def _waveform(axes: Axes, samples: np.ndarray, sample_rate: int) -> None:
    step = max(1, sample_rate // 1000)
    blocks = samples[: len(samples) // step * step].reshape(-1, step)
    times_s = np.arange(len(blocks)) * step / sample_rate
    axes.fill_between(times_s, blocks.min(axis=1), blocks.max(axis=1), color="#34495e")
    axes.set(ylabel="waveform", yticks=[])


def _phones(axes: Axes, rows: dict[str, Sequence[PhoneSpan]]) -> None:
    for height, spans in enumerate(rows.values()):
        for span in spans:
            if span.phone != SILENCE:
                width_s = span.end_s - span.start_s
                axes.barh(height, width_s, left=span.start_s, color=_colour(span.phone), edgecolor="white", height=0.9)
                axes.text(span.start_s + width_s / 2, height, span.phone, ha="center", va="center", fontsize=8)
    axes.set(yticks=range(len(rows)), yticklabels=list(rows))


def _colour(phone: str) -> str:
    if phone in LIPS_MEET:
        return "#f5b7b1"
    return "#f9e79f" if phone in TEETH_MEET_LIP else "#d6eaf8"


def _curves(axes: Axes, times_s: np.ndarray, weights: dict[str, np.ndarray], phones: Sequence[PhoneSpan]) -> None:
    for span in phones:
        if span.phone in LIPS_MEET:
            axes.axvspan(span.start_s, span.end_s, color="#f5b7b1", alpha=0.5, linewidth=0)
    for name, colour in SHOWN.items():
        axes.plot(times_s, weights[name], color=colour, label=name)
    axes.set(ylabel="weight  (p b m shaded)", ylim=(0, None))
    axes.legend(loc="upper right", ncols=len(SHOWN))
