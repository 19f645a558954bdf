# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures and sound to a video file: H.264 and AAC in MP4, sound in step with the picture."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream
from numpy.typing import NDArray

from ..core.files import written_beside
from ..core.types import Floats
from ..tracking.video import UNTAGGED

VIDEO_QUALITY = "17"
"""Constant rate factor of x264; 18 is near lossless to the eye."""
BT709, BT601 = 1, (5, 6)
"""Codes of ITU-T H.273 of the matrix of colours."""
TIME_BASE = Fraction(1, 90_000)
SOUND_BIT_RATE = 128_000


@dataclass(frozen=True)
class Footage:
    """What is to be seen and heard."""

    times_s: NDArray[np.float64]
    """[T] when each picture is shown; the sound starts at 0."""
    pictures: Iterable[NDArray[np.uint8]]
    """T pictures [H, W, 3] sRGB, all of one even height and width; asked for one by one."""
    fps: Fraction
    samples: Floats
    """[N] mono, full scale 1."""
    sample_rate: int
    pixel_aspect: Fraction = Fraction(1)
    """Width over height of a pixel as shown."""
    matrix: int = UNTAGGED
    """How the colours are coded and tagged: BT.709, or BT.601 in whatever else; as `VideoInfo` has it."""


def write_video(target: Path, footage: Footage, progress: Callable[[float], None] | None = None) -> None:
    """Write a film, whole or not at all.

    Args:
        target: `.mp4`.
        footage: at least one picture.
        progress: called with the share (0-1) that is done.

    Raises:
        OutputError: a folder that cannot be written to.
    """
    with written_beside(target) as beside, av.open(str(beside), "w", format="mp4") as container:
        pictures = iter(footage.pictures)
        first = next(pictures)
        video, audio = _streams(container, footage, first.shape)
        count, said = len(footage.times_s), 0
        for index, rgb in enumerate(_chained(first, pictures)):
            picture = _coded(rgb, footage.matrix)
            picture.pts = round(footage.times_s[index] / TIME_BASE)
            picture.time_base = TIME_BASE
            container.mux(video.encode(picture))
            # sound goes in beside the picture, so that players need not jump about in the file
            until = round((index + 1) / count * len(footage.samples))
            if until > said:
                container.mux(audio.encode(_sound(footage.samples[said:until], footage.sample_rate, said)))
            said = until
            if progress:
                progress((index + 1) / count)
        container.mux(video.encode())
        container.mux(audio.encode())


def _chained(first: NDArray[np.uint8], rest: Iterator[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
    yield first
    yield from rest


def _streams(container: OutputContainer, footage: Footage, shape: tuple[int, ...]) -> tuple[VideoStream, AudioStream]:
    video = container.add_stream("libx264", rate=footage.fps)
    video.height, video.width = shape[:2]
    video.pix_fmt = "yuv420p"
    video.codec_context.sample_aspect_ratio = footage.pixel_aspect
    if footage.matrix in (BT709, *BT601):
        video.codec_context.colorspace = footage.matrix
    video.time_base = TIME_BASE
    video.codec_context.time_base = TIME_BASE
    video.options = {"crf": VIDEO_QUALITY, "preset": "veryfast", "threads": "1"}
    audio = container.add_stream("aac", rate=footage.sample_rate, layout="mono")
    audio.bit_rate = SOUND_BIT_RATE
    return video, audio


def _coded(rgb: NDArray[np.uint8], matrix: int) -> av.VideoFrame:
    """Return a picture as the encoder wants it, its colours coded by a matrix."""
    picture = av.VideoFrame.from_ndarray(rgb, format="rgb24")
    if matrix != BT709:
        return picture
    coded = picture.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
    coded.colorspace = matrix
    return coded


def _sound(samples: Floats, sample_rate: int, first: int) -> av.AudioFrame:
    sound = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None], np.float32), format="fltp", layout="mono")
    sound.sample_rate = sample_rate
    sound.time_base = Fraction(1, sample_rate)
    sound.pts = first
    return sound
