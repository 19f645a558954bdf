# SPDX-License-Identifier: GPL-3.0-or-later
"""Lips in eight languages: do closures and openings fall on the words that contain them?

`speech/languages` has one sentence a language, with the times of its words (a recogniser's, to about 50 ms). A word is
said to contain a closure or an opening where eSpeak NG says p b m, or an open vowel, in it. Of words with p b m, those
with the lips closed in their time; of closures shown, those in the time of a word with p b m or f v, or in a pause; of
words with an open vowel, those with the lips open over 2 mm. The score is the mean of those of the three
that the sentence has. One sentence a language is little: the counts stand beside the shares.
"""

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.core.face import canonical_face, lip_gap_cm
from backend.speech.phones import BILABIAL, LABIODENTAL, OPEN_VOWELS
from backend.speech.pronunciation import pronounce

from ..lips import CLOSED_MM, EARLY_S, LATE_S, OPEN_MM
from .ways import Clip, Way

FPS = 30.0
PAUSE_S = 0.2
VOICES = {"en": "en-us", "pt": "pt-br"}
KANA = {
    "客観": "きゃっかん", "的": "てき", "実在": "じつざい", "の": "の", "判断": "はんだん", "知識": "ちしき",
    "が": "が", "成立": "せいりつ", "する": "する", "で": "で", "ある": "ある",
}  # fmt: skip
"""How the words of the Japanese sentence are read: eSpeak NG knows kana only."""
Figures = dict[str, Any]


@dataclass(frozen=True)
class TimedWord:
    """A word that is said."""

    start_s: float
    end_s: float
    phones: frozenset[str]


def measure(languages: Path, listen: Way) -> dict[str, Figures]:
    """Return language -> figures of one way of listening."""
    told = json.loads((languages / "transcripts.json").read_text(encoding="utf-8"))["tests"]["language_tests"]
    found: dict[str, Figures] = {}
    for each in told:
        code = str(each["language"])
        voice = VOICES.get(code, code)
        words = [TimedWord(row["start_sec"], row["end_sec"], _phones(row["word"], voice)) for row in each["words"]]
        text = " ".join(KANA.get(row["word"], row["word"]) for row in each["words"])
        answer = listen(Clip(languages / f"{code}.wav", text, voice))
        times = np.arange(0, answer.duration_s, 1 / FPS)
        gap_mm = 10 * lip_gap_cm(canonical_face().neutral_cm + answer.mover(times))
        found[code] = figures(words, times, gap_mm)
    english = found["en"]["score"]
    return {code: {**row, "of_english": row["score"] / english} for code, row in found.items()}


def _phones(word: str, voice: str) -> frozenset[str]:
    said = pronounce(KANA.get(word, word), voice)
    return frozenset(phone for part in said for phone in part.phones)


def figures(words: list[TimedWord], times: NDArray[np.float64], gap_mm: NDArray[np.float32]) -> Figures:
    """Return the figures of one sentence."""
    closing = [word for word in words if word.phones & BILABIAL]
    opening = [word for word in words if word.phones & OPEN_VOWELS]
    closed = sum(bool((gap_mm[_near(word, times)] < CLOSED_MM).any()) for word in closing)
    opened = sum(bool((gap_mm[_near(word, times)] > OPEN_MM).any()) for word in opening)
    allowed = (times < words[0].start_s) | (times > words[-1].end_s)
    for word in words:
        if word.phones & (BILABIAL | LABIODENTAL):
            allowed |= _near(word, times)
    for before, after in pairwise(words):
        if after.start_s - before.end_s > PAUSE_S:
            allowed |= (times > before.end_s - LATE_S) & (times < after.start_s + LATE_S)
    runs = _runs(gap_mm < CLOSED_MM)
    inside = [run for run in runs if _counted(run, times, words)]
    true = sum(bool(allowed[first:past].any()) for first, past in inside)
    parts = ((closed, len(closing)), (true, len(inside)), (opened, len(opening)))
    shares = [good / due for good, due in parts if due]
    return {
        "closed": closed, "closed_of": len(closing),
        "closures_true": true, "closures": len(inside),
        "open": opened, "open_of": len(opening),
        "score": float(np.mean(shares)),
    }  # fmt: skip


def _counted(run: tuple[int, int], times: NDArray[np.float64], words: list[TimedWord]) -> bool:
    """Return whether a closed run lies in speech."""
    return bool(times[run[0]] > words[0].start_s and times[run[1] - 1] < words[-1].end_s)


def _near(word: TimedWord, times: NDArray[np.float64]) -> NDArray[np.bool_]:
    return (times >= word.start_s - EARLY_S) & (times <= word.end_s + LATE_S)


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.diff(np.concatenate([[0], flags.astype(int), [0]]))
    return list(zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True))
