# SPDX-License-Identifier: GPL-3.0-or-later
"""eSpeak NG's C interface through ctypes: text in, samples and raw phoneme events out.

The library keeps one state per process; `engine` starts it once, and a lock lets one text through at a time.
Phase and breath noise carry over from text to text: a process that speaks the same texts in the same order gets
the same samples.
"""

import ctypes
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import SynthesisError

RETRIEVAL = 1
"""AUDIO_OUTPUT_RETRIEVAL: hand the samples to the callback instead of a sound card."""
PHONEME_EVENTS, IPA_NAMES, NO_EXIT = 0x0001, 0x0002, 0x8000
TERMINATED, WORD, PHONEME = 0, 1, 7
UTF8 = 1
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


class Engine:
    """The loaded library; make it through `engine`."""

    def __init__(self, library: ctypes.CDLL, sample_rate: int) -> None:
        self._library = library
        self._sample_rate = sample_rate
        self._lock = threading.Lock()

    def speak(self, text: str, voice: str, speed: int, pitch: int) -> Spoken:
        """Return the sound of a text.

        Raises:
            SynthesisError: the voice is unknown or the engine fails.
        """
        with self._lock:
            if self._library.espeak_SetVoiceByName(voice.encode("utf-8", "replace")):
                raise SynthesisError(
                    f"voice {voice!r} is unknown to eSpeak NG; use a language such as en-us, en, de or fr, "
                    "with +f3 for another speaker"
                )
            self._library.espeak_SetParameter(RATE_PARAMETER, speed, 0)
            self._library.espeak_SetParameter(PITCH_PARAMETER, pitch, 0)
            return self._collect(text)

    def _collect(self, text: str) -> Spoken:
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
        self._library.espeak_SetSynthCallback(callback)
        encoded = text.encode("utf-8", "replace")
        failed = self._library.espeak_Synth(encoded, len(encoded) + 1, 0, 0, 0, UTF8, None, None)
        if failed or self._library.espeak_Synchronize():
            raise SynthesisError(f"eSpeak NG could not speak {text[:40]!r}; try a shorter text")
        samples = np.concatenate([np.zeros(0, np.int16), *blocks]).astype(np.float32) / 32768.0
        return Spoken(samples, self._sample_rate, tuple(events), tuple(words))


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
    try:
        library = ctypes.CDLL(str(espeakng_loader.get_library_path()))
    except OSError as error:
        raise SynthesisError(f"eSpeak NG cannot be loaded: {error}; reinstall espeakng-loader") from error
    folder = str(espeakng_loader.get_data_path()).encode()
    sample_rate = library.espeak_Initialize(RETRIEVAL, 0, folder, PHONEME_EVENTS | IPA_NAMES | NO_EXIT)
    if sample_rate <= 0:
        raise SynthesisError("eSpeak NG does not start: its voice data is missing; reinstall espeakng-loader")
    return Engine(library, sample_rate)
