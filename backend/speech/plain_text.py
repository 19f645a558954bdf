# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a text is to be said: unseen and pictured characters go, and letters that a voice cannot read are told.

A synthesiser reads 😀 as "grinning face" and Arabic with an English voice as "Arabic letter meem": no line of a game
means that, so pictures are left out, and foreign letters are an error where they are most of the text.
"""

import unicodedata
from collections import Counter

from ..core.errors import SynthesisError

LONGEST_TEXT = 100_000
"""Characters that are spoken at once: about two hours."""
_JOINERS = "\u200c\u200d"
_EMOJI_TAILS = frozenset("\ufe0e\ufe0f\u20e3")
_SCRIPTS: dict[str, str] = {
    "am": "ETHIOPIC", "ti": "ETHIOPIC", "ar": "ARABIC", "fa": "ARABIC", "ur": "ARABIC", "sd": "ARABIC", "ug": "ARABIC",
    "as": "BENGALI", "bn": "BENGALI", "bpy": "BENGALI", "el": "GREEK", "grc": "GREEK", "gu": "GUJARATI",
    "he": "HEBREW", "hy": "ARMENIAN", "hyw": "ARMENIAN", "ka": "GEORGIAN", "kn": "KANNADA", "ko": "HANGUL",
    "hi": "DEVANAGARI", "kok": "DEVANAGARI", "mr": "DEVANAGARI", "ne": "DEVANAGARI", "ml": "MALAYALAM",
    "my": "MYANMAR", "shn": "MYANMAR", "or": "ORIYA", "pa": "GURMUKHI", "si": "SINHALA", "ta": "TAMIL", "te": "TELUGU",
    "th": "THAI", "cmn": "CJK BOPOMOFO", "yue": "CJK", "hak": "CJK", "ja": "HIRAGANA KATAKANA",
    "be": "CYRILLIC", "bg": "CYRILLIC", "cv": "CYRILLIC", "ba": "CYRILLIC", "kk": "CYRILLIC", "ky": "CYRILLIC",
    "mk": "CYRILLIC", "nog": "CYRILLIC", "ru": "CYRILLIC", "sr": "CYRILLIC", "tt": "CYRILLIC", "uk": "CYRILLIC",
    "bs": "CYRILLIC", "hr": "CYRILLIC", "kaa": "CYRILLIC", "uz": "CYRILLIC", "az": "CYRILLIC", "tk": "CYRILLIC",
    "ku": "ARABIC", "en-shaw": "SHAVIAN", "piqd": "PIQAD",
}  # fmt: skip
"""Scripts besides Latin that a language's voice reads; all voices read Latin letters, most of them as English."""


def spoken_text(text: str) -> str:
    """Return a text without what cannot be said: control characters, marks of direction, zero-width and emoji.

    Zero-width joiners stay between letters that are not Latin, where Persian and Indian spelling needs them.

    Raises:
        SynthesisError: nothing is left, or far too much.
    """
    if len(text) > LONGEST_TEXT:
        raise SynthesisError(
            f"the text has {len(text)} characters; at most {LONGEST_TEXT} are spoken at once, split it"
        )
    composed = unicodedata.normalize("NFC", text)
    kept = [_said(composed, index) for index in range(len(composed))]
    plain = "".join(kept)
    if not plain.strip():
        raise SynthesisError(f"the text {shown(text)} holds nothing to say; write words")
    if not any(character.isalnum() for character in plain):
        raise SynthesisError(f"the text {shown(text)} holds nothing to say: no letters or digits; write words")
    return plain


def shown(text: str) -> str:
    """Return the start of a text as ASCII, quoted, for a message that no terminal can garble."""
    return ascii(text[:40]) + ("…" if len(text) > 40 else "")


def _said(text: str, index: int) -> str:
    character = text[index]
    if character in "\n\r\t\u2028\u2029\x85":
        return "\n" if character == "\n" else " "
    if character in _JOINERS:
        around = text[max(index - 1, 0) : index] + text[index + 1 : index + 2]
        return character if len(around) == 2 and all(_script(one) not in ("", "LATIN") for one in around) else ""
    category = unicodedata.category(character)
    if category in ("Cc", "Cf", "Cs", "Co", "Cn") or character in _EMOJI_TAILS:
        return ""
    # signs that are words (©, °, €, +) stay; "So" above the letters' planes are pictures
    if category in ("So", "Sk") and (ord(character) >= 0x1F000 or 0x2190 <= ord(character) < 0x2C00):
        return " "
    return character


def check_script(text: str, language: str, voice: str) -> list[str]:
    """Return notes about letters that a voice does not read.

    Args:
        text: what `spoken_text` left.
        language: first part of the voice's code.
        voice: its name, for the message.

    Raises:
        SynthesisError: half of the letters or more are of scripts that the voice spells out one by one.
    """
    counts = Counter(script for character in text if character.isalpha() and (script := _script(character)))
    known = {"LATIN", *_SCRIPTS.get(language, "").split()}
    foreign = {script: count for script, count in counts.items() if script not in known}
    if not foreign:
        return []
    worst = max(foreign, key=lambda script: foreign[script])
    if 2 * sum(foreign.values()) >= sum(counts.values()):
        fitting = sorted(code for code, scripts in _SCRIPTS.items() if worst in scripts.split())
        remedy = f"use voice {', '.join(fitting[:4])}" if fitting else "use another engine"
        raise SynthesisError(f"voice {voice} does not read {worst.title()} letters, as in {shown(text)}; {remedy}")
    return [f"voice {voice} spells {sum(foreign.values())} {worst.title()} letters one by one"]


def _script(character: str) -> str:
    """Return the script of a letter as Unicode names it, `` where it has none."""
    if not character.isalpha():
        return ""
    name = unicodedata.name(character, "")
    first = name.partition(" ")[0]
    if first == "FULLWIDTH":
        return "LATIN"
    if first in (
        "MODIFIER",
        "FEMININE",
        "MASCULINE",
        "MICRO",
        "DOUBLE-STRUCK",
        "MATHEMATICAL",
        "SCRIPT",
        "BLACK-LETTER",
    ):
        return ""
    return "KATAKANA" if first == "KATAKANA-HIRAGANA" else first
