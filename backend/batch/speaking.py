# SPDX-License-Identifier: GPL-3.0-or-later
"""The speech stage: the text of a line through its engine, into a sound and its phones file."""

from pathlib import Path
from typing import Any

from ..inference.speak import speak
from .lines import Line
from .station import Station


def speak_into(sound: Path, phones: Path, line: Line, _place: Station) -> dict[str, Any]:
    """Speak a line's text and return what is worth keeping of it.

    Raises:
        SynthesisError: the engine cannot speak it.
    """
    duration_s = speak(line.text, sound, line.voice or line.language or "en-us", phones)
    return {"duration_s": duration_s}
