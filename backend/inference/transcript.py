# SPDX-License-Identifier: GPL-3.0-or-later
"""A known text: its phones in the order they are said, laid over the sound."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.errors import LipSyncError, TimingError
from ..core.files import read_bounded_text
from ..core.types import PhoneSpan
from ..speech.phones import SILENCE
from ..speech.synthesis import synthesise
from .alignment import align, chain_of

DEFAULT_LANGUAGE = "en-us"
LARGEST_BYTES = 1 << 20


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


def phones_of_text(text: str, language: str = "") -> list[list[str]]:
    """Return the phones of a text, phrase by phrase, as eSpeak NG would say them.

    Raises:
        SynthesisError: no engine, unknown language, or nothing to say.
    """
    _, _, spans = synthesise(text, language.lower() or DEFAULT_LANGUAGE)
    phrases: list[list[str]] = [[]]
    for span in spans:
        if span.phone != SILENCE:
            phrases[-1].append(span.phone)
        elif phrases[-1]:
            phrases.append([])
    return [phrase for phrase in phrases if phrase]


def align_text(log_posteriors: NDArray[np.float16], text: str, language: str = "") -> list[PhoneSpan]:
    """Return the times of a text's phones in the sound of the posteriors [T, P].

    Raises:
        TimingError: the text does not fit the sound.
        SynthesisError: the text cannot be turned into phones.
    """
    return align(log_posteriors, chain_of(phones_of_text(text, language)))
