# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate's ear: whether a sound is there, where it is loud, and whether it is clipped."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..audio.decode import read_info, stream_mono
from ..core.errors import SoundError

WINDOW_S = 0.02
SILENT_DB = -55.0
"""Level under which a window holds nothing to be heard."""
UNDER_SPEECH_DB = 25.0
"""A window this far below the loud ones is a pause."""
OVER_NOISE_DB, LEAST_SPAN_DB = 8.0, 12.0
"""So is one this near to the quiet ones, unless loud and quiet hardly differ."""
FULL_SCALE = 0.9995
SHORTEST_CLIP = 3
"""Samples at full scale in a row that a wave's own crest does not have."""
CLIPS_A_SECOND = 2.0


@dataclass(frozen=True)
class SoundOnDisk:
    """A sound, heard once."""

    duration_s: float
    level_db: NDArray[np.float64]
    """[W] RMS of each `WINDOW_S`, relative to full scale."""
    clips: int
    """Runs of samples at full scale."""

    @property
    def loud(self) -> NDArray[np.bool_]:
        """[W]: whether there is sound, rather than a pause or noise far beneath."""
        if not len(self.level_db):
            return np.zeros(0, bool)
        quiet, high = np.percentile(self.level_db, [5, 95])
        noise = min(quiet + OVER_NOISE_DB, high - LEAST_SPAN_DB)
        return self.level_db > max(SILENT_DB, high - UNDER_SPEECH_DB, noise)


def read_sound(path: Path) -> SoundOnDisk:
    """Return what is heard in a file.

    Raises:
        SoundError: it cannot be read.
    """
    rate = read_info(path).sample_rate
    window = max(1, round(WINDOW_S * rate))
    levels: list[NDArray[np.float64]] = []
    held = np.zeros(0, np.float32)
    samples = clips = run = 0
    for block in stream_mono(path, sample_rate=rate):
        samples += len(block)
        more, run = _clips(np.abs(block) >= FULL_SCALE, run)
        clips += more
        held = np.concatenate([held, block])
        whole = len(held) // window * window
        levels.append(_level_db(held[:whole].reshape(-1, window)))
        held = held[whole:]
    if not samples:
        raise SoundError(f"{path} holds no sound (0 s); record or export it again")
    return SoundOnDisk(samples / rate, np.concatenate(levels), clips)


def sound_faults(sound: SoundOnDisk) -> Iterator[tuple[str, str]]:
    """Yield name and sentence of each fault."""
    if not sound.loud.any():
        peak = float(sound.level_db.max(initial=-120.0))
        yield "silence", f"nothing is to be heard in the sound: its loudest moment is at {max(peak, -120):.0f} dB"
    if sound.clips > CLIPS_A_SECOND * sound.duration_s:
        yield "clipping", f"the sound is clipped at {sound.clips} places in {sound.duration_s:.1f} s"


def _level_db(frames: NDArray[np.float32]) -> NDArray[np.float64]:
    return 10.0 * np.log10(np.square(frames.astype(np.float64)).mean(axis=1) + 1e-12)


def _clips(full: NDArray[np.bool_], run: int) -> tuple[int, int]:
    """Return the runs at full scale that become long enough in a block, and the length of that at its end.

    Args:
        full: [N] whether each sample is at full scale.
        run: length of the run that the block before ended in.
    """
    if not full.any():
        return 0, 0
    edges = np.diff(np.concatenate([[0], full.astype(np.int8), [0]]))
    firsts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    lengths = ends - firsts
    before = np.zeros(len(lengths), np.int64)
    if firsts[0] == 0:
        before[0] = run
    counted = int(((lengths + before >= SHORTEST_CLIP) & (before < SHORTEST_CLIP)).sum())
    return counted, int((lengths + before)[-1]) if ends[-1] == len(full) else 0
