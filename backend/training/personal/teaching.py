# SPDX-License-Identifier: GPL-3.0-or-later
"""Who teaches SelfTalk: the recogniser a user chose, and the texts of the clips where there are some."""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import VideoError
from ...inference.bundle import open_bundle
from ...inference.transcript import read_text
from ..evaluation.truth import find_word_files, spelled, words_of
from .clips import Clips, TrainClip
from .recogniser import PhoneRecogniser
from .selftalk import Teacher
from .wav2vec import Wav2VecRecogniser

TEXT_ENDING = ".txt"


@dataclass(frozen=True, slots=True)
class Teaching:
    """What a user gave to teach by; nothing of it is needed."""

    transcripts: Path | None = None
    """Folder of what is said: NAME.align (words with times) or NAME.txt for a video or sound NAME."""
    language: str = ""
    """Of the transcripts, as eSpeak NG names it; empty: American English."""
    recogniser: Path | None = None
    """Folder of a wav2vec 2.0 CTC checkpoint; None: the universal speech encoder."""


def teacher_for(clips: Clips, teaching: Teaching) -> Teacher:
    """Return the teacher of clips.

    Raises:
        VideoError: a folder of transcripts without one for these clips, or a damaged one.
        BundleError: a checkpoint that cannot be used.
    """
    if teaching.recogniser is not None:
        recogniser = Wav2VecRecogniser(teaching.recogniser)
    else:
        recogniser = PhoneRecogniser(open_bundle(), teaching.language)
    return Teacher(recogniser, texts_of(clips, teaching.transcripts))


def texts_of(clips: Clips, folder: Path | None) -> tuple[str, ...]:
    """Return the text of each clip, empty where not known.

    Word files tell what is said in each piece of a video; a plain text is used where its video is a single clip.

    Raises:
        VideoError: nothing there for these clips, or damaged.
    """
    if folder is None:
        return ("",) * len(clips.clips)
    word_files = find_word_files([folder])
    plain = {file.stem: file for file in sorted(folder.rglob(f"*{TEXT_ENDING}"))}
    pieces = Counter(clip.name for clip in clips.clips)
    found = tuple(_text(clip, word_files, plain if pieces[clip.name] == 1 else {}) for clip in clips.clips)
    if not any(found):
        raise VideoError(f"{folder}: no .align or .txt file named as any of the clips; check the folder")
    return found


def _text(clip: TrainClip, word_files: dict[str, Path], plain: dict[str, Path]) -> str:
    if clip.name in word_files:
        return spelled(words_of(clip, word_files))
    return read_text(str(plain[clip.name]), VideoError) if clip.name in plain else ""


def fingerprint(teacher: Teacher) -> str:
    """Return what tells this teacher from others."""
    return hashlib.sha256(json.dumps([teacher.recogniser.name, teacher.texts]).encode()).hexdigest()
