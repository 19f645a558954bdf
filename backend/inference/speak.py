# SPDX-License-Identifier: GPL-3.0-or-later
"""Text, or a recorded sound, to a sound file of even loudness with the times of its phones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..audio.decode import read_info, stream_mono
from ..audio.loudness import integrated_lufs, normalised
from ..core.errors import LipSyncError, OutputError, SynthesisError
from ..core.files import written_beside
from ..core.types import PhoneSpan
from ..speech.engines import ESPEAK, Delivery, Said, open_engine
from ..speech.markup import Stretch, stretches_of
from ..speech.pronunciation import phrases_of
from ..speech.voices import DEFAULT_VOICE, language_of
from .bundle import DEFAULT_BUNDLE, open_bundle
from .known_phones import write_phones
from .predict import Predictor, PredictRequest
from .transcript import read_text

ENDINGS = (".wav", ".flac", ".ogg")
BROADCAST_LUFS, PEAK_DBTP = -23.0, -1.0
"""EBU R 128; games and the web mostly want -16."""
QUIETEST_LUFS, LOUDEST_LUFS = -40.0, -8.0
MISSED_LU = 1.0
"""Loudness that could not be reached under the peak limit by more than this is told."""

PhoneTimer = Callable[[Path, Said, str, str], tuple[list[PhoneSpan], str]]
"""Times the phones of a sound file, given what is known of them, the plain text and its language; says by what."""


@dataclass(frozen=True, slots=True)
class SpeakRequest:
    """What is to be said, by whom and how."""

    text: str = ""
    """What to say, with SSML's pauses and prosody where wanted."""
    sound: Path | None = None
    """A recorded sound instead of a text."""
    engine: str = ESPEAK
    """`espeak-ng`, `piper`, or a command template with {wav} in it."""
    voice: str = ""
    """Of eSpeak NG a language or voice, of Piper the voice file; empty: the language's own."""
    language: str = ""
    """Language of the text; empty: that of the voice."""
    speed: float = 1.0
    """Times the voice's own pace, 0.5-2.5."""
    pitch: float = 0.0
    """Semitones above the voice's own, -12 to 12."""
    loudness_lufs: float | None = BROADCAST_LUFS
    """Integrated loudness to reach; None: leave it."""
    peak_dbtp: float = PEAK_DBTP
    """True peak that is never passed where the loudness is changed."""

    @property
    def delivery(self) -> Delivery:
        """The part that engines know of."""
        return Delivery(self.voice, self.language, self.speed, self.pitch)


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """What was written."""

    duration_s: float
    sample_rate: int
    phones_from: str
    """`engine`, `alignment` or `recognition`; empty where no phones file was written."""
    text: str
    """What was said, without markup: a transcript."""
    loudness_lufs: float
    notes: tuple[str, ...] = ()
    """What the user should know, a sentence each."""


def problems(request: SpeakRequest) -> list[str]:
    """Return everything that would keep a line from being spoken and that can be told without speaking it."""
    wrong = _loudness_problems(request)
    if request.sound is not None:
        return [*wrong, f"no sound file {request.sound}; check the path"] if not request.sound.is_file() else wrong
    try:
        text = plain_text(stretches_of(request.text))
    except SynthesisError as error:
        wrong.append(str(error))
        text = "a"
    if not text:
        wrong.append("the text is empty; write what should be said")
    try:
        wrong += open_engine(request.engine).problems(request.delivery, text)
    except LipSyncError as error:
        wrong.append(str(error))
    return wrong


def fingerprint(request: SpeakRequest) -> str:
    """Return a text that changes where the same request may sound otherwise: engine, version and voice file."""
    return "recorded" if request.sound is not None else open_engine(request.engine).fingerprint(request.delivery)


def speak_line(
    request: SpeakRequest, output: Path, phones: Path | None = None, timer: PhoneTimer | None = None
) -> SpokenLine:
    """Write a line's sound, and its phones file; the same request gives the same bytes.

    Args:
        request: what is to be said.
        output: .wav, .flac or .ogg.
        phones: phones file (.json) to write as well.
        timer: gives the times where the engine does not; None: no phones file is written then.

    Raises:
        SynthesisError: what is wrong with text, voice or engine.
        SoundError: a recorded sound that cannot be used.
        OutputError: a file that cannot be written; neither file is there then.
    """
    _check_endings(output, phones)
    if wrong := _loudness_problems(request):
        raise SynthesisError("; ".join(wrong))
    said, text = _recorded(request.sound) if request.sound is not None else _spoken(request)
    samples, notes = _at_loudness(said, request)
    spans, source = list(said.spans), "engine" if said.spans and phones is not None else ""
    with written_beside(output) as beside:
        _write_sound(beside, samples, said.sample_rate, output)
        if phones is not None:
            if not spans and timer is not None:
                spans, source = timer(beside, said, text, _language(request))
            if spans:
                write_phones(phones, spans)
    duration_s, lufs = len(samples) / said.sample_rate, integrated_lufs(samples, said.sample_rate)
    return SpokenLine(duration_s, said.sample_rate, source, text, lufs, (*said.notes, *notes))


def speak(text_or_path: str, output: Path, voice: str = DEFAULT_VOICE, phones: Path | None = None) -> float:
    """Speak a text, or a text file, with eSpeak NG and return the sound's length in seconds; see `speak_line`."""
    return speak_line(SpeakRequest(read_text(text_or_path, SynthesisError), voice=voice), output, phones).duration_s


def phone_timer(predictor: Predictor | None = None) -> PhoneTimer:
    """Return what times phones by listening to the sound; None opens the shipped bundle when it is needed."""
    opened = predictor

    def times(sound: Path, said: Said, text: str, language: str) -> tuple[list[PhoneSpan], str]:
        nonlocal opened
        opened = opened or Predictor(open_bundle(DEFAULT_BUNDLE))
        phrases: Sequence[Sequence[str]] = said.phrases
        if not phrases and text:
            try:
                phrases = phrases_of(text, language or DEFAULT_VOICE)
            except SynthesisError:  # a language that only the command knows: what is heard has to do
                phrases = ()
        if phrases:
            return opened.times_of(sound, phrases), "alignment"
        return list(opened.prepare(PredictRequest(sound)).phones), "recognition"

    return times


def plain_text(stretches: Sequence[Stretch]) -> str:
    """Return what stretches say, without markup."""
    return " ".join("".join(stretch.text + (" " if stretch.pause_s else "") for stretch in stretches).split())


def _spoken(request: SpeakRequest) -> tuple[Said, str]:
    if not request.text.strip():
        raise SynthesisError("the text is empty; write what should be said")
    stretches = stretches_of(request.text)
    return open_engine(request.engine).say(stretches, request.delivery), plain_text(stretches)


def _recorded(sound: Path) -> tuple[Said, str]:
    info = read_info(sound)
    return Said(np.concatenate(list(stream_mono(sound, sample_rate=info.sample_rate))), info.sample_rate), ""


def _at_loudness(said: Said, request: SpeakRequest) -> tuple[NDArray[np.float32], list[str]]:
    if request.loudness_lufs is None:
        return said.samples, []
    samples = normalised(said.samples, said.sample_rate, request.loudness_lufs, request.peak_dbtp)
    reached = integrated_lufs(samples, said.sample_rate)
    if reached < request.loudness_lufs - MISSED_LU:
        return samples, [
            f"the sound reaches {reached:.1f} of {request.loudness_lufs:g} LUFS under peaks of {request.peak_dbtp:g} dB"
        ]
    return samples, []


def _language(request: SpeakRequest) -> str:
    """Return the code that eSpeak NG may know the text's language by."""
    if request.language:
        return request.language
    try:
        return language_of(request.voice) if request.voice else DEFAULT_VOICE
    except SynthesisError:
        return DEFAULT_VOICE


def _loudness_problems(request: SpeakRequest) -> list[str]:
    wrong: list[str] = []
    lufs = request.loudness_lufs
    if lufs is not None and not QUIETEST_LUFS <= lufs <= LOUDEST_LUFS:
        wrong.append(f"loudness {lufs:g}: expected {QUIETEST_LUFS:g} to {LOUDEST_LUFS:g} LUFS")
    if not -20.0 <= request.peak_dbtp <= 0.0:
        wrong.append(f"peak {request.peak_dbtp:g}: expected -20 to 0 dB")
    return wrong


def _check_endings(output: Path, phones: Path | None) -> None:
    if output.suffix.lower() not in ENDINGS:
        raise OutputError(f"{output}: unknown kind of sound {output.suffix!r}; end it in {', '.join(ENDINGS)}")
    if phones is not None and phones.suffix.lower() != ".json":
        raise OutputError(f"{phones}: unknown kind of phones file {phones.suffix!r}; end it in .json")


def _write_sound(beside: Path, samples: NDArray[np.float32], sample_rate: int, output: Path) -> None:
    import soundfile

    try:
        soundfile.write(str(beside), samples, sample_rate)
    except soundfile.LibsndfileError as error:
        raise OutputError(f"cannot write {output}: {error.error_string.strip(' .')}; free some space") from error
