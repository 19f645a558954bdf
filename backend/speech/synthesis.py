# SPDX-License-Identifier: GPL-3.0-or-later
"""Text to speech with phone times that are exact to the sample: eSpeak NG, for training, `--text` and the demo.

eSpeak credits the silent closure of a stop to the phone before it; here it belongs to the stop, as in hand-made
labels, because the lips (p b), tongue tip or tongue back are shut from its start.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..core.errors import SynthesisError
from ..core.types import PhoneSpan
from .espeak import Spoken, engine
from .phone_sets import Shares, from_ipa, joined_silences, split_span
from .phones import SILENCE
from .voices import find_voice

SLOWEST, FASTEST = 80, 450
"""Words a minute that eSpeak NG takes."""
STOPS = frozenset({"p", "b", "t", "d", "k", "ɡ", "tʃ", "dʒ"})
CLOSED_BELOW = 0.003
"""Full-scale amplitude under which synthetic sound is silent: its closures are zeros."""
CLOSURE_AFTER_PAUSE_S = 0.06
"""How long before its burst a stop that follows a pause is closed (Byrd 1993 found 50–70 ms for English)."""
LONGEST_CLOSURE_S = 0.12
_ASCII_IPA = str.maketrans(
    {"S": "ʃ", "Z": "ʒ", "N": "ŋ", "X": "x", "A": "ɑ", "ε": "ɛ", "Φ": "ɸ", "ʦ": "ts", "ᵐ": "m", "ⁿ": "n", "ᵑ": "ŋ"}
)
"""What some voices write instead of IPA, or above the line: nasals before a stop are sounds of their own."""

Spoke = tuple[NDArray[np.float32], int, list[PhoneSpan]]


def synthesise(text: str, voice: str = "en-us", speed: int = 160, pitch: int = 50) -> Spoke:
    """Speak a text.

    Args:
        text: any length, in the voice's language.
        voice: eSpeak NG language or voice name (`en-us`, `de`, `fr-fr`), with `+f3`, … for another speaker; see
            `find_voice`.
        speed: words a minute, 80–450.
        pitch: 0–99; 50 is the voice's own.

    Returns:
        Samples [N] float32 mono in ±1, their rate (22050), and phone spans that cover the sound without gaps.

    Raises:
        SynthesisError: empty text, unknown voice, a speed or pitch out of range, or no engine installed.
    """
    if not text.strip():
        raise SynthesisError("the text is empty; write what should be said")
    if not SLOWEST <= speed <= FASTEST:
        raise SynthesisError(f"speed {speed}: expected {SLOWEST} to {FASTEST} words a minute")
    if not 0 <= pitch <= 99:
        raise SynthesisError(f"pitch {pitch}: expected 0 to 99")
    spoken = engine().speak(text, identifier := find_voice(voice), speed, pitch)
    return spoken.samples, spoken.sample_rate, spans_of(spoken, identifier, text)


def spans_of(spoken: Spoken, voice: str, text: str) -> list[PhoneSpan]:
    """Return the spans of the engine's events, gaps filled with silence, closures given to their stops.

    Args:
        spoken: the engine's answer.
        voice: file of the voice, as `find_voice` gives it.
        text: for the message.

    Raises:
        SynthesisError: nothing was said.
    """
    spans = _spans(spoken, voice)
    if all(span.phone == SILENCE for span in spans):
        raise SynthesisError(f"voice {voice} finds nothing to say in {text[:40]!r}; write words of its language")
    return spans


def _spans(spoken: Spoken, voice: str) -> list[PhoneSpan]:
    duration_s = len(spoken.samples) / spoken.sample_rate
    starts_s = [sample / spoken.sample_rate for sample, _ in spoken.events]
    spans: list[PhoneSpan] = []
    for (_, label), start_s, end_s in zip(spoken.events, starts_s, [*starts_s[1:], duration_s], strict=True):
        shares = shares_of_event(label, voice)
        if not shares and spans:  # a glottal stop, a length or a palatal mark: the mouth stays as it is
            spans[-1] = PhoneSpan(spans[-1].phone, spans[-1].start_s, end_s)
        spans += split_span(shares, start_s, end_s)
    if spans and spans[0].start_s > 0.0:
        spans.insert(0, PhoneSpan(SILENCE, 0.0, spans[0].start_s))
    return _with_closures(joined_silences(spans), spoken)


def shares_of_event(label: str, voice: str) -> Shares:
    """Return the phones of a phoneme event of a voice with their shares; nothing where the mouth does nothing new."""
    if label.startswith("("):  # the name of a language that the engine changes to
        return ()
    # a tap is English's t between vowels and most other languages' r; "onɡ" is pinyin's spelling of oŋ
    name = label.strip("-_:;|'").translate(_ASCII_IPA).replace("nɡ", "ŋ")
    if voice.startswith("zle/uk"):  # writes β for its v, which lets the lips stay apart
        name = name.replace("β", "ʋ")
    return from_ipa(name.replace("ɾ", "ɾ" if voice.startswith(("en", "gmw/en")) else "r"))


def _with_closures(spans: Sequence[PhoneSpan], spoken: Spoken) -> list[PhoneSpan]:
    mended = list(spans)
    for index in range(1, len(mended)):
        before, stop = mended[index - 1], mended[index]
        if stop.phone not in STOPS:
            continue
        if before.phone == SILENCE:
            closure_s = min(CLOSURE_AFTER_PAUSE_S, 0.5 * (before.end_s - before.start_s))
        else:
            closure_s = min(_quiet_tail_s(spoken, before), LONGEST_CLOSURE_S)
        start_s = stop.start_s - closure_s
        mended[index - 1] = PhoneSpan(before.phone, before.start_s, start_s)
        mended[index] = PhoneSpan(stop.phone, start_s, stop.end_s)
    return joined_silences(mended)


def _quiet_tail_s(spoken: Spoken, span: PhoneSpan) -> float:
    """Return how long the end of a span is silent; its first fifth always counts as sounding."""
    first, last = (round(time_s * spoken.sample_rate) for time_s in (span.start_s, span.end_s))
    part = np.abs(spoken.samples[first:last])
    loud = np.flatnonzero(part > CLOSED_BELOW)
    sounding = max(int(loud[-1]) + 1 if loud.size else 0, len(part) // 5)
    return (len(part) - sounding) / spoken.sample_rate
