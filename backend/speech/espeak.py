# SPDX-License-Identifier: GPL-3.0-or-later
"""eSpeak NG's C interface through ctypes: text in, samples and raw phoneme events out.

The library keeps the phase of its voice and the state of its breath noise from text to text, and seeds the noise by
the clock. So each text gets a library that was loaded anew (0.3 ms) and a fixed seed: the same text gives the same
samples, whatever this process or another spoke before. A lock lets one text through at a time.
"""

import _ctypes
import ctypes
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import SynthesisError

RETRIEVAL = 1
"""AUDIO_OUTPUT_RETRIEVAL: hand the samples to the callback instead of a sound card."""
PHONEME_EVENTS, IPA_NAMES, NO_EXIT = 0x0001, 0x0002, 0x8000
TERMINATED, WORD, PHONEME = 0, 1, 7
UTF8, SSML = 0x01, 0x10
NOISE_SEED = 1
RATE_PARAMETER, PITCH_PARAMETER = 1, 3


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True, slots=True)
class Spoken:
    """What the engine made of a text."""

    samples: NDArray[np.float32]
    """[N] mono, full scale ±1."""
    sample_rate: int
    events: tuple[tuple[int, str], ...]
    """First sample and IPA name of each phoneme, in order; an empty name is a pause."""
    words: tuple[int, ...] = ()
    """Place in the text (characters, from 1) of the word that each phoneme belongs to; 0 before the first."""


@dataclass(frozen=True, slots=True)
class VoiceFile:
    """One voice that the library brings."""

    language: str
    """Its language code, as the library writes it: `en-us`, `fr-fr`, `cmn`."""
    name: str
    """`English (America)`."""
    identifier: str
    """File of the voice, which names it beyond doubt: `gmw/en-US`."""


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("unused", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


class Engine:
    """The library's files; make it through `engine`."""

    def __init__(self, library: Path, data: Path) -> None:
        self._library = library
        self._data = data
        self._lock = threading.Lock()
        with self._started() as (opened, _):
            opened.espeak_Info.restype = ctypes.c_char_p
            self.version: str = opened.espeak_Info(None).decode("ascii", "replace")
            self.voices: tuple[VoiceFile, ...] = tuple(_voices(opened))
        variants = data / "voices" / "!v"
        self.variants: frozenset[str] = frozenset(path.name for path in variants.iterdir() if path.is_file())

    def speak(self, text: str, voice: str, speed: int, pitch: int, *, markup: bool = False) -> Spoken:
        """Return the sound of a text; the same for the same arguments.

        Args:
            text: plain, or SSML where `markup` says so.
            voice: name or identifier of one of `voices`, with `+` and one of `variants` for another speaker.
            speed: words a minute.
            pitch: 0-99.
            markup: whether the text is SSML.

        Raises:
            SynthesisError: the voice is unknown or the engine fails.
        """
        with self._started() as (library, sample_rate):
            if library.espeak_SetVoiceByName(voice.encode("utf-8", "replace")):
                raise SynthesisError(
                    f"voice {voice!r} is unknown to eSpeak NG; use a language such as en-us, en, de or fr, "
                    "with +f3 for another speaker"
                )
            library.espeak_SetParameter(RATE_PARAMETER, speed, 0)
            library.espeak_SetParameter(PITCH_PARAMETER, pitch, 0)
            return _collect(library, text, UTF8 | SSML if markup else UTF8, sample_rate)

    @contextmanager
    def _started(self) -> Generator[tuple[ctypes.CDLL, int]]:
        """Yield the library, loaded anew, and its sample rate."""
        with self._lock:
            try:
                library = ctypes.CDLL(str(self._library))
            except OSError as error:
                raise SynthesisError(f"eSpeak NG cannot be loaded: {error}; reinstall espeakng-loader") from error
            try:
                folder = str(self._data).encode()
                sample_rate = library.espeak_Initialize(RETRIEVAL, 0, folder, PHONEME_EVENTS | IPA_NAMES | NO_EXIT)
                if sample_rate <= 0:
                    raise SynthesisError("eSpeak NG does not start: its voice data is missing; reinstall it")
                if hasattr(library, "espeak_ng_SetRandSeed"):  # 1.52 and newer
                    library.espeak_ng_SetRandSeed(ctypes.c_long(NOISE_SEED))
                yield library, sample_rate
                library.espeak_Terminate()
            finally:
                _unload(library)


def _unload(library: ctypes.CDLL) -> None:
    if sys.platform == "win32":
        _ctypes.FreeLibrary(library._handle)
    else:
        _ctypes.dlclose(library._handle)


def _voices(library: ctypes.CDLL) -> Generator[VoiceFile]:
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
    listed = library.espeak_ListVoices(None)
    index = 0
    while listed[index]:
        voice = listed[index].contents
        # `languages` is a priority byte and a code, of which the first is the voice's own
        language, name, identifier = voice.languages[1:], voice.name, voice.identifier
        yield VoiceFile(*(part.decode("utf-8", "replace").strip() for part in (language, name, identifier)))
        index += 1


def _collect(library: ctypes.CDLL, text: str, flags: int, sample_rate: int) -> Spoken:
    blocks: list[NDArray[np.int16]] = []
    events: list[tuple[int, str]] = []
    words: list[int] = []
    place = 0

    def receive(wave: Any, count: int, batch: Any) -> int:  # noqa: ANN401 - ctypes pointers have no public type
        if wave and count:
            blocks.append(np.ctypeslib.as_array(wave, (count,)).copy())
        nonlocal place
        index = 0
        while batch and batch[index].type != TERMINATED:
            if batch[index].type == WORD:
                place = batch[index].text_position
            elif batch[index].type == PHONEME:
                events.append((batch[index].sample, batch[index].id.string.decode("utf-8", "ignore")))
                words.append(place)
            index += 1
        return 0

    # The callback object must outlive the call: the library keeps only its address.
    callback = _CALLBACK(receive)
    library.espeak_SetSynthCallback(callback)
    encoded = text.encode("utf-8", "replace")
    failed = library.espeak_Synth(encoded, len(encoded) + 1, 0, 0, 0, flags, None, None)
    if failed or library.espeak_Synchronize():
        raise SynthesisError(f"eSpeak NG could not speak {text[:40]!r}; try a shorter text")
    samples = np.concatenate([np.zeros(0, np.int16), *blocks]).astype(np.float32) / 32768.0
    return Spoken(samples, sample_rate, tuple(events), tuple(words))


@lru_cache(maxsize=1)
def engine() -> Engine:
    """Return the process's one engine.

    Raises:
        SynthesisError: the package is missing or its library cannot start.
    """
    try:
        import espeakng_loader
    except ImportError as error:
        raise SynthesisError("eSpeak NG is not installed; run: pip install espeakng-loader") from error
    return Engine(Path(str(espeakng_loader.get_library_path())), Path(str(espeakng_loader.get_data_path())))
