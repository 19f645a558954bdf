# SPDX-License-Identifier: GPL-3.0-or-later
"""Shards as what a training run reads: motion in the speaker's space, what is heard, and where the atlases lie."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.errors import VideoError
from ...core.types import Floats
from ...dataset.manifest import read_manifest
from ...dataset.shards import read_arrays
from ...models.lipsync3d import STEP_S

READ = ("times_s", "shot", "displacement_cm", "neutral_cm", "log_mel", "samples", "sound_start_s")


@dataclass(frozen=True)
class TrainClip:
    """One clip of T frames."""

    name: str
    """Of the video it was cut from, without ending."""
    path: Path
    """The shard, which holds the atlases."""
    times_s: NDArray[np.float64]
    """[T] from the start of the clip's sound."""
    shot: NDArray[np.int32]
    """[T] rises where the picture was cut."""
    displacement_cm: Floats
    """[T, 468, 3] from the speaker's neutral."""
    log_mel: Floats
    """[M, 80] at 100 Hz."""
    samples: NDArray[np.int16]
    """[N] at 16 kHz."""

    @property
    def steps(self) -> NDArray[np.float64]:
        """[T] where each frame lies among the 50 Hz features; step k answers for 10 ms frames 2 k and 2 k + 1."""
        return (self.times_s - STEP_S / 4) / STEP_S


@dataclass(frozen=True)
class Clips:
    """A folder of shards."""

    folder: Path
    neutral_cm: Floats
    """[468, 3] the speaker's closed-mouth face."""
    clips: tuple[TrainClip, ...]
    digest: str
    """SHA-256 over the names and contents that were read: the same data, the same digest."""

    def named(self, names: Iterable[str]) -> "Clips":
        """Return only the clips of some videos."""
        wanted = set(names)
        return Clips(self.folder, self.neutral_cm, tuple(c for c in self.clips if c.name in wanted), self.digest)

    def only(self, indices: Sequence[int]) -> "Clips":
        """Return some of the clips."""
        return Clips(self.folder, self.neutral_cm, tuple(self.clips[index] for index in indices), self.digest)


def load_clips(folder: Path, split: str | None = None) -> Clips:
    """Read the shards of a folder, without their atlases.

    Args:
        folder: of `prepare`.
        split: `train`, `validate`, or None for all.

    Raises:
        VideoError: no training data there, or damaged.
    """
    entries = [entry for entry in read_manifest(folder)["clips"] if split in (None, entry["split"])]
    neutral: Floats | None = None
    clips: list[TrainClip] = []
    digest = sha256()
    for entry in entries:
        path = folder / entry["shard"]
        arrays = read_arrays(path, READ)
        neutral = arrays["neutral_cm"]
        if len(arrays["times_s"]) < 2:
            continue
        start_s = float(arrays["sound_start_s"][0])
        clip = TrainClip(
            name=Path(entry["source"]).stem,
            path=path,
            times_s=arrays["times_s"] - start_s,
            shot=arrays["shot"],
            displacement_cm=np.asarray(arrays["displacement_cm"], np.float32),
            log_mel=arrays["log_mel"],
            samples=arrays["samples"],
        )
        for array in (clip.times_s, clip.displacement_cm, clip.samples):
            digest.update(np.ascontiguousarray(array).tobytes())
        clips.append(clip)
    if neutral is None or not clips:
        raise VideoError(f"{folder}: no clip with a usable face to learn from; prepare more video")
    return Clips(folder, neutral, tuple(clips), digest.hexdigest())
