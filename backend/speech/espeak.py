# SPDX-License-Identifier: GPL-3.0-or-later
"""eSpeak NG: text in, samples and raw phoneme events out, by a process that runs beside this one.

The library carries noise and phase over from text to text, seeds its noise by the clock, and ends the whole process at
some texts (Greenlandic's 8 in version 1.52). So `espeak_child` loads it anew for every text, with a fixed seed: the
same text gives the same samples whatever was spoken before, and what it cannot read is an error. A lock lets one text
through at a time.
"""

import atexit
import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from ..core.errors import SynthesisError

CHILD = Path(__file__).with_name("espeak_child.py")
PATIENCE_S, PATIENCE_A_CHARACTER_S = 60.0, 0.02
"""How long a text may take; it takes a thousandth of that."""


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


class _Process(Protocol):
    """A process whose ends are pipes."""

    stdin: IO[bytes]
    stdout: IO[bytes]
    kill: Callable[[], None]
    wait: Callable[[], int]
    poll: Callable[[], int | None]


class Engine:
    """The library's files; make it through `engine`."""

    def __init__(self, library: Path, data: Path) -> None:
        self._library = library
        self._data = data
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self._owner = 0
        atexit.register(self._end)
        told, _ = self._ask({}, PATIENCE_S)
        self.version = str(told["version"])
        # some builds list voices whose dictionary they lack: those say nothing
        self.voices: tuple[VoiceFile, ...] = tuple(
            voice for row in told["voices"] if self._has_dictionary(voice := VoiceFile(*row))
        )
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
        request = {"text": text, "voice": voice, "speed": speed, "pitch": pitch, "markup": markup}
        answer, sound = self._ask(request, PATIENCE_S + PATIENCE_A_CHARACTER_S * len(text))
        samples = np.frombuffer(sound, np.int16).astype(np.float32) / 32768.0
        events = cast("list[tuple[int, str, int]]", answer["events"])
        rows = tuple((sample, name) for sample, name, _ in events)
        return Spoken(samples, int(answer["sample_rate"]), rows, tuple(place for _, _, place in events))

    def _ask(self, request: dict[str, Any], limit_s: float) -> tuple[dict[str, Any], bytes]:
        """Return what the library's process answers, and the bytes after it."""
        told = ascii(str(request.get("text", ""))[:40])
        asked = json.dumps({**request, "library": str(self._library), "data": str(self._data)}).encode()
        with self._lock:
            process = self._running()
            timer = threading.Timer(limit_s, process.kill)
            timer.start()
            try:
                process.stdin.write(asked + b"\n")
                process.stdin.flush()
                head = process.stdout.readline()
                answer = cast("dict[str, Any]", json.loads(head))
                sound = process.stdout.read(answer["bytes"])
            except (OSError, ValueError) as error:  # it died: at a text of this kind, or its time was up
                self._end()
                raise SynthesisError(
                    f"eSpeak NG breaks down at {told} (voice {request.get('voice', 'none')}); write numbers as words "
                    "and leave rare characters out"
                ) from error
            except BaseException:  # an answer that nobody waited for must not be taken for the next one
                self._end()
                raise
            finally:
                timer.cancel()
        if error := answer.get("error"):
            raise SynthesisError(_REASONS[error].format(voice=request.get("voice"), text=told, **answer))
        return answer, sound

    def _running(self) -> "_Process":
        """Return the library's process, started where none runs; a child of `fork` starts its own."""
        if self._process is None or self._process.poll() is not None or self._owner != os.getpid():
            flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
            command = [sys.executable, "-I", "-S", str(CHILD)]
            pipe = subprocess.PIPE
            try:
                process = subprocess.Popen(
                    command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, creationflags=flags
                )
            except OSError as error:
                raise SynthesisError(f"eSpeak NG cannot be started: {error}; free some memory") from error
            self._process, self._owner = cast("_Process", process), os.getpid()
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None and self._owner == os.getpid():
            process.kill()
            process.wait()
            process.stdout.close()
            with contextlib.suppress(OSError):  # what it did not read any more
                process.stdin.close()

    def _has_dictionary(self, voice: VoiceFile) -> bool:
        text = (self._data / "lang" / voice.identifier).read_text(encoding="utf-8", errors="replace")
        named = re.search(r"^dictionary\s+(\S+)", text, re.MULTILINE)
        return (self._data / f"{named[1] if named else voice.language.partition('-')[0]}_dict").is_file()


_REASONS = {
    "voice": "voice {voice!r} is unknown to eSpeak NG; use a language such as en-us, en, de or fr, with +f3 for "
    "another speaker",
    "text": "eSpeak NG could not speak {text}; try a shorter text",
    "library": "eSpeak NG cannot be loaded: {reason}; reinstall espeakng-loader",
    "data": "eSpeak NG does not start: its voice data is missing; reinstall espeakng-loader",
}


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
