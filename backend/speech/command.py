# SPDX-License-Identifier: GPL-3.0-or-later
"""Any other synthesiser, by a command template: `say -o {wav} {text_file}`. No shell ever sees it.

The template is split into arguments first, then each placeholder is put in, so that no text can become an option of
its own or a second command. It is still a command: take templates from the user, never from a sheet of lines.
"""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from ..audio.decode import read_info, stream_mono
from ..core.errors import SoundError, SynthesisError
from .engines import Delivery, Said, check_manner, digest_of
from .joining import joined
from .markup import Stretch
from .plain_text import spoken_text

LIMIT_S = 300.0
LONGEST_ARGUMENT = 30_000
"""Bytes of text that every system takes as one argument."""
PLACEHOLDERS = ("wav", "text_file", "text", "voice", "language", "speed", "pitch")
LAST_WORDS = 4000
"""Bytes of what a command says of its failure that are looked at."""


class CommandEngine:
    """Runs a program for each piece of text; tells no phone times."""

    name = "command"

    def __init__(self, template: str, limit_s: float = LIMIT_S) -> None:
        self.template = template
        self._limit_s = limit_s

    def problems(self, delivery: Delivery, text: str = "") -> list[str]:
        """Return what is wrong with template, pace, pitch or text."""
        try:
            arguments = self._arguments()
        except SynthesisError as error:
            return [str(error)]
        wrong = check_manner(delivery)
        if "{wav}" not in self.template:
            wrong.append("the engine command lacks {wav}, where its sound is to go")
        if "{text}" not in self.template and "{text_file}" not in self.template:
            wrong.append("the engine command lacks {text_file} or {text}, what it is to say")
        for name, value, neutral in (("speed", delivery.speed, 1.0), ("pitch", delivery.pitch, 0.0)):
            if value != neutral and f"{{{name}}}" not in self.template:
                wrong.append(f"the engine command has no {{{name}}}, so {name} {value:g} cannot be; leave it out")
        if shutil.which(arguments[0]) is None:
            wrong.append(f"the engine command's program {arguments[0][:60]!r} is not found; check its path")
        try:
            spoken_text(text or "a")
        except SynthesisError as error:
            wrong.append(str(error))
        return wrong

    def fingerprint(self, delivery: Delivery) -> str:
        """Return the template and the program's digest."""
        try:
            program = shutil.which(self._arguments()[0])
        except SynthesisError:
            program = None
        return f"command {self.template} {digest_of(Path(program)) if program else 'missing'} {delivery.voice}"

    def say(self, stretches: list[Stretch], delivery: Delivery) -> Said:
        """Speak a line; see `SpeechEngine.say`."""
        if wrong := self.problems(delivery):
            raise SynthesisError("; ".join(wrong))
        spoken_text("".join(stretch.text for stretch in stretches))
        pieces: list[Said] = []
        pauses_s: list[float] = []
        for stretch in stretches:
            if any(character.isalnum() for character in stretch.text):
                speed, pitch = delivery.speed * stretch.speed, delivery.pitch + stretch.pitch
                manner = Delivery(delivery.voice, delivery.language, speed, pitch)
                if wrong := self.problems(manner):
                    raise SynthesisError("; ".join(wrong))
                pieces.append(self._run(spoken_text(stretch.text), manner))
                pauses_s.append(stretch.pause_s)
            elif pauses_s:
                pauses_s[-1] += stretch.pause_s
        return joined(pieces, pauses_s)

    def _arguments(self) -> list[str]:
        try:
            # Windows' paths are full of backslashes, which POSIX splitting would eat
            parts = shlex.split(self.template, posix=sys.platform != "win32")
        except ValueError as error:
            raise SynthesisError(f"the engine command cannot be split ({error}); close its quotes") from error
        if not parts or "\0" in self.template:
            raise SynthesisError("the engine command is empty; name a program")
        return [part.strip('"') for part in parts] if sys.platform == "win32" else parts

    def _run(self, text: str, delivery: Delivery) -> Said:
        with tempfile.TemporaryDirectory(prefix="lipsync3d-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            wav, text_file, words = folder / "speech.wav", folder / "text.txt", folder / "errors.txt"
            text_file.write_text(text + "\n", encoding="utf-8")
            values = {
                "wav": str(wav), "text_file": str(text_file), "text": _as_argument(text, self.template),
                "voice": delivery.voice, "language": delivery.language,
                "speed": f"{delivery.speed:g}", "pitch": f"{delivery.pitch:g}",
            }  # fmt: skip
            arguments = [_filled(argument, values) for argument in self._arguments()]
            with words.open("wb") as stderr:
                status = _wait(arguments, stderr.fileno(), self._limit_s)
            if status:
                raise SynthesisError(f"the engine command {arguments[0]!r} ended with {status}{_last_line(words)}")
            if not wav.is_file():
                raise SynthesisError(
                    f"the engine command {arguments[0]!r} wrote no sound to {{wav}}{_last_line(words)}"
                )
            return _read(wav, arguments[0])


def _filled(argument: str, values: dict[str, str]) -> str:
    """Return an argument with its placeholders filled in one pass: a text that holds `{wav}` stays a text."""
    parts = argument.split("{")
    filled = [parts[0]]
    for part in parts[1:]:
        name, brace, rest = part.partition("}")
        filled.append(values[name] + rest if brace and name in values else "{" + part)
    return "".join(filled)


def _as_argument(text: str, template: str) -> str:
    """Return a text that cannot be taken for an option, and that fits a command line."""
    if "{text}" in template and len(text.encode("utf-8")) > LONGEST_ARGUMENT:
        raise SynthesisError("the text is too long for {text}; write {text_file} in the engine command")
    return f" {text}" if text[:1] in "-/@" else text


def _wait(arguments: list[str], stderr: int, limit_s: float) -> int:
    """Run a program to its end and return its exit status; it and its children end at the time limit."""
    group = sys.platform != "win32"
    try:
        process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=group
        )
    except (OSError, ValueError) as error:
        raise SynthesisError(f"the engine command {arguments[0]!r} cannot be run: {error}") from error
    try:
        return process.wait(limit_s)
    except subprocess.TimeoutExpired as error:
        raise SynthesisError(
            f"the engine command {arguments[0]!r} took longer than {limit_s:g} s and was ended; give it shorter texts"
        ) from error
    finally:
        if process.poll() is None:
            if sys.platform != "win32":
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.wait()


def _last_line(words: Path) -> str:
    lines = words.read_bytes()[-LAST_WORDS:].decode("utf-8", "replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    return f": {said[-1][:200]}" if said else "; run it by hand to see why"


def _read(wav: Path, program: str) -> Said:
    try:
        info = read_info(wav)
        samples = np.concatenate(list(stream_mono(wav, sample_rate=info.sample_rate)))
    except SoundError as error:
        reason = str(error).replace(str(wav), "its sound")
        raise SynthesisError(f"the engine command {program!r} wrote no sound that can be read: {reason}") from error
    if not np.any(samples):
        raise SynthesisError(f"the engine command {program!r} wrote silence; run it by hand to see why")
    return Said(samples, info.sample_rate)
