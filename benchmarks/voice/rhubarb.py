# SPDX-License-Identifier: GPL-3.0-or-later
"""Rhubarb Lip Sync's answers: those recorded in `peers/rhubarb`, and fresh ones where the program is on the PATH.

Its cues are mouth shapes, not phones: A is p b m, G is f v, X is rest. They are judged as such.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.audio.decode import read_info
from backend.core.types import PhoneSpan
from backend.speech.phone_sets import from_arpabet, split_span
from backend.speech.phones import SILENCE

MODES = ("phonetic", "pocketSphinx", "pocketSphinx_dialog")
OF_CUE = {"A": "p", "G": "f", "X": SILENCE, "B": "s", "C": "ɛ", "D": "a", "E": "ɔ", "F": "u", "H": "l"}
"""One phone of the mouth shape that each cue stands for (Rhubarb's manual, mouth shapes)."""

NOISES = frozenset({"noise", "breath", "cough", "smack"})
"""What it hears that is no speech."""

Cue = tuple[float, float, str]


@dataclass(frozen=True)
class Answers:
    """What one mode of Rhubarb said."""

    cues: dict[str, Any]
    """Recording -> its cues; of the GRID clips, set -> clip -> cues."""
    cpu_s_per_s: float | None
    phones: dict[str, Any]
    """Recording -> its phones, where it tells them."""


def recorded(peers: Path, name: str) -> Answers | None:
    """Return recorded answers, `timit_sample_phonetic` or the like; None where there are none."""
    path = peers / "rhubarb" / f"{name}.json"
    if not path.is_file():
        return None
    data = json.loads(path.read_text(encoding="utf-8"))
    return Answers(data["cues"], data.get("cpu_s_per_s"), data.get("phones", {}))


def spans_of(cues: list[Cue]) -> list[PhoneSpan]:
    """Return cues as spans of the phones that they stand for."""
    return [PhoneSpan(OF_CUE[shape], start_s, end_s) for start_s, end_s, shape in cues]


def heard_by(answers: Answers, name: str) -> list[PhoneSpan]:
    """Return the phones that it told of a recording, in the shared set; those of its cues where it told none."""
    spans: list[PhoneSpan] = []
    for start_s, end_s, label in answers.phones.get(name, []):
        shares = ((SILENCE, 1.0),) if label in NOISES else from_arpabet(label)
        spans += split_span(shares, start_s, end_s)
    return spans or spans_of(answers.cues[name])


def program() -> str | None:
    """Return the path of the `rhubarb` program, or None."""
    return shutil.which("rhubarb")


def fresh(sounds: Sequence[Path], mode: str) -> Answers:
    """Return what the program says of recordings now, on this machine."""
    cues: dict[str, Any] = {}
    cost_s = 0.0
    for sound in sounds:
        cues[sound.stem], spent_s = ask(sound, mode)
        cost_s += spent_s
    return Answers(cues, cost_s / sum(read_info(sound).duration_s for sound in sounds), {})


def ask(sound: Path, mode: str) -> tuple[list[Cue], float]:
    """Return what the program says of a WAV file, and the CPU seconds that it took."""
    recognizer = "phonetic" if mode == "phonetic" else "pocketSphinx"
    command = [str(program()), "-q", "-f", "json", "--threads", "1", "-r", recognizer, str(sound)]
    text = sound.with_suffix(".txt")
    if mode.endswith("dialog"):
        command += ["-d", str(text)]
    before = os.times()
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    after = os.times()
    cost_s = after.children_user + after.children_system - before.children_user - before.children_system
    return [(cue["start"], cue["end"], cue["value"]) for cue in json.loads(answer)["mouthCues"]], cost_s
