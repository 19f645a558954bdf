# SPDX-License-Identifier: GPL-3.0-or-later
"""How well the voice model hears spoiled speech, and whether the mouth stays still where nobody speaks.

Speech: `timit_sample` with each spoiling of `spoiled`, by the network alone. F1 as in `phones`; `open`: of open vowels,
those with the lips open over 2 mm (a mouth that noise freezes has few); silence as heard. Not speech: how much of the
time the lips are over 1 mm apart, and how often a second they open.
"""

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from backend.audio.decode import load_mono
from backend.core.face import canonical_face, lip_gap_cm
from backend.core.types import Floats, PhoneSpan
from backend.training.universal.data import HELD_OUT_LIST, listed
from backend.training.universal.evaluate import compare

from .. import lips
from . import spoiled
from .phones import Labelled, onset_differences, phone_figures
from .spoiled import RATE, Spoil
from .ways import FPS, Clip, Way

SNRS_DB = (20, 10, 5, 0)
APART_MM = 1.0
LENGTH_S = 20.0
Figures = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A way of spoiling speech."""

    name: str
    spoil: Spoil
    stretch: float = 1.0
    """By how much the labels' times grow."""


def cases(voices: Sequence[Floats]) -> list[Case]:
    """Return every case; `voices` make the babble."""
    found = [Case("clean", lambda samples, _draw: samples)]
    noises = {"white noise": spoiled.white, "babble": partial(spoiled.babble, voices=voices), "music": spoiled.music}
    for name, noise in noises.items():
        for snr_db in SNRS_DB:
            found.append(Case(f"{name}, {snr_db} dB", _under(noise, snr_db)))
    return [
        *found,
        *(Case(f"room, {decay_s:g} s", spoiled.room(decay_s)) for decay_s in (0.3, 0.6, 1.0)),
        Case("telephone", spoiled.telephone),
        Case("clipping, 20 dB", spoiled.clipped),
        Case("whisper", spoiled.whisper),
        Case("sung", spoiled.sung),
        Case("child's voice", spoiled.higher(1.3)),
        Case("slow, x 0.6", spoiled.tempo(0.6), 1 / 0.6),
        Case("fast, x 1.7", spoiled.tempo(1.7), 1 / 1.7),
    ]


def _under(noise: Any, snr_db: float) -> Spoil:  # noqa: ANN401 - a function of count and generator
    return lambda samples, draw: spoiled.mixed(samples, noise(len(samples), draw), snr_db)


def voices(speech: Path) -> list[Floats]:
    """Return the voices of the babble: the held-out recordings."""
    return [load_mono(speech / name) for name in listed(HELD_OUT_LIST)[:12]]


def measure(speech: Path, clips: Sequence[Labelled], listen: Way, only: Sequence[str] = ()) -> dict[str, Figures]:
    """Return case -> figures."""
    chosen = [case for case in cases(voices(speech)) if not only or case.name in only]
    return {case.name: spoiled_figures(case, clips, listen) for case in chosen}


def spoiled_figures(case: Case, clips: Sequence[Labelled], listen: Way) -> Figures:
    """Return the figures of one case."""
    rates: list[Any] = []
    onsets: list[float] = []
    counts = Counter[str]()
    for index, each in enumerate(clips):
        labels = stretched(each.labels, case.stretch)
        with tempfile.TemporaryDirectory(prefix="lipsync3d-") as folder:
            sound = Path(folder) / "hard.wav"
            samples = case.spoil(load_mono(each.clip.sound), np.random.default_rng(index))
            soundfile.write(sound, samples, RATE, subtype="FLOAT")
            answer = listen(replace(each.clip, sound=sound))
        rates.append(compare(answer.spans, labels))
        onsets += onset_differences(answer.spans, labels)
        counts += lips.score(labels, answer.mover, FPS)
    opened = counts["open"] / max(counts["open of"], 1)
    return {**phone_figures(rates, onsets), "open": opened, "gap_mm": counts["gap"] / 1000 / max(counts["frames"], 1)}


def stretched(labels: Sequence[PhoneSpan], factor: float) -> list[PhoneSpan]:
    """Return labels with all times multiplied."""
    return [PhoneSpan(span.phone, span.start_s * factor, span.end_s * factor) for span in labels]


def not_speech() -> Iterator[tuple[str, Floats]]:
    """Yield sounds in which nobody speaks."""
    draw, count = np.random.default_rng(5), int(LENGTH_S * RATE)
    yield "digital silence", np.zeros(count, np.float32)
    yield "white noise", spoiled.white(count, draw)
    swell = 0.55 + 0.45 * np.sin(2 * np.pi * 0.3 * np.arange(count) / RATE)
    yield "swelling wind", (np.cumsum(spoiled.white(count, draw)) * 1e-3 * swell).astype(np.float32)
    yield "hum, 50 Hz", (0.05 * np.sign(np.sin(2 * np.pi * 50 * np.arange(count) / RATE))).astype(np.float32)
    yield "music", spoiled.music(count, draw)
    yield "clicks", (0.5 * (draw.random(count) < 3 / RATE)).astype(np.float32)


def still(listen: Way) -> dict[str, Figures]:
    """Return sound -> how much the mouth moves."""
    found: dict[str, Figures] = {}
    for name, samples in not_speech():
        with tempfile.TemporaryDirectory(prefix="lipsync3d-") as folder:
            sound = Path(folder) / "still.wav"
            soundfile.write(sound, samples, RATE, subtype="FLOAT")
            answer = listen(Clip(sound))
        gap_mm = 10 * lip_gap_cm(canonical_face().neutral_cm + answer.mover(np.arange(0, LENGTH_S, 1 / FPS)))
        apart = gap_mm > APART_MM
        openings = int((np.diff(apart.astype(int)) == 1).sum())
        found[name] = {
            "apart": float(apart.mean()),
            "openings_per_s": openings / LENGTH_S,
            "most_mm": float(gap_mm.max()),
        }
    return found
