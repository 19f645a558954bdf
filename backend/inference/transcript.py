# SPDX-License-Identifier: GPL-3.0-or-later
"""A known text: its words as they may be said, laid over the sound.

People leave out sounds that a dictionary has, and texts are not always what was said: the phones of a word may be
missing or changed at a price, words may be left out, and what no word explains is read as without a text.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..core.errors import LipSyncError, TimingError
from ..core.files import read_bounded_text
from ..speech.pronunciation import SaidWord, pronounce
from .alignment import Aligned, LogPosteriors, align_words
from .chains import IMPOSSIBLE, VOWELS, Costs, Word, chain_of_words

DEFAULT_LANGUAGE = "en-us"
LARGEST_BYTES = 1 << 20
TEXT_COSTS = Costs(filler=40.0, filler_frame=1.5, word_skip=30.0, voicing=2.0, weak_vowel=0.5, vowel=1.5)
"""Of departures from a text that the user gave."""
ELIDED = 2.5
"""What leaving out a sound costs that English speakers often leave out."""


def read_text(text_or_path: str, error_type: type[LipSyncError] = TimingError) -> str:
    """Return the text given itself or as the path of a file.

    Raises:
        TimingError: an unreadable file, or nothing in it; or the `error_type` asked for.
    """
    text = text_or_path
    if (path := named_file(text_or_path)) is not None:
        text = read_bounded_text(path, "text file", LARGEST_BYTES, error_type)
    elif text_or_path.endswith((".txt", ".md")) and len(text_or_path.split()) == 1:
        raise error_type(f"no text file {text_or_path}; check the path, or write what is said itself")
    if not text.strip() or "\0" in text:
        raise error_type("the text is empty or no text; write what is said")
    return text


def named_file(text: str) -> Path | None:
    """Return the file whose path a text is, or None; long or odd texts cannot be paths at all."""
    try:
        return Path(text) if Path(text).is_file() else None
    except (OSError, ValueError):
        return None


def words_of_text(text: str, language: str = "") -> list[Word]:
    """Return the words of a text as they may be said.

    Raises:
        SynthesisError: no engine, unknown language, or nothing to say.
    """
    voice = language.lower() or DEFAULT_LANGUAGE
    said = pronounce(text, voice)
    words = [Word(word.phones, pause=word.pause, text=word.text) for word in said]
    return [english(word, following) for word, following in _followed(words, said)] if voice[:2] == "en" else words


def _followed(words: Sequence[Word], said: Sequence[SaidWord]) -> list[tuple[Word, str]]:
    """Return each word with the first phone of the next; empty at a pause."""
    return [
        (word, "" if word.pause or index + 1 == len(said) else said[index + 1].phones[0])
        for index, word in enumerate(words)
    ]


def english(word: Word, following: str) -> Word:
    """Return an English word with the sounds marked that are often left out before the phone `following`.

    t and d in clusters ("mus(t) be", "an(d)"), h in weak words ("(h)is"), r after vowels, ə before l, m, n.
    """
    phones = word.phones
    costs = [IMPOSSIBLE] * len(phones)
    for index, phone in enumerate(phones):
        before = phones[index - 1] if index else ""
        after = phones[index + 1] if index + 1 < len(phones) else following
        cluster = before and before not in VOWELS and after not in VOWELS
        if (
            (phone in ("t", "d") and (cluster or (before == "n" and after in VOWELS)))
            or (phone == "h" and index == 0 and len(phones) <= 3)
            or (phone == "r" and before in VOWELS and after not in VOWELS)
            or (phone == "ə" and after in ("l", "m", "n", "r") and before)
        ):
            costs[index] = ELIDED
    if min(costs, default=IMPOSSIBLE) >= IMPOSSIBLE or all(cost < IMPOSSIBLE for cost in costs):
        return word
    return replace(word, optional=tuple(_apart(costs)))


def _apart(costs: Sequence[float]) -> list[float]:
    """Return the costs without neighbours that could both be left out: the search looks four states back."""
    kept = list(costs)
    for index in range(1, len(kept)):
        if kept[index] < IMPOSSIBLE and kept[index - 1] < IMPOSSIBLE:
            kept[index] = IMPOSSIBLE
    return kept


def align_text(log_posteriors: LogPosteriors, text: str, language: str = "") -> Aligned:
    """Return a text's words laid over the sound of the posteriors [T, P].

    Raises:
        TimingError: a sound too long to search.
        SynthesisError: the text cannot be turned into phones.
    """
    return align_words(log_posteriors, chain_of_words(words_of_text(text, language), TEXT_COSTS))
