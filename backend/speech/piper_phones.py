# SPDX-License-Identifier: GPL-3.0-or-later
"""Piper's symbols as phones: IPA letters one by one, marks of stress and length between them, punctuation as pauses."""

from collections.abc import Sequence

from ..core.types import PhoneSpan
from .phone_sets import from_ipa, joined_silences, split_span
from .phones import SILENCE

_PAUSES = frozenset({"^", "$", "_", ",", ".", ";", ":", "!", "?", "…", "—", "–", "-", '"', "«", "»", "(", ")", "\n"})
WORD_GAP_S = 0.06
"""A space that lasts longer is a pause; else it is the tail of the phone before it."""
TOLERATED = 0.02
"""Share by which lengths may miss the sound's before they are no alignment of it."""
_TOGETHER = {("t", "ʃ"): "tʃ", ("d", "ʒ"): "dʒ", ("t", "ɕ"): "tɕ", ("d", "ʑ"): "dʑ", ("t", "ʂ"): "tʂ", ("d", "ʐ"): "dʐ"}


def phrases_of(symbols: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return the phones of symbols, phrase by phrase."""
    phrases: list[list[str]] = [[]]
    for symbol in _grouped([(symbol, 0) for symbol in symbols]):
        if symbol[0] in _PAUSES:
            phrases.append([])
        else:
            phrases[-1] += [phone for phone, _ in from_ipa(symbol[0]) if phone != SILENCE]
    return tuple(tuple(phrase) for phrase in phrases if phrase)


def spans_of_alignments(rows: Sequence[tuple[str, int]], samples: int, sample_rate: int) -> list[PhoneSpan]:
    """Return the spans of symbols with their lengths in samples; nothing where these are not the sound's.

    Args:
        rows: symbol and length, in order.
        samples: length of the sound.
        sample_rate: of the sound.
    """
    total = sum(length for _, length in rows)
    if not rows or min(length for _, length in rows) < 0 or abs(total - samples) > TOLERATED * samples:
        return []
    spans: list[PhoneSpan] = []
    at, before, scale = 0.0, 0.0, samples / total / sample_rate
    for symbol, length in _grouped(rows):
        end = at + length * scale
        shares = ((SILENCE, 1.0),) if symbol in _PAUSES else from_ipa(symbol) if symbol != " " else ()
        if symbol == " " and end - at >= WORD_GAP_S:
            shares = ((SILENCE, 1.0),)
        if shares:
            spans += split_span(shares, at - before, end)
            before = 0.0
        elif spans and (symbol == " " or not _leads(symbol)):
            last = spans[-1]
            spans[-1] = PhoneSpan(last.phone, last.start_s, end)
        else:
            before += end - at  # a stress mark: its time is that of the vowel after it
        at = end
    if before:
        spans.append(PhoneSpan(SILENCE, at - before, at))
    return joined_silences(spans)


def _leads(symbol: str) -> bool:
    return symbol in "ˈˌ"


def _grouped(rows: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return the rows with the two letters of an affricate as one."""
    grouped: list[tuple[str, int]] = []
    for symbol, length in rows:
        if grouped and (pair := _TOGETHER.get((grouped[-1][0], symbol))):
            grouped[-1] = (pair, grouped[-1][1] + length)
        else:
            grouped.append((symbol, length))
    return grouped
