# SPDX-License-Identifier: GPL-3.0-or-later
"""Speech made here, with exact phone times: our sentences and generated words in many languages and voices."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from ...audio.features import SAMPLE_RATE, log_mel
from ...core.types import PhoneSpan
from ...speech.phones import SILENCE
from ...speech.synthesis import synthesise
from .data import LISTS, frame_labels

SENTENCES = LISTS / "sentences.txt"
SPEAKERS = (
    "", "+f1", "+f2", "+f3", "+f4", "+f5", "+m1", "+m2", "+m3", "+m4", "+m5", "+m6", "+m7", "+m8", "+klatt", "+klatt2",
    "+klatt4", "+klatt6", "+Alicia", "+Andrea", "+Annie", "+Denis", "+Diogo", "+Gene", "+Hugo", "+Jacky", "+Lee",
    "+Mario", "+Michael", "+Mike", "+Nguyen", "+Storm", "+adam", "+anika", "+belinda", "+benjamin", "+boris", "+caleb",
    "+david", "+ed", "+edward", "+gustave", "+ian", "+iven", "+john", "+linda", "+marcelo", "+max", "+michel",
    "+miguel", "+norbert", "+pablo", "+paul", "+pedro", "+quincy", "+rob", "+sandro", "+steph", "+travis", "+aunty",
    "+grandma", "+grandpa",
)  # fmt: skip
ENGLISH_SHARE = 0.4
ONSETS = ("p", "b", "m", "f", "v", "n", "t", "d", "k", "g", "s", "l", "r", "w", "h", "ch", "sh", "pl", "br", "fl", "sm")
NUCLEI = ("a", "e", "i", "o", "u", "ee", "oo", "ai", "ow", "er")
CODAS = ("", "", "m", "n", "p", "b", "f", "v", "t", "mp", "nt", "s", "l", "k", "ng")
SHORTEST_PAUSE_S = 0.04
"""Shorter silences between synthetic phones are joints of the engine, not pauses: the next phone takes them."""

Utterance = tuple[str, NDArray[np.float32], NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to say, and how."""

    text: str
    voice: str
    speed: int
    pitch: int


def sentences() -> dict[str, list[str]]:
    """Return the committed sentences by language."""
    by_language: dict[str, list[str]] = {}
    for line in SENTENCES.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            language, text = line.split("\t")
            by_language.setdefault(language, []).append(text)
    return by_language


def lines(count: int, seed: int) -> Iterator[Line]:
    """Yield things to say: sentences, shuffled words of a language, and words of no language."""
    draw = random.Random(seed)
    texts = sentences()
    for _ in range(count):
        language = draw.choice(("en-us", "en-us", "en")) if draw.random() < ENGLISH_SHARE else draw.choice([*texts])
        text = _text(draw, texts, language)
        yield Line(text, language + draw.choice(SPEAKERS), draw.randint(110, 280), draw.randint(15, 85))


def _text(draw: random.Random, texts: Mapping[str, Sequence[str]], language: str) -> str:
    kind = draw.random()
    if kind < 0.45:
        return draw.choice(texts[language])
    if kind < 0.75:
        words = [word for text in draw.sample(texts[language], min(6, len(texts[language]))) for word in text.split()]
        return " ".join(draw.sample(words, min(9, len(words))))
    made = ["".join(_syllable(draw) for _ in range(draw.choice((1, 1, 2, 3)))) for _ in range(7)]
    return " ".join(word + draw.choice(("", "", "", ",")) for word in made)


def _syllable(draw: random.Random) -> str:
    return draw.choice(ONSETS) + draw.choice(NUCLEI) + draw.choice(CODAS)


def synthetic_speech(count: int, seed: int) -> Iterator[Utterance]:
    """Yield spoken lines with features and exact labels."""
    for index, line in enumerate(lines(count, seed)):
        samples, sample_rate, spans = synthesise(line.text, line.voice, line.speed, line.pitch)
        mel = log_mel(soxr.resample(samples, sample_rate, SAMPLE_RATE).astype(np.float32))
        yield f"synthetic-{seed}-{index}", mel, frame_labels(without_joints(spans), len(mel))


def without_joints(spans: Sequence[PhoneSpan]) -> list[PhoneSpan]:
    """Return the spans with silences too short to be pauses given to the phone after them."""
    kept: list[PhoneSpan] = []
    for index, span in enumerate(spans):
        inner = 0 < index < len(spans) - 1
        if inner and span.phone == SILENCE and span.end_s - span.start_s < SHORTEST_PAUSE_S:
            continue
        start_s = spans[index - 1].end_s if not kept else kept[-1].end_s
        kept.append(PhoneSpan(span.phone, span.start_s if index == 0 else start_s, span.end_s))
    return kept
