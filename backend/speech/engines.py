# SPDX-License-Identifier: GPL-3.0-or-later
"""The one interface of speech synthesisers, and which of them a name means.

`espeak-ng` (the default), `piper` with a voice file, or a command template with `{wav}` in it for any other.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..core.errors import SynthesisError
from ..core.types import PhoneSpan
from .markup import FASTEST, HIGHEST_ST, LOWEST_ST, SLOWEST, Stretch

ESPEAK, PIPER = "espeak-ng", "piper"


@dataclass(frozen=True, slots=True)
class Delivery:
    """Who speaks a line, and how."""

    voice: str = ""
    """Of eSpeak NG a language or voice, of Piper the voice file; empty: the language's own."""
    language: str = ""
    """Language of the text; empty: that of the voice."""
    speed: float = 1.0
    """Times the voice's own pace, 0.5-2.5."""
    pitch: float = 0.0
    """Semitones above the voice's own, -12 to 12."""


@dataclass(frozen=True, slots=True)
class Said:
    """What an engine made of a line."""

    samples: NDArray[np.float32]
    """[N] mono, full scale ±1."""
    sample_rate: int
    spans: tuple[PhoneSpan, ...] = ()
    """Phones that cover the sound without gaps; empty where the engine knows no times."""
    phrases: tuple[tuple[str, ...], ...] = ()
    """Phones phrase by phrase, where they are known without times."""
    notes: tuple[str, ...] = ()
    """What the user should know, a sentence each."""


class SpeechEngine(Protocol):
    """A speech synthesiser. The same line gives the same samples, whatever was spoken before."""

    name: str

    def problems(self, delivery: Delivery, text: str = "") -> list[str]:
        """Return what would keep a text, or with none every text, from being spoken so, without speaking."""
        ...

    def fingerprint(self, delivery: Delivery) -> str:
        """Return a text that differs where the sound of the same line may: version and voice."""
        ...

    def say(self, stretches: list[Stretch], delivery: Delivery) -> Said:
        """Speak a line.

        Raises:
            SynthesisError: what is wrong, with the remedy.
        """
        ...


def open_engine(name: str = ESPEAK) -> SpeechEngine:
    """Return the engine of a name or command template.

    Raises:
        SynthesisError: neither a known name nor a template.
    """
    from .command import CommandEngine
    from .espeak_engine import EspeakEngine
    from .piper import PiperEngine

    if name in ("", ESPEAK, "espeak"):
        return EspeakEngine()
    if name == PIPER:
        return PiperEngine()
    if "{wav}" in name:
        return CommandEngine(name)
    raise SynthesisError(
        f"engine {name[:60]!r} is unknown; use {ESPEAK}, {PIPER}, or a command with {{wav}} and {{text_file}} in it"
    )


def check_manner(delivery: Delivery) -> list[str]:
    """Return what is out of range in pace and pitch; not a number is out of range as well."""
    wrong: list[str] = []
    if not SLOWEST <= delivery.speed <= FASTEST:
        wrong.append(f"speed {delivery.speed:g}: expected {SLOWEST:g} to {FASTEST:g} times the voice's own")
    if not LOWEST_ST <= delivery.pitch <= HIGHEST_ST:
        wrong.append(f"pitch {delivery.pitch:g}: expected {LOWEST_ST:g} to {HIGHEST_ST:g} semitones")
    return wrong


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a voice file, or `missing`."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "missing"
