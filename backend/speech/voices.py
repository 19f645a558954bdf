# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of eSpeak NG's voices a code means: `en-us`, `de-DE`, `zh_CN`, `German`, `fr-fr+f3`."""

import difflib
from functools import lru_cache

from ..core.errors import SynthesisError
from .espeak import VoiceFile, engine

DEFAULT_VOICE = "en-us"
_ALIASES = {
    "en": "en-gb", "en-uk": "en-gb", "fr": "fr-fr", "zh": "cmn", "zh-cn": "cmn", "zh-tw": "cmn", "zh-hans": "cmn",
    "zh-hant": "cmn", "cmn-cn": "cmn", "zh-hk": "yue", "zh-yue": "yue", "no": "nb", "nn": "nb", "iw": "he", "in": "id",
    "es-mx": "es-419", "es-us": "es-419", "tl": "fil", "chr": "chr-us-qaaa-x-west",
}  # fmt: skip
"""Codes that people write, and the one of the library. `cmn` reads Latin letters as English, as people mix them."""


def find_voice(code: str) -> str:
    """Return the library's own name of a voice, with the variant if one is asked for.

    Args:
        code: language code in any case, with `-` or `_`, a voice's English name, or its file; then `+` and a variant
            (`+f3`, `+m7`, `+whisper`) for another speaker. A region that is not there gives the language's own voice.

    Raises:
        SynthesisError: unknown voice or variant, with those that come near.
    """
    wanted, plus, variant = (part.strip() for part in code.partition("+"))
    voice = _by_code().get(wanted.lower().replace("_", "-"))
    if voice is None and wanted.lower().replace("_", "-").isascii():
        language, dash, _ = wanted.lower().replace("_", "-").partition("-")
        # a region eSpeak NG lacks (de-AT) is read by the language's own voice; words after a dash are no region
        voice = _by_code().get(language) if dash and 2 <= len(wanted) - len(language) - 1 <= 4 else None
    if voice is None:
        near = difflib.get_close_matches(wanted.lower(), list(_by_code()), n=3, cutoff=0.6)
        hint = f" (near: {', '.join(near)})" if near else ""
        raise SynthesisError(
            f"voice {code[:40]!r} is unknown to eSpeak NG{hint}; use a language such as en-us, de, fr-fr or cmn, "
            "with +f3 for another speaker"
        )
    if not plus:
        return voice.identifier
    if variant not in engine().variants:
        raise SynthesisError(
            f"voice {code[:40]!r}: no speaker {variant!r} in eSpeak NG; use +f1 to +f5, +m1 to +m8, +whisper or +croak"
        )
    return f"{voice.identifier}+{variant}"


def language_of(code: str) -> str:
    """Return the first part of a voice's language code, `de` for `German+f2`.

    Raises:
        SynthesisError: unknown voice.
    """
    identifier = find_voice(code).partition("+")[0]
    voice = next(voice for voice in engine().voices if voice.identifier == identifier)
    return voice.language.partition("-")[0]


@lru_cache(maxsize=1)
def _by_code() -> dict[str, VoiceFile]:
    table: dict[str, VoiceFile] = {}
    for voice in engine().voices:
        for key in (voice.language, voice.name, voice.identifier):
            table.setdefault(key.lower(), voice)
    for alias, code in _ALIASES.items():
        if code in table:
            table.setdefault(alias, table[code])
    return table
