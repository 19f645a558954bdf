# SPDX-License-Identifier: GPL-3.0-or-later
"""Both judges of lips, taught by the true lips of the training clips, and what they make of predicted ones."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.types import Floats
from ...inference.bundle import open_bundle
from ..personal.clips import Clips, TrainClip
from ..personal.loop import Checkpoint, Report
from ..personal.recogniser import PhoneRecogniser
from .lip_reader import LEAST_PHONES, LipReader, PhoneErrors, ReadClip, ReaderSettings, read_clip, train_reader
from .metrics import TrueClip
from .speech_time import Word
from .truth import spelled, words_of
from .word_reader import SLOTS, WordReader, chances, shares, spoken

TRUE_LIPS, OTHER_LIPS = "true lips", "true lips of another clip"
CHECKPOINT = "lip_reader.safetensors"
LEAST_SENTENCES = 40
"""Sentences of the corpus' six words below which nobody learns to tell the words."""
READING_DEFINITIONS = {
    "phone_error_rate": "phones that a lip-reader gets wrong (insertions, deletions, replacements) over phones said; "
    "it learnt on true lips of the training clips, is frozen and hears nothing. Best is what true lips reach, "
    "not 0, since many phones look alike; smooth lips can read better than true ones",
    "words": "share of words told from the lips alone within their slot's vocabulary, by discriminant analysis learnt "
    "on true lips; sentences of the GRID corpus only",
}


@dataclass(frozen=True)
class ClipReading:
    """What the judges make of one predictor's lips in one clip."""

    errors: PhoneErrors
    right: Mapping[str, bool]
    """Slot -> whether the word was told; empty where the clip is no such sentence."""


@dataclass(frozen=True)
class ReadingScore:
    """The same over all clips."""

    errors: PhoneErrors
    words: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        """Return plain values for a report."""
        words = {name: round(value, 4) for name, value in self.words.items()}
        return {"phone_error_rate": round(self.errors.rate, 4), **asdict(self.errors), "words": words}


@dataclass(frozen=True)
class LipJudges:
    """Both judges."""

    readers: tuple[LipReader, ...]
    """Their errors are added up."""
    words: WordReader | None
    """None: the training clips have no words, or too few."""
    chance: dict[str, float]
    recogniser: PhoneRecogniser
    known: dict[str, NDArray[np.int64]] = field(default_factory=dict[str, NDArray[np.int64]])
    """What is said in the clips that were judged, by shard."""

    def reading(self, clip: TrainClip, truth: TrueClip, displacement_cm: Floats) -> ClipReading:
        """Return what the judges make of a face [T, 468, 3] that shall say what the clip says."""
        key = clip.path.stem
        if key not in self.known:
            self.known[key] = _read(self.recogniser, clip, truth.words).text
        said = self.known[key]
        errors = [reader.errors(displacement_cm, truth.times_s, said) for reader in self.readers]
        right = self.words.right(spoken(displacement_cm, truth.times_s, truth.words)) if self.words else {}
        return ClipReading(sum(errors, PhoneErrors()), right)


def summarise_readings(readings: Sequence[ClipReading]) -> ReadingScore:
    """Return the figures over clips."""
    return ReadingScore(
        sum((one.errors for one in readings), PhoneErrors()), shares([dict(one.right) for one in readings])
    )


@dataclass(frozen=True)
class JudgeSchool:
    """What the judges learn from."""

    train: Clips
    held_out: Clips | None
    word_files: dict[str, Path]
    language: str = ""
    """Of the words, as eSpeak NG names it; empty: American English."""
    seeds: tuple[int, ...] = (0,)
    """One phone reader each."""
    reader: ReaderSettings = field(default_factory=ReaderSettings)


def teach_judges(school: JudgeSchool, folder: Path, report: Report | None = None) -> LipJudges | None:
    """Return the judges, or None where there is too little to learn from.

    Args:
        school: true lips.
        folder: where the phone readers are kept, so that they are taught once.
        report: told the progress.
    """
    recogniser = PhoneRecogniser(open_bundle(), school.language)
    words = {clip.path.stem: words_of(clip, school.word_files) for clip in school.train.clips}
    learnt = [_read(recogniser, clip, words[clip.path.stem]) for clip in school.train.clips]
    if sum(len(clip.text) for clip in learnt) < LEAST_PHONES:
        return None
    held_out = school.held_out.clips if school.held_out is not None else ()
    examined = [_read(recogniser, clip, words_of(clip, school.word_files)) for clip in held_out]
    readers: list[LipReader] = []
    for seed in school.seeds:
        settings = school.reader.of_seed(seed)
        said = [(clip.text.tolist(), clip.labels.tolist()) for clip in (*learnt, *examined)]
        key = json.dumps([school.train.digest, said, asdict(settings)], sort_keys=True)
        path = folder / CHECKPOINT if seed == 0 else folder / f"{seed}-{CHECKPOINT}"
        run = Checkpoint(path, hashlib.sha256(key.encode()).hexdigest())
        readers.append(train_reader(learnt, examined, settings, run, report))
    sentences = [
        spoken(clip.displacement_cm, clip.times_s, words[clip.path.stem])
        for clip in school.train.clips
        if len(words[clip.path.stem]) == len(SLOTS)
    ]
    enough = len(sentences) >= LEAST_SENTENCES
    return LipJudges(
        tuple(readers), WordReader(sentences) if enough else None, chances(sentences) if enough else {}, recogniser
    )


def _read(recogniser: PhoneRecogniser, clip: TrainClip, words: Sequence[Word]) -> ReadClip:
    return read_clip(clip.displacement_cm, clip.times_s, recogniser.spans(clip, spelled(words)))


def lips_of_another(clip: TrainClip, other: TrainClip) -> Floats:
    """Return the other clip's displacements at a clip's times [T, 468, 3], held at its end."""
    places = np.searchsorted(other.times_s, clip.times_s - 1e-6)
    return other.displacement_cm[np.minimum(places, len(other.times_s) - 1)]
