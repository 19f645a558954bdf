# SPDX-License-Identifier: GPL-3.0-or-later
"""A video of a speaker, saying something else: track it, predict the new speech, put the one into the other.

Two passes over the video, the first for the head, the second for the pictures, which are never all in memory; what is
kept of a frame are its landmarks, 6 kB.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
from numpy.typing import NDArray

from ..audio.decode import read_info as read_sound_info
from ..audio.decode import stream_mono
from ..core.errors import BundleError, OutputError
from ..core.timebase import exact_fps
from ..core.types import Floats
from ..dataset.video_file import Footage, write_video
from ..inference.bundle import open_bundle
from ..inference.predict import LISTENING_SHARE, Clip, Look, PredictRequest
from ..inference.predictors import open_predictor
from ..normalise.lighting import LightReference
from ..tracking.video import read_info
from .course import Course, Fit, course, restlessness
from .face_swap import FaceSwap, Swapped, SwapSettings
from .reel import shown
from .target import Target, bundle_speaker, look_at

LISTENED, TRACKED = 0.1, 0.4
"""Shares of the bar when the sound has been heard and the video tracked."""
HIGHEST_RATE = 48_000
"""Sounds of a higher sample rate are brought down to this, which is what AAC is made for."""
MESHES_AT_ONCE = 256

Report = Callable[[float, str], None]
Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class DubRequest:
    """What to dub."""

    bundle: str | Path
    """Folder of a personal bundle with texture."""
    video: Path
    """Of the bundle's speaker."""
    sound: Path
    """What shall be heard and seen said."""
    output: Path
    """`.mp4` to write."""
    fit: Fit = "loop"
    """Whether a video shorter than the sound goes back and forth, or both stop with the shorter."""
    device: str = "auto"
    """Where the networks run."""
    settings: SwapSettings = field(default_factory=SwapSettings)
    """Which steps to take."""


@dataclass(frozen=True)
class Dubbed:
    """What came of it."""

    output: Path
    frames: int
    kept: int
    """Frames left as they are, as they show no face or two."""
    seconds: float
    padded: bool
    """Whether a row or a column was repeated, as H.264 wants even sizes."""

    def summary(self) -> str:
        """Return one sentence for the terminal."""
        said = f"{self.output}: {self.frames} frames, {self.seconds:.2f} s"
        said += f"; {self.kept} frames without one face alone kept as they are" if self.kept else ""
        return said + ("; edge repeated by a pixel, as MP4 wants even sizes" if self.padded else "")


def dub(request: DubRequest, report: Report | None = None) -> Dubbed:
    """Dub a video, whole or not at all.

    Raises:
        BundleError: a bundle that predicts no texture, or is damaged.
        VideoError: a video that cannot be read, or shows no face.
        SoundError: a sound that cannot be used.
        OutputError: a file that cannot be written.
    """
    told = report or _silent
    check_output(request)
    speaker = bundle_speaker(request.bundle)
    clip, look = hear(request, lambda share: told(LISTENED * share, "listening"))
    end_s = clip.duration_s
    target = look_at(
        request.video, speaker, end_s, lambda share: told(LISTENED + (TRACKED - LISTENED) * share, "tracking")
    )
    track = target.track
    way = course(track.times_s, end_s, request.fit, restlessness(track.landmarks))
    padded = bool(target.info.width % 2 or target.info.height % 2)
    swapped = swapped_frames(target, speaker.light, (clip, look), way, request.settings)
    pictures = (_even(one.rgb) if padded else one.rgb for one in swapped)
    fps = exact_fps(target.info.fps)
    seconds = min(end_s, float(way.times_s[-1]) + 1 / target.info.fps)
    with _whole_sound(request.sound, seconds) as (samples, rate):
        footage = Footage(way.times_s, pictures, fps, samples, rate, target.info.pixel_aspect, target.info.matrix)
        write_video(request.output, footage, lambda share: told(TRACKED + (1 - TRACKED) * share, "dubbing"))
    kept = int((~target.dubbed[way.frames]).sum())
    return Dubbed(request.output, len(way.frames), kept, seconds, padded)


def _silent(_share: float, _stage: str) -> None:
    """Tell nobody."""


def check_output(request: DubRequest) -> None:
    """Raise before any work where the result could not be written.

    Raises:
        OutputError: not `.mp4`, no such folder, or one of the inputs.
    """
    output = request.output
    if output.suffix.lower() != ".mp4":
        raise OutputError(f"{output}: dubbed videos are MP4; give a name that ends in .mp4")
    if not output.parent.is_dir():
        raise OutputError(f"cannot write {output}: no such folder; make {output.parent} first")
    if any(
        output.exists() and source.exists() and output.samefile(source) for source in (request.video, request.sound)
    ):
        raise OutputError(f"{output} is one of the inputs; give another name")


def hear(request: DubRequest, progress: Callable[[float], None]) -> tuple[Clip, Look]:
    """Return the prediction for the sound of a request, and its look.

    Raises:
        BundleError: it predicts no texture.
        SoundError: a sound that cannot be used.
    """
    info = read_info(request.video)
    predictor = open_predictor(open_bundle(request.bundle), request.device)
    asked = PredictRequest(request.sound, info.fps)
    clip = predictor.prepare(asked, lambda share, _stage: progress(share / LISTENING_SHARE))
    if clip.look is None or clip.look.atlases is None:
        raise BundleError(f"{request.bundle} predicts no texture; train it without --no-texture to dub with it")
    return clip, clip.look


def swapped_frames(
    target: Target, light: LightReference, voice: tuple[Clip, Look], way: Course, settings: SwapSettings
) -> Iterator[Swapped]:
    """Yield the frames of a dubbed film one by one.

    Args:
        target: tracked video.
        light: reference light of the speaker.
        voice: prediction and look of `hear`.
        way: which frame is shown when.
        settings: which steps to take.
    """
    clip, look = voice
    if look.atlases is None:
        raise BundleError(f"bundle {clip.bundle} predicts no texture; train it without --no-texture to dub with it")
    swap = FaceSwap(light, settings)
    dubbed, shots = target.dubbed, target.track.shots
    pieces = range(0, len(way.frames), MESHES_AT_ONCE)
    meshes = chain.from_iterable(
        look.neutral_cm + clip.performance.displacement_cm(way.times_s[first : first + MESHES_AT_ONCE])
        for first in pieces
    )
    atlases = look.atlases(way.times_s)
    pictures = shown(target.info, target.track.times_s, way.frames)
    shot = -1
    for index, mesh, atlas, rgb in zip(way.frames.tolist(), meshes, atlases, pictures, strict=True):
        if shots[index] != shot or not dubbed[index]:
            swap.forget()
        shot = shots[index]
        if dubbed[index]:
            pose = target.pose.at(np.array([index]))
            yield swap.swap(rgb, target.track.landmarks[index], pose, mesh, atlas)
        else:
            yield Swapped(rgb, np.zeros(rgb.shape[:2], bool))


def _even(rgb: Picture) -> Picture:
    """Return a picture with its last row and column repeated where their number is odd."""
    height, width = rgb.shape[:2]
    return np.pad(rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


@contextmanager
def _whole_sound(path: Path, seconds: float) -> Generator[tuple[Floats, int]]:
    """Give the first seconds of a sound [N], mono, and its sample rate; kept in a file that vanishes, not in memory."""
    rate = min(HIGHEST_RATE, read_sound_info(path).sample_rate)
    with TemporaryFile(prefix="lipsync3d-") as file:
        count = 0
        for block in stream_mono(path, sample_rate=rate):
            wanted = block[: max(0, round(seconds * rate) - count)]
            file.write(np.ascontiguousarray(wanted, np.float32).data)
            count += len(wanted)
        file.flush()
        samples = np.memmap(file, np.float32, "r", shape=(count,)) if count else np.zeros(0, np.float32)
        yield samples, rate
