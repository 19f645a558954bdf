# SPDX-License-Identifier: GPL-3.0-or-later
"""The clips that a model is judged by: shards, with the times of their words where files beside them tell."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...dataset.shards import read_arrays
from ..personal.clips import Clips, TrainClip
from .metrics import TrueClip
from .speech_time import Word, between_words, by_level, read_words

WORDS_ENDING = ".align"


def find_word_files(places: list[Path]) -> dict[str, Path]:
    """Return the word files beside videos, or in folders: name of the video -> file."""
    folders = list(dict.fromkeys(place if place.is_dir() else place.parent for place in places))
    return {file.stem: file for folder in folders for file in sorted(folder.rglob(f"*{WORDS_ENDING}"))}


def true_clip(clip: TrainClip, clips: Clips, word_files: dict[str, Path]) -> TrueClip:
    """Return what a clip is judged by; word times are brought to the axis of its own sound.

    Raises:
        VideoError: a damaged shard or word file.
    """
    words = words_of(clip, word_files)
    speaking = between_words(words, clip.times_s) if words else by_level(clip.log_mel, clip.times_s)
    return TrueClip(
        clip.name,
        clip.times_s,
        (clip.displacement_cm + clips.neutral_cm).astype(np.float32),
        clips.neutral_cm,
        speaking,
        words,
    )


def words_of(clip: TrainClip, word_files: dict[str, Path]) -> tuple[Word, ...]:
    """Return the words of a clip on the axis of its own sound; none where it has no word file.

    Raises:
        VideoError: a damaged shard or word file.
    """
    if clip.name not in word_files:
        return ()
    start_s = float(read_arrays(clip.path, ("sound_start_s",))["sound_start_s"][0])
    last_s = float(clip.times_s[-1]) if len(clip.times_s) else 0.0
    words = read_words(word_files[clip.name])
    moved = (replace(word, start_s=word.start_s - start_s, end_s=word.end_s - start_s) for word in words)
    return tuple(word for word in moved if word.end_s > 0 and word.start_s < last_s)


def spelled(words: Sequence[Word]) -> str:
    """Return words as a text; a single letter stands alone, so that it is said by its name and not as an article."""
    return " ".join(f", {word.text.upper()}," if len(word.text) == 1 else word.text for word in words)


def true_clips(clips: Clips, word_files: dict[str, Path]) -> list[TrueClip]:
    """Return what every clip is judged by."""
    return [true_clip(clip, clips, word_files) for clip in clips.clips]


def speech_told_by(truths: list[TrueClip]) -> str:
    """Return in words how speech was told from silence in these clips."""
    known = sum(bool(truth.words) for truth in truths)
    level = (
        "by the level of the sound (above the middle of its 10th and 95th percentile in dB, with pauses under 0.3 s)"
    )
    if known == len(truths):
        return "between the first and the last word of the word file"
    if known == 0:
        return level
    return f"between the first and the last word in {known} of {len(truths)} clips that have word files, else {level}"
