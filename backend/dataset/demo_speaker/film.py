# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a demo clip as H.264 and AAC in MP4, sound in step with the picture, and the truth beside it."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer

from ...core.errors import OutputError
from ...core.files import written_beside
from ...core.types import Floats
from .clip import DemoClip, DemoSettings, demo_clip

Progress = Callable[[float, str], None]
VIDEO_QUALITY = "17"
"""Constant rate factor of x264; 18 is near lossless to the eye."""
TIME_BASE = Fraction(1, 90_000)


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
    with written_beside(target) as beside, av.open(str(beside), "w", format="mp4") as container:
        _write(clip, container, progress)
    truth = target.with_suffix(".npz")
    clip.save_truth(truth)
    return Film(target, truth, len(clip.truth.times_s), settings.seconds)


def _write(clip: DemoClip, container: OutputContainer, progress: Progress | None) -> None:
    settings = clip.settings
    video = container.add_stream("libx264", rate=Fraction(settings.fps).limit_denominator(1001))
    video.width = video.height = settings.size
    video.pix_fmt = "yuv420p"
    video.time_base = TIME_BASE
    video.codec_context.time_base = TIME_BASE
    video.options = {"crf": VIDEO_QUALITY, "preset": "veryfast", "threads": "1"}
    audio = container.add_stream("aac", rate=clip.spoken.sample_rate, layout="mono")
    audio.bit_rate = 128_000
    count = len(clip.truth.times_s)
    said = 0
    for index, rgb in enumerate(clip.frames()):
        picture = av.VideoFrame.from_ndarray(rgb, format="rgb24")
        picture.pts = round(clip.truth.times_s[index] / TIME_BASE)
        picture.time_base = TIME_BASE
        container.mux(video.encode(picture))
        # sound goes in beside the picture, so that players need not jump about in the file
        until = round((index + 1) / count * len(clip.spoken.samples))
        container.mux(audio.encode(_sound(clip.spoken.samples[said:until], clip.spoken.sample_rate, said)))
        said = until
        if progress:
            progress((index + 1) / count, "filming")
    container.mux(video.encode())
    container.mux(audio.encode())


def _sound(samples: Floats, sample_rate: int, first: int) -> av.AudioFrame:
    sound = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="fltp", layout="mono")
    sound.sample_rate = sample_rate
    sound.time_base = Fraction(1, sample_rate)
    sound.pts = first
    return sound
