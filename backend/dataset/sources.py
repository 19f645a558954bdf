# SPDX-License-Identifier: GPL-3.0-or-later
"""Which videos are to be prepared, what they are, and into which clips they are split."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core.errors import LipSyncError, VideoError
from ..tracking.video import VideoInfo, read_info

VIDEO_ENDINGS = frozenset({".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".wmv", ".ts", ".3gp"})
LONGEST_CLIP_S = 30.0
LONGEST_CLIP_FRAMES = 900
"""A clip's atlases lie in memory together; faster cameras get shorter clips."""
BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """One usable video file."""

    info: VideoInfo
    sha256: str


@dataclass(frozen=True, slots=True)
class Clip:
    """A piece of a video that becomes one shard."""

    source: Source
    index: int
    start_s: float
    end_s: float
    """Infinite for the last piece."""

    @property
    def name(self) -> str:
        """File name of the shard, without folder."""
        return f"{self.source.info.path.stem}-{self.source.sha256[:8]}-{self.index:03d}.safetensors"

    @property
    def length_s(self) -> float:
        """How much video it is, about."""
        return min(self.end_s, self.source.info.duration_s) - self.start_s


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that nothing can be learnt from."""

    path: Path
    reason: str


def find_videos(paths: Sequence[Path]) -> list[Path]:
    """Return the files meant by files and folders, sorted within each folder.

    Raises:
        VideoError: a folder without videos.
    """
    found: list[Path] = []
    for path in paths:
        inside = (
            sorted(file for file in path.rglob("*") if file.suffix.lower() in VIDEO_ENDINGS)
            if path.is_dir()
            else [path]
        )
        if not inside:
            raise VideoError(f"{path}: no videos in this folder")
        found.extend(inside)
    return list(dict.fromkeys(found))


def open_sources(paths: Sequence[Path], progress: Callable[[float], None]) -> tuple[list[Source], list[Refusal]]:
    """Return the videos that can be used and those that cannot, each file's content once."""
    sources: dict[str, Source] = {}
    refused: list[Refusal] = []
    for done, path in enumerate(paths):
        progress(done / len(paths))
        try:
            info = read_info(path)
            if not info.has_sound:
                raise VideoError(f"{path}: no sound; training needs the speaker's voice with the picture")
        except LipSyncError as error:
            refused.append(Refusal(path, str(error).removeprefix(f"{path}: ")))
            continue
        digest = sha256(path)
        sources.setdefault(digest, Source(info, digest))
    return list(sources.values()), refused


def clips_of(source: Source) -> list[Clip]:
    """Return the clips of a video: equal pieces, none longer than half a minute."""
    info = source.info
    longest_s = min(LONGEST_CLIP_S, LONGEST_CLIP_FRAMES / max(info.fps, 1.0))
    count = max(1, int(np.ceil(info.duration_s / longest_s - 1e-6)))
    edges = [round(info.duration_s * piece / count, 3) for piece in range(count)] + [np.inf]
    return [Clip(source, piece, edges[piece], edges[piece + 1]) for piece in range(count)]


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
