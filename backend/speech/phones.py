# SPDX-License-Identifier: GPL-3.0-or-later
"""The phone set that every room shares: 43 IPA labels that cover what languages do with lips and jaw.

Diphthongs are two phones (aɪ is a + ɪ); long vowels and their short partners of the same quality are one.
"""

SILENCE = "sil"
PHONES: tuple[str, ...] = (
    SILENCE,
    "p", "b", "m", "f", "v", "w",
    "t", "d", "n", "k", "ɡ", "ŋ",
    "θ", "ð", "s", "z", "ʃ", "ʒ", "tʃ", "dʒ", "x", "h",
    "l", "r", "j",
    "i", "y", "ɪ", "e", "ø", "ɛ", "œ", "æ", "a", "ɑ", "ɔ", "o", "ʊ", "u", "ʌ", "ə", "ɜ",
)  # fmt: skip
PHONE_INDEX: dict[str, int] = {phone: index for index, phone in enumerate(PHONES)}

BILABIAL: frozenset[str] = frozenset("pbm")
"""Lips meet."""
LABIODENTAL: frozenset[str] = frozenset("fv")
"""Lower lip meets the upper teeth."""
ROUNDED: frozenset[str] = frozenset({"w", "u", "ʊ", "o", "ɔ", "y", "ø", "œ", "ʃ", "ʒ", "tʃ", "dʒ"})
"""Lips come forward."""
OPEN_VOWELS: frozenset[str] = frozenset({"a", "ɑ", "æ", "ʌ", "ɛ", "ɔ"})
"""The jaw is visibly open."""
