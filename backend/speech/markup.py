# SPDX-License-Identifier: GPL-3.0-or-later
"""Pauses, pace and pitch written into a text: the part of SSML 1.1 that a line of dialogue needs.

`Wait. <break time="300ms"/> <prosody rate="slow" pitch="+2st">Who is there?</prosody>`, with or without `<speak>`
around it. A text without these tags is plain: its `<` and `&` are only characters. Documents with a DTD, entities of
their own or processing instructions are refused before a parser sees them.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from ..core.errors import SynthesisError

LONGEST_PAUSE_S = 10.0
DEEPEST = 16
SLOWEST, FASTEST = 0.5, 2.5
LOWEST_ST, HIGHEST_ST = -12.0, 12.0
_IS_MARKUP = re.compile(r"<\s*/?\s*(speak|break|prosody|sub)\b", re.IGNORECASE)
_RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.33, "x-fast": 1.75}
_PITCHES = {"x-low": -6.0, "low": -3.0, "medium": 0.0, "default": 0.0, "high": 3.0, "x-high": 6.0}
_STRENGTHS = {"none": 0.0, "x-weak": 0.05, "weak": 0.15, "medium": 0.3, "strong": 0.6, "x-strong": 1.0}
_KNOWN = {
    "speak": {"version", "lang"}, "p": set[str](), "s": set[str](), "break": {"time", "strength"},
    "prosody": {"rate", "pitch"}, "sub": {"alias"},
}  # fmt: skip
_AFTER_S = {"p": 0.5, "s": 0.25}


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of text said in one manner, then a pause."""

    text: str
    speed: float = 1.0
    """Times the line's pace."""
    pitch: float = 0.0
    """Semitones above the line's pitch."""
    pause_s: float = 0.0
    """Silence after it."""


def stretches_of(text: str) -> list[Stretch]:
    """Return a text's pieces in order.

    Raises:
        SynthesisError: markup that is not well-formed, not known, out of range or unsafe.
    """
    if not _IS_MARKUP.search(text):
        return [Stretch(text)]
    if "<!" in text or "<?" in text:
        raise SynthesisError("markup with <! or <? is refused; write only speak, p, s, break, prosody and sub")
    body = text if re.match(r"\s*<speak\b", text) else f"<speak>{text}</speak>"
    try:
        root = ElementTree.fromstring(body)  # without <! there are no entities to expand
    except (ElementTree.ParseError, ValueError) as error:
        raise SynthesisError(
            f"the text's markup is not well-formed ({error}); close every tag, write & as &amp;"
        ) from error
    return _joined(list(_walk(root, 1.0, 0.0, 0)))


def _walk(element: ElementTree.Element, speed: float, pitch: float, depth: int) -> Iterator[Stretch]:
    tag = _checked_tag(element, depth)
    if tag == "break":
        yield Stretch("", speed, pitch, _pause_s(element))
        return
    if tag == "prosody":
        speed = _within(speed * _rate(element.get("rate", "default")), SLOWEST, FASTEST, "prosody rate")
        pitch = _within(pitch + _pitch(element.get("pitch", "default")), LOWEST_ST, HIGHEST_ST, "prosody pitch")
    if tag == "sub":
        yield Stretch(element.get("alias", "") or "".join(element.itertext()), speed, pitch)
        return
    yield Stretch(element.text or "", speed, pitch)
    for child in element:
        yield from _walk(child, speed, pitch, depth + 1)
        yield Stretch(child.tail or "", speed, pitch)
    if tag in _AFTER_S:
        yield Stretch("", speed, pitch, _AFTER_S[tag])


def _checked_tag(element: ElementTree.Element, depth: int) -> str:
    tag = element.tag.rpartition("}")[2]
    if depth > DEEPEST:
        raise SynthesisError(f"the text's markup is nested more than {DEEPEST} deep; write it flatter")
    if tag not in _KNOWN:
        raise SynthesisError(f"markup <{tag[:20]}> is unknown; write only speak, p, s, break, prosody and sub")
    strange = {name.rpartition("}")[2] for name in element.attrib} - _KNOWN[tag]
    if strange and tag != "speak":
        known = ", ".join(sorted(_KNOWN[tag])) or "none"
        raise SynthesisError(f"<{tag}> has no {min(strange)[:20]!r} here; it takes {known}")
    return tag


def _joined(pieces: list[Stretch]) -> list[Stretch]:
    """Return the pieces with neighbours of one manner as one, and pauses given to the piece before them."""
    joined: list[Stretch] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if not piece.text.strip():
            if piece.pause_s and last:
                pause_s = min(last.pause_s + piece.pause_s, LONGEST_PAUSE_S)
                joined[-1] = Stretch(last.text, last.speed, last.pitch, pause_s)
            elif piece.pause_s:
                joined.append(piece)
            elif piece.text and last:
                joined[-1] = Stretch(f"{last.text} ", last.speed, last.pitch, last.pause_s)
        elif last and not last.pause_s and (last.speed, last.pitch) == (piece.speed, piece.pitch):
            joined[-1] = Stretch(f"{last.text}{piece.text}", last.speed, last.pitch, piece.pause_s)
        else:
            joined.append(piece)
    return joined


def _pause_s(element: ElementTree.Element) -> float:
    if (time := element.get("time")) is None:
        return _named(element.get("strength", "medium"), _STRENGTHS, "break strength")
    found = re.fullmatch(r"\s*\+?(\d+(?:\.\d+)?|\.\d+)(ms|s)\s*", time)
    if found is None:
        raise SynthesisError(f"<break time={time[:20]!r}>: write a time such as 300ms or 1.5s")
    seconds = float(found[1]) * (0.001 if found[2] == "ms" else 1.0)
    return _within(seconds, 0.0, LONGEST_PAUSE_S, "break time in seconds")


def _rate(value: str) -> float:
    """Return the pace of a rate: a word, `80%`, `+20%`, or a factor."""
    found = re.fullmatch(r"([+-]?)(\d+(?:\.\d+)?)(%?)", value.strip())
    if found is None:
        return _named(value, _RATES, "prosody rate")
    number = float(found[2]) / (100.0 if found[3] else 1.0)
    return 1.0 + math.copysign(number, -1.0 if found[1] == "-" else 1.0) if found[1] else number


def _pitch(value: str) -> float:
    """Return the semitones of a pitch: a word, `+2st`, or `+10%`."""
    found = re.fullmatch(r"([+-]\d+(?:\.\d+)?)(st|%)", value.strip())
    if found is None:
        return _named(value, _PITCHES, "prosody pitch")
    number = float(found[1])
    if found[2] == "st":
        return number
    return 12.0 * math.log2(_within(1.0 + number / 100.0, 0.5, 2.0, "prosody pitch as a factor"))


def _named(value: str, table: dict[str, float], what: str) -> float:
    if value.strip() not in table:
        raise SynthesisError(f"{what} {value[:20]!r} is unknown; write a number or one of {', '.join(table)}")
    return table[value.strip()]


def _within(value: float, lowest: float, highest: float, what: str) -> float:
    if not lowest <= value <= highest:
        raise SynthesisError(f"{what} {value:g}: expected {lowest:g} to {highest:g}")
    return value
