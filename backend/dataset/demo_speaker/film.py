# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a demo clip as a video, and the truth beside it."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from ...core.errors import OutputError
from ..video_file import Footage, write_video
from .clip import DemoSettings, demo_clip

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Film:
    """What was written."""

    video: Path
    truth: Path
    """The .npz beside the video."""
    frames: int
    duration_s: float


def film(settings: DemoSettings, target: Path, progress: Progress | None = None) -> Film:
    """Film a demo clip into `target` (.mp4) and write its truth to the same name with `.npz`.

    Raises:
        OutputError: not an .mp4 name, or a folder that cannot be written to.
        VideoError: impossible settings.
        SynthesisError: no speech engine is installed.
    """
    if target.suffix.lower() != ".mp4":
        raise OutputError(f"{target}: the demo speaker is written as .mp4; change the name")
    clip = demo_clip(settings)
    fps = Fraction(settings.fps).limit_denominator(1001)
    footage = Footage(clip.truth.times_s, clip.frames(), fps, clip.spoken.samples, clip.spoken.sample_rate)
    write_video(target, footage, (lambda share: progress(share, "filming")) if progress else None)
    truth = target.with_suffix(".npz")
    clip.save_truth(truth)
    return Film(target, truth, len(clip.truth.times_s), settings.seconds)
