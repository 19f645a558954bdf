# SPDX-License-Identifier: GPL-3.0-or-later
"""The speech stage: the text of a line through its engine, into a sound and its phones file."""

from pathlib import Path
from typing import Any

from ..inference.speak import PhoneTimer, SpeakRequest, speak_line
from .lines import Line


def request_of(line: Line) -> SpeakRequest:
    """Return what a line asks of its engine."""
    return SpeakRequest(
        text=line.text,
        engine=line.engine,
        voice=line.voice,
        language=line.language,
        speed=line.speed,
        pitch=line.pitch,
        loudness_lufs=line.loudness,
    )


def speak_into(sound: Path, phones: Path, line: Line, timer: PhoneTimer) -> dict[str, Any]:
    """Speak a line's text and return what is worth keeping of it.

    Raises:
        SynthesisError: the engine cannot speak it.
    """
    told = speak_line(request_of(line), sound, phones, timer)
    return {"phones_from": told.phones_from, "loudness_lufs": round(told.loudness_lufs, 2), "notes": list(told.notes)}
