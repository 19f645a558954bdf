# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound files as mono 16 kHz blocks, in bounded memory, with every bad file a clear error.

Reads what libsndfile reads: WAV, FLAC, OGG (Vorbis, Opus), MP3, AIFF and others, at any rate and channel count.
soundfile and soxr are imported when a sound is opened, so that a command line that only prints help stays quick.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..core.errors import SoundError
from .features import SAMPLE_RATE

if TYPE_CHECKING:
    from soundfile import SoundFile

Floats = NDArray[np.float32]

LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000
"""Sample rates outside are a damaged header, not a sound."""
LONGEST_S = 24 * 3600.0
BLOCK_S = 10.0
LOUDEST = 1e6
"""Float files may exceed full scale; beyond this (120 dB over) the samples are garbage."""
EXACT_FORMATS = frozenset({"FLAC", "WAV", "WAVEX", "RF64", "W64", "AIFF"})
"""Their headers state the exact number of frames; compressed streams state an estimate."""
UNKNOWN_BYTES = 0x7FFF_0000
"""Recorders that stream a WAV write a size from here up; libsndfile then goes by the file's real size."""
CANCELLED = 0.05
"""Channels whose mean keeps less than this of their power cancel out; one of eight alone keeps 0.125."""
KINDS = "WAV, FLAC, OGG, Opus or MP3"


@dataclass(frozen=True, slots=True)
class SoundInfo:
    """What the header of a sound file says."""

    path: Path
    sample_rate: int
    channels: int
    frames: int
    """Frames the header promises; an estimate for compressed formats."""
    exact: bool
    """Whether fewer frames than promised mean a damaged file."""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate


def read_info(path: Path) -> SoundInfo:
    """Return what the header says.

    Raises:
        SoundError: missing, not a file, empty, unreadable, or an impossible header.
    """
    with _opened(path) as sound:
        return _checked_info(path, sound)


def stream_mono(path: Path, block_s: float = BLOCK_S, sample_rate: int = SAMPLE_RATE) -> Iterator[Floats]:
    """Yield a sound as consecutive blocks [N] of mono float32.

    Args:
        path: sound file.
        block_s: length of sound to read at a time; the blocks vary a little around it.
        sample_rate: of the blocks; that which networks hear where not told otherwise.

    Raises:
        SoundError: the file cannot be used; also in mid-stream, where it is damaged there.
    """
    from soxr import ResampleStream

    with _opened(path) as sound:
        info = _checked_info(path, sound)
        resampler = None
        if info.sample_rate != sample_rate:
            resampler = ResampleStream(info.sample_rate, sample_rate, 1, dtype="float32", quality="HQ")
        for block in _mono_blocks(sound, info, max(1, int(block_s * info.sample_rate))):
            resampled = block if resampler is None else resampler.resample_chunk(block)
            if len(resampled):
                yield resampled
        if resampler is not None:
            tail = resampler.resample_chunk(np.zeros(0, np.float32), last=True)
            if len(tail):
                yield tail


def load_mono(path: Path) -> Floats:
    """Return a whole sound [N] as mono float32 at `SAMPLE_RATE`; for clips known to be short."""
    return np.concatenate(list(stream_mono(path)))


def _opened(path: Path) -> "SoundFile":
    """Open a sound file after the checks whose answer libsndfile words badly."""
    if not path.exists():
        raise SoundError(f"{path}: no such sound file; check the path")
    if not path.is_file():
        raise SoundError(f"{path} is not a file; give a {KINDS} file")
    try:
        if path.stat().st_size == 0:
            raise SoundError(f"{path} is empty (0 bytes); record or export the sound again")
        with path.open("rb"):
            pass
    except OSError as error:
        raise SoundError(f"cannot read {path}: {error.strerror}; check its permissions") from error
    try:
        import soundfile
    except ImportError as error:
        raise SoundError("the package soundfile is missing; install lipsync3d[inference]") from error
    try:
        return soundfile.SoundFile(str(path))
    except (soundfile.LibsndfileError, TypeError, ValueError) as error:
        raise SoundError(f"{path} is not a sound file that can be read ({_reason(error)}); give {KINDS}") from error


def _checked_info(path: Path, sound: "SoundFile") -> SoundInfo:
    info = SoundInfo(path, sound.samplerate, sound.channels, sound.frames, sound.format in EXACT_FORMATS)
    if not LOWEST_RATE <= info.sample_rate <= HIGHEST_RATE:
        raise SoundError(
            f"{path}: sample rate {info.sample_rate} Hz is impossible; the file is damaged, export it again"
        )
    # libsndfile answers its largest integer where a stream states no length
    if info.frames < 2**62 and info.duration_s > LONGEST_S:
        raise SoundError(
            f"{path} is {info.duration_s / 3600:.0f} h long by its header; cut it into parts of at most 24 h"
        )
    shorter = re.search(r"data : (\d+) \(should be (\d+)\)", sound.extra_info)
    if shorter and int(shorter[2]) < int(shorter[1]) < UNKNOWN_BYTES:
        raise SoundError(
            f"{path} is truncated: {shorter[2]} of {shorter[1]} bytes of sound are there; copy or export it again"
        )
    return info


def _mono_blocks(sound: "SoundFile", info: SoundInfo, block: int) -> Iterator[Floats]:
    """Yield checked blocks of the mean of all channels at the file's own rate."""
    done = 0
    while True:
        frames = _read_block(sound, info, block)
        if not len(frames):
            break
        if not np.isfinite(frames).all():
            raise SoundError(
                f"{info.path} holds NaN or infinite samples near {done / info.sample_rate:.1f} s; export it again"
            )
        if np.abs(frames).max() > LOUDEST:
            raise SoundError(
                f"{info.path} holds impossible samples near {done / info.sample_rate:.1f} s; export it again"
            )
        done += len(frames)
        if done > LONGEST_S * info.sample_rate:
            raise SoundError(f"{info.path} is longer than 24 h; cut it into parts")
        yield _mixed(frames)
    if not done:
        raise SoundError(f"{info.path} holds no sound (0 s); record or export it again")
    if info.exact and done < info.frames < 2**62:
        raise SoundError(
            f"{info.path} is truncated: {done / info.sample_rate:.1f} s of {info.duration_s:.1f} s could be read; "
            "copy or export it again"
        )


def _mixed(frames: Floats) -> Floats:
    """Return the mean of the channels [N], or the loudest of them where they cancel out (a swapped polarity)."""
    mean = frames.mean(axis=1)
    powers = np.square(frames).mean(axis=0)
    if np.square(mean).mean() < CANCELLED * powers.mean():
        return np.ascontiguousarray(frames[:, powers.argmax()])
    return mean


def _read_block(sound: "SoundFile", info: SoundInfo, block: int) -> Floats:
    from soundfile import LibsndfileError

    try:
        return np.asarray(sound.read(block, dtype="float32", always_2d=True), np.float32)
    except LibsndfileError as error:
        raise SoundError(f"{info.path} is damaged ({_reason(error)}); copy or export it again") from error


def _reason(error: Exception) -> str:
    """Return libsndfile's own words without its full stop."""
    return str(getattr(error, "error_string", error)).strip().rstrip(".")
