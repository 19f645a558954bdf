# SPDX-License-Identifier: GPL-3.0-or-later
"""When a clip's speaker speaks: from the words' times where a file has them, else from the level of the sound."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...audio.features import FRAME_RATE_HZ
from ...core.errors import VideoError
from ...core.files import read_bounded_text
from ...core.types import Floats

ALIGN_UNITS_HZ = 25_000.0
"""Units of `.align` files (GRID corpus, Cooke et al. 2006) in a second."""
SILENCE = frozenset({"sil", "sp"})
LARGEST_FILE = 1 << 20
LEVEL_SHARE = 0.5
"""Sound is speech above this share of the way, in decibels, from the quiet percentile to the loud one."""
QUIET_PERCENTILE, LOUD_PERCENTILE = 10.0, 95.0
PAUSE_S = 0.3
"""Shorter pauses belong to the speech around them."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word with its time in the video."""

    start_s: float
    end_s: float
    text: str


def read_words(path: Path) -> tuple[Word, ...]:
    """Return the words of an `.align` file: start, end (1/25000 s) and word in each line; silences left out.

    Raises:
        VideoError: not such a file.
    """
    text = read_bounded_text(path, "word file", LARGEST_FILE, VideoError)
    words: list[Word] = []
    for number, line in enumerate(text.splitlines(), 1):
        parts = line.split()
        if not parts:
            continue
        try:
            start, end, word = int(parts[0]), int(parts[1]), parts[2]
        except (IndexError, ValueError) as error:
            raise VideoError(
                f"{path}, line {number}: not `START END WORD`; mend the line or take the file away"
            ) from error
        if word not in SILENCE:
            words.append(Word(start / ALIGN_UNITS_HZ, end / ALIGN_UNITS_HZ, word))
    return tuple(words)


def between_words(words: tuple[Word, ...], times_s: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return whether each time [T] lies between the first word's start and the last one's end."""
    return (times_s >= words[0].start_s) & (times_s <= words[-1].end_s)


def by_level(log_mel: Floats, times_s: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return whether each time [T] lies in speech, by the level of the sound [M, 80] that starts at 0 s."""
    if len(log_mel) == 0:
        return np.zeros(len(times_s), bool)
    level_db = 10 * np.log10(np.exp(log_mel.astype(np.float64)).mean(axis=1))
    quiet, loud = np.percentile(level_db, [QUIET_PERCENTILE, LOUD_PERCENTILE])
    heard = np.flatnonzero(level_db > quiet + LEVEL_SHARE * (loud - quiet))
    speech = np.zeros(len(level_db), bool)
    pause = PAUSE_S * FRAME_RATE_HZ
    for first, last in pairwise(heard.tolist()):
        if last - first <= pause:
            speech[first : last + 1] = True
    places = np.clip(np.round(times_s * FRAME_RATE_HZ).astype(int), 0, len(speech) - 1)
    return speech[places]
