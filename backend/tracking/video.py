# SPDX-License-Identifier: GPL-3.0-or-later
"""Video files as frames with true presentation times, and their sound on the same time axis.

Time 0 is the first picture. Rotation flags of phones are applied. Reads whatever FFmpeg reads, through PyAV, in bounded
memory. Must not import mediapipe.
"""

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from ..core.errors import VideoError
from ..core.types import Floats

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

SOUND_RATE = 16_000
"""Samples a second of `sound`; what the speech features of this project are made of."""
PICTURE_CODECS = frozenset({"png", "mjpeg", "bmp", "tiff", "webp", "gif", "jpeg2000", "ppm"})
"""Codecs of single pictures; a container with one such frame is a photograph or the cover of a song."""
SEEK_MARGIN_S = 2.0
MICROSECOND = Fraction(1, 1_000_000)
"""FFmpeg's own unit, for streams that state none."""
UNTAGGED = 2
"""Of a video that does not say how its colours are coded; FFmpeg takes it for BT.601."""
LARGEST_GAP_S = 0.05
"""Sound that comes later than this after the sound before it is preceded by silence."""


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video file is, upright."""

    path: Path
    width: int
    """Pixels across, after rotation."""
    height: int
    fps: float
    """Average frames a second; the frames carry their own times."""
    duration_s: float
    rotation: int
    """Degrees counter-clockwise, a multiple of 90, by which the stored picture is turned for display."""
    has_sound: bool
    start_s: float
    """Time stamp of the first picture in the file, which becomes time 0."""
    pixel_aspect: Fraction = Fraction(1)
    """Width over height of an upright pixel as shown."""
    matrix: int = UNTAGGED
    """Code of ITU-T H.273 for how its colours are coded, as tagged; the frames are decoded by it."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture."""

    time_s: float
    """Presentation time from the first picture."""
    rgb: NDArray[np.uint8]
    """[H, W, 3] upright sRGB."""


def read_info(path: Path) -> VideoInfo:
    """Return what a video is, after decoding its first picture.

    Raises:
        VideoError: missing, damaged, without picture, or a single picture.
    """
    with _opened(path) as container:
        stream = _picture(path, container)
        with closing(_pictures(container, stream)) as pictures:
            first = next(pictures, None)
        if first is None:
            raise VideoError(f"{path}: no picture in it can be decoded; export it again")
        turned = _rotation(first)
        duration_s = _duration_s(container, stream)
        if duration_s <= 0 or (stream.frames == 1) or "image2" in container.format.name:
            raise VideoError(f"{path}: a still picture; give a video of the speaker talking")
        aspect = stream.sample_aspect_ratio or Fraction(1)
        size = (first.height, first.width) if turned % 180 else (first.width, first.height)
        return VideoInfo(
            path=path,
            width=size[0],
            height=size[1],
            fps=float(stream.average_rate or stream.guessed_rate or 25),
            duration_s=duration_s,
            rotation=turned,
            has_sound=bool(container.streams.audio),
            start_s=float(first.time or 0.0),
            pixel_aspect=1 / aspect if turned % 180 else aspect,
            matrix=int(first.colorspace),
        )


def frames(info: VideoInfo, start_s: float = 0.0, end_s: float = np.inf, longest_px: int = 0) -> Iterator[Frame]:
    """Yield the pictures with start_s <= time < end_s in order of presentation.

    Args:
        info: the video.
        start_s: time to begin at; the file is sought, not decoded from its beginning, where its format allows.
        end_s: time to stop before.
        longest_px: scale pictures down to this longer side; 0 leaves them as they are.

    Raises:
        VideoError: the file has vanished. Damage in mid-stream only loses the pictures it hits.
    """
    with _opened(info.path) as container:
        stream = _picture(info.path, container)
        if not _sought(container, stream, info.start_s + start_s):
            container.seek(0, backward=True)
        latest_s = -np.inf
        for picture in _pictures(container, stream):
            time_s = float(picture.time if picture.pts is not None else latest_s + 1 / info.fps) - info.start_s
            if time_s >= end_s:
                return
            if time_s < start_s or time_s <= latest_s:
                continue
            latest_s = time_s
            yield Frame(time_s, _upright(picture, info.rotation, longest_px))


def sound(info: VideoInfo, start_s: float = 0.0, end_s: float = np.inf) -> Floats:
    """Return the sound [N] between two times, mono at `SOUND_RATE`, sample 0 at `start_s` of the frames' time axis.

    Silence fills what the file has no sound for, up to `end_s` or the end of the sound.

    Raises:
        VideoError: the video has no sound.
    """
    blocks: list[Floats] = []
    filled = 0
    for time_s, block in _sound_blocks(info, start_s):
        offset = round((time_s - start_s) * SOUND_RATE)
        if not blocks or offset - filled > LARGEST_GAP_S * SOUND_RATE:
            gap = max(offset - filled, 0)
            blocks.append(np.zeros(gap, np.float32))
            block = block[max(filled - offset, 0) :]  # noqa: PLW2901  (sound from before the first picture)
            filled += gap
        blocks.append(block)
        filled += len(block)
        if filled >= (end_s - start_s) * SOUND_RATE:
            break
    samples = np.concatenate([*blocks, np.zeros(0, np.float32)])
    return samples if end_s == np.inf else samples[: round((end_s - start_s) * SOUND_RATE)]


def _sound_blocks(info: VideoInfo, start_s: float) -> Iterator[tuple[float, Floats]]:
    """Yield (time, samples) from the block that holds `start_s` on."""
    import av

    with _opened(info.path) as container:
        if not container.streams.audio:
            raise VideoError(f"{info.path}: no sound; training needs the speaker's voice with the picture")
        stream = container.streams.audio[0]
        if start_s > SEEK_MARGIN_S:
            container.seek(_stamp(stream, info.start_s + start_s - SEEK_MARGIN_S), stream=stream)
        resampler = av.AudioResampler(format="fltp", rate=SOUND_RATE)
        time_s = -info.start_s
        for piece in _heard(container, stream):
            time_s = float(piece.time) - info.start_s if piece.time is not None else time_s
            piece.pts = None  # stamps that jitter by a sample make the resampler pad and trim
            length_s = piece.samples / piece.sample_rate
            if time_s + length_s > start_s:
                for block in resampler.resample(piece):
                    yield time_s, block.to_ndarray().mean(axis=0)  # FFmpeg's own mono is 3 dB louder and clips
            time_s += length_s


@contextmanager
def _opened(path: Path) -> "Generator[InputContainer]":
    import av
    from av.error import FFmpegError

    if not path.is_file():
        raise VideoError(f"{path}: no such file")
    try:
        container = av.open(str(path), metadata_errors="replace")
    except (FFmpegError, ValueError) as error:
        raise VideoError(f"{path}: not a video that can be read, or damaged ({_reason(error)})") from error
    try:
        yield container
    finally:
        container.close()


def _picture(path: Path, container: "InputContainer") -> "VideoStream":
    streams = [stream for stream in container.streams.video if not _is_cover(container, stream)]
    if not streams:
        raise VideoError(f"{path}: no picture, only sound; give a video that shows the speaker")
    streams[0].thread_type = "AUTO"
    return streams[0]


def _is_cover(container: "InputContainer", stream: "VideoStream") -> bool:
    """Songs carry their cover as a one-picture video stream."""
    return bool(container.streams.audio) and stream.codec_context.name in PICTURE_CODECS and stream.frames <= 1


def _decoded(container: "InputContainer", stream: "VideoStream | AudioStream") -> "Generator[VideoFrame | AudioFrame]":
    """Yield frames in order, stepping over packets that are damaged; end where the container breaks off."""
    from av.error import FFmpegError

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except FFmpegError:
            return
        if packet is None:
            return
        try:
            frames_inside = packet.decode()
        except FFmpegError:
            continue
        yield from cast("list[VideoFrame | AudioFrame]", frames_inside)


def _pictures(container: "InputContainer", stream: "VideoStream") -> "Generator[VideoFrame]":
    yield from cast("Generator[VideoFrame]", _decoded(container, stream))


def _heard(container: "InputContainer", stream: "AudioStream") -> "Generator[AudioFrame]":
    yield from cast("Generator[AudioFrame]", _decoded(container, stream))


def _stamp(stream: "VideoStream | AudioStream", time_s: float) -> int:
    return int(time_s / (stream.time_base or MICROSECOND))


def _sought(container: "InputContainer", stream: "VideoStream", time_s: float) -> bool:
    """Go to just before a time; return whether a picture before it can be decoded there."""
    from av.error import FFmpegError

    if time_s <= SEEK_MARGIN_S:
        return True
    stamp = _stamp(stream, time_s - SEEK_MARGIN_S)
    try:
        container.seek(stamp, stream=stream, backward=True)
        first = next(_pictures(container, stream), None)
        fits = first is not None and first.pts is not None and first.time <= time_s
        container.seek(stamp, stream=stream, backward=True)
    except FFmpegError:
        return False
    return fits


def _duration_s(container: "InputContainer", stream: "VideoStream") -> float:
    if stream.duration:
        return float(stream.duration * (stream.time_base or MICROSECOND))
    return float(container.duration or 0) / 1e6


def _rotation(picture: "VideoFrame") -> int:
    return round(picture.rotation / 90) * 90 % 360


def _upright(picture: "VideoFrame", rotation: int, longest_px: int) -> NDArray[np.uint8]:
    scale = min(1.0, longest_px / max(picture.width, picture.height)) if longest_px else 1.0
    rgb = picture.to_ndarray(format="rgb24", width=round(picture.width * scale), height=round(picture.height * scale))
    return np.ascontiguousarray(np.rot90(rgb, rotation // 90), np.uint8)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
