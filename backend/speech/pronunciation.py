# SPDX-License-Identifier: GPL-3.0-or-later
"""How the words of a text are said: the phones of each word, by eSpeak NG, in the context of its sentence."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..core.errors import SynthesisError
from .espeak import engine
from .phones import SILENCE
from .synthesis import shares_of_event
from .voices import find_voice

SPEED, PITCH = 160, 50
LONGEST_PIECE = 1500
"""Characters spoken at a time: about a minute and a half, whose samples are thrown away."""
PIECE_END = re.compile(r"(?<=[.!?。！？…])\s+|\n+")


@dataclass(frozen=True, slots=True)
class SaidWord:
    """A word and its phones."""

    text: str
    phones: tuple[str, ...]
    """Labels of `phones.PHONES` without silence."""
    pause: bool = False
    """Whether the voice pauses after it."""


def pronounce(text: str, voice: str = "en-us") -> list[SaidWord]:
    """Return the words of a text as a voice says them.

    Numbers and abbreviations are written out in sound; several may come as one word.

    Raises:
        SynthesisError: no engine, unknown language, or nothing to say.
    """
    identifier = find_voice(voice)
    words = [word for piece in _pieces(text) for word in _said(piece, identifier)]
    if not words:
        raise SynthesisError(f"voice {voice!r} finds nothing to say in {text[:40]!r}; write words of its language")
    return words


def phrases_of(text: str, voice: str = "en-us") -> list[list[str]]:
    """Return the phones of a text, those between two pauses together.

    Raises:
        SynthesisError: as `pronounce`.
    """
    phrases: list[list[str]] = [[]]
    for word in pronounce(text, voice):
        phrases[-1] += word.phones
        if word.pause:
            phrases.append([])
    return [phrase for phrase in phrases if phrase]


def _pieces(text: str) -> Iterator[str]:
    """Yield whole sentences in pieces of a length that memory does not notice."""
    piece = ""
    for whole in PIECE_END.split(text):
        sentence = whole
        while len(sentence) > LONGEST_PIECE:
            cut = sentence.rfind(" ", 0, LONGEST_PIECE) + 1 or LONGEST_PIECE
            yield sentence[:cut]
            sentence = sentence[cut:]
        if piece and len(piece) + len(sentence) > LONGEST_PIECE:
            yield piece
            piece = ""
        piece += sentence + "\n"
    if piece.strip():
        yield piece


def _said(piece: str, voice: str) -> list[SaidWord]:
    spoken = engine().speak(piece, voice, SPEED, PITCH)
    ends = [*(start for start, _ in spoken.events[1:]), len(spoken.samples)]
    words: list[SaidWord] = []
    before = -1
    for (start, label), end, place in zip(spoken.events, ends, spoken.words, strict=True):
        shares = shares_of_event(label, voice)
        phones = tuple(phone for phone, _ in shares if phone != SILENCE)
        if not phones:
            if shares and words and end > start:
                words[-1] = replace(words[-1], pause=True)
        elif place == before and words:
            words[-1] = replace(words[-1], phones=words[-1].phones + phones)
        else:
            written = re.match(r"[\w'’]+", piece[max(place - 1, 0) :])
            words.append(SaidWord(written.group(0) if written else "", phones))
            before = place
    # the end of a piece is one of the text's own: a sentence, a line, or a very long clause
    return [*words[:-1], replace(words[-1], pause=True)] if words else []
