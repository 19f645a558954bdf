# SPDX-License-Identifier: GPL-3.0-or-later
"""eSpeak NG as one of the engines: pauses, pace and pitch within a line are its own SSML, so the melody stays whole."""

from xml.sax.saxutils import escape

import numpy as np

from ..core.errors import LipSyncError, SynthesisError
from .engines import ESPEAK, Delivery, Said, check_manner
from .espeak import engine
from .joining import with_pitch
from .markup import Stretch
from .plain_text import check_script, spoken_text
from .synthesis import FASTEST, SLOWEST, spans_of
from .voices import DEFAULT_VOICE, find_voice, language_of

OWN_SPEED, OWN_PITCH = 160, 50
_PARAMETERS = (0, 10, 25, 50, 75, 99)
_SEMITONES = (-6.3, -5.2, -3.3, 0.0, 4.4, 8.8)
"""What eSpeak's pitch parameter does to the voice, measured."""


class EspeakEngine:
    """Speaks with exact phone times."""

    name = ESPEAK

    def problems(self, delivery: Delivery, text: str = "") -> list[str]:
        """Return what is wrong with voice, language, pace, pitch or text."""
        wrong = check_manner(delivery)
        try:
            spoken = language_of(_voice(delivery))
            asked = language_of(delivery.language) if delivery.language else spoken
        except SynthesisError as error:
            return [*wrong, str(error)]
        if asked != spoken:
            remedy = f"use voice {delivery.language}, or leave the language out"
            wrong.append(f"voice {delivery.voice!r} speaks {spoken}, but the language is {asked}; {remedy}")
        if text:
            try:
                check_script(spoken_text(text), spoken, _voice(delivery))
            except SynthesisError as error:
                wrong.append(str(error))
        return wrong

    def fingerprint(self, delivery: Delivery) -> str:
        """Return the engine's version and the voice's file; `unknown` where it has no such voice."""
        try:
            return f"{ESPEAK} {engine().version} {find_voice(_voice(delivery))}"
        except LipSyncError:
            return f"{ESPEAK} unknown"

    def say(self, stretches: list[Stretch], delivery: Delivery) -> Said:
        """Speak a line; see `SpeechEngine.say`."""
        if wrong := self.problems(delivery):
            raise SynthesisError("; ".join(wrong))
        voice = find_voice(_voice(delivery))
        text = "".join(stretch.text for stretch in stretches)
        notes = check_script(spoken_text(text), language_of(_voice(delivery)), _voice(delivery))
        native = float(np.clip(delivery.pitch, _SEMITONES[0], _SEMITONES[-1]))
        # what lies beyond the voice's own range of pitch comes from playing it faster or slower
        factor = 2.0 ** ((delivery.pitch - native) / 12.0)
        speed = round(float(np.clip(OWN_SPEED * delivery.speed / factor, SLOWEST, FASTEST)))
        plain = len(stretches) == 1 and stretches[0] == Stretch(stretches[0].text)
        asked = spoken_text(text) if plain else _document(stretches, native, speed)
        spoken = engine().speak(asked, voice, speed, _parameter(native), markup=not plain)
        spans = spans_of(spoken, voice, text)
        return with_pitch(Said(spoken.samples, spoken.sample_rate, tuple(spans), notes=tuple(notes)), factor)


def _voice(delivery: Delivery) -> str:
    return delivery.voice or delivery.language or DEFAULT_VOICE


def _parameter(semitones: float) -> int:
    return round(float(np.interp(semitones, _SEMITONES, _PARAMETERS)))


def _document(stretches: list[Stretch], pitch: float, speed: int) -> str:
    """Return the stretches as eSpeak's SSML, whose rates and pitches are percentages of the parameters set."""
    base = max(1, _parameter(pitch))
    parts: list[str] = []
    for stretch in stretches:
        wanted = float(np.clip(speed * stretch.speed, SLOWEST, FASTEST))
        manner = f'rate="{100 * wanted / speed:.0f}%" pitch="{100 * _parameter(pitch + stretch.pitch) / base:.0f}%"'
        said = escape(_kept(stretch.text))
        parts.append(f"<prosody {manner}>{said}</prosody>" if (stretch.speed, stretch.pitch) != (1.0, 0.0) else said)
        if stretch.pause_s:
            parts.append(f'<break time="{1000 * stretch.pause_s:.0f}ms"/>')
    return f"<speak>{''.join(parts)}</speak>"


def _kept(text: str) -> str:
    """Return a piece without unseen characters; a piece of punctuation alone is fine within a line."""
    try:
        return spoken_text(text)
    except SynthesisError:
        return text if text.isascii() and text.isprintable() else " "
