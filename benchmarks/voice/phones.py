# SPDX-License-Identifier: GPL-3.0-or-later
"""Phones found and lips moved, against labelled phones: `timit_sample` and `phone_labelled`.

`pbm`, `fv`, `sil`: F1 as `backend.training.universal.evaluate` counts it (±40 ms). Onset: start of a found p b m f v
against its label's, median of absolute values. On the mesh: as `benchmarks.lips`, at 30 fps; offsets are those of the
lips' closing (gap under 1 mm) against the labelled start of p b m, jitter is the RMS speed of all vertices in long
silences, from 150 ms after their start to 120 ms before their end.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from backend.audio.decode import load_mono
from backend.audio.features import SAMPLE_RATE
from backend.core.face import canonical_face, lip_gap_cm
from backend.core.types import PhoneSpan
from backend.speech.phones import BILABIAL, LABIODENTAL, SILENCE
from backend.training.universal.evaluate import compare, read_labels, total
from backend.training.universal.labels import Teacher

from .. import lips
from .rhubarb import Answers, heard_by, spans_of
from .ways import FPS, TEXT, Clip, Way

NEAR_S = 0.12
"""Onsets further apart are of different phones."""
FINE_HZ = 100.0
SETS = {
    "timit_sample": ("timit_sample", ""),
    "other hand labels": ("phone_labelled", "emur praatio"),
    "machine labels": ("phone_labelled", "arctic librivox"),
}
"""Name -> folder and beginnings of the files' names."""
Figures = dict[str, Any]


@dataclass(frozen=True)
class Labelled:
    """A recording with labels."""

    clip: Clip
    labels: list[PhoneSpan]


def recordings(speech: Path, name: str) -> list[Labelled]:
    """Return the recordings of a set of `SETS`."""
    folder, beginnings = SETS[name]
    found: list[Labelled] = []
    for table in sorted((speech / folder).glob("*.phones.csv")):
        if table.name.startswith(tuple(beginnings.split()) or ""):
            stem = table.name.removesuffix(".phones.csv")
            text = table.with_name(f"{stem}.txt")
            clip = Clip(table.with_name(f"{stem}.wav"), text.read_text(encoding="utf-8") if text.is_file() else "")
            found.append(Labelled(clip, read_labels(table)))
    return found


def measure(speech: Path, ways: dict[str, Way]) -> dict[str, dict[str, Figures]]:
    """Return set -> way -> figures; `with text` only where there are texts."""
    found: dict[str, dict[str, Figures]] = {}
    for name in SETS:
        clips = recordings(speech, name)
        found[name] = {
            way: figures(clips, listen)
            for way, listen in ways.items()
            if way != TEXT or all(c.clip.text for c in clips)
        }
    return found


def figures(clips: Sequence[Labelled], listen: Way) -> Figures:
    """Return the figures of one way over a set."""
    rates, counts = [], Counter[str]()
    onsets: list[float] = []
    offsets: list[float] = []
    speeds: list[float] = []
    cpu_s = duration_s = 0.0
    for each in clips:
        answer = listen(each.clip)
        rates.append(compare(answer.spans, each.labels))
        onsets += onset_differences(answer.spans, each.labels)
        counts += lips.score(each.labels, answer.mover, FPS)
        offsets += closing_offsets(each.labels, answer.mover)
        speeds += still_speeds(each.labels, answer.mover)
        cpu_s, duration_s = cpu_s + answer.cpu_s, duration_s + answer.duration_s
    return {**phone_figures(rates, onsets), **mesh_figures(counts, offsets, speeds), "cpu_s_per_s": cpu_s / duration_s}


def phone_figures(rates: list[Any], onsets: list[float]) -> Figures:
    """Return F1, precision and recall by class, and the onsets."""
    found: Figures = {}
    for kind, rate in total(rates).items():
        found |= {f"{kind}_f1": rate.f1, f"{kind}_precision": rate.precision, f"{kind}_recall": rate.recall}
    return {**found, "onset_ms": 1000 * float(np.median(np.abs(onsets))), "bias_ms": 1000 * float(np.median(onsets))}


def mesh_figures(counts: Counter[str], offsets: list[float], speeds: list[float]) -> Figures:
    """Return the shares on the mesh, offsets and jitter."""

    def share(name: str, of: str) -> float:
        return counts[name] / counts[of] if counts[of] else float("nan")

    low, high = (1000 * float(each) for each in np.percentile(offsets, (5, 95))) if offsets else (np.nan, np.nan)
    return {
        "closed": share("recall", "recall of"),
        "closures_true": share("precision", "precision of"),
        "offset_5_ms": low,
        "offset_95_ms": high,
        "open": share("open", "open of"),
        "rest": share("rest", "rest of"),
        "rest_of": counts["rest of"],
        "jitter_mm_s": float(np.sqrt(np.mean(np.square(speeds)))) if speeds else float("nan"),
    }


def onset_differences(spans: Sequence[PhoneSpan], labels: Sequence[PhoneSpan]) -> list[float]:
    """Return start found minus start labelled of each p b m and f v that was found, in seconds."""
    found: list[float] = []
    for kind in (BILABIAL, LABIODENTAL):
        starts = np.array([span.start_s for span in spans if span.phone in kind])
        for label in labels:
            if label.phone in kind and len(starts):
                nearest = float(starts[np.abs(starts - label.start_s).argmin()]) - label.start_s
                found += [nearest] if abs(nearest) < NEAR_S else []
    return found


def closing_offsets(labels: Sequence[PhoneSpan], mover: lips.Mover) -> list[float]:
    """Return when the lips close against the labelled start of each p b m, where they close within a quarter second."""
    times = np.arange(0, labels[-1].end_s, 1 / FINE_HZ)
    closed = 10 * lip_gap_cm(canonical_face().neutral_cm + mover(times)) < lips.CLOSED_MM
    closing = times[np.flatnonzero(np.diff(np.concatenate([[0], closed.astype(int)])) == 1)]
    differences = [closing - span.start_s for span in labels if span.phone in BILABIAL]
    nearest = [float(each[np.abs(each).argmin()]) for each in differences if len(each)]
    return [offset for offset in nearest if abs(offset) < 0.25]


def still_speeds(labels: Sequence[PhoneSpan], mover: lips.Mover) -> list[float]:
    """Return the speeds (mm/s, RMS over vertices) of each frame inside the long silences."""
    speeds: list[float] = []
    for span in labels:
        if span.phone == SILENCE and span.end_s - span.start_s > lips.LONG_SILENCE_S:
            times = np.arange(span.start_s + lips.REST_AFTER_S, span.end_s - lips.REST_BEFORE_S, 1 / FPS)
            if len(times) > 1:
                steps = np.diff(10 * mover(times), axis=0) * FPS
                speeds += np.sqrt(np.square(steps).sum(axis=-1).mean(axis=-1)).tolist()
    return speeds


def words_alone(clips: Sequence[Labelled]) -> Figures:
    """Return what pocketsphinx takes to decode the words of every second recording with its own settings, no more."""
    teacher, sounds = Teacher(), [load_mono(each.clip.sound) for each in clips[::2]]
    teacher.hear(sounds[0])  # reads its model
    began = time.process_time()
    for sound in sounds:
        teacher.hear(sound)
    return {"cpu_s_per_s": (time.process_time() - began) * SAMPLE_RATE / sum(map(len, sounds))}


def rhubarb(clips: Sequence[Labelled], answers: Answers, *, shapes: bool) -> Figures:
    """Return the phone figures of Rhubarb's answers: of its mouth shapes, which a user sees, or of its phones."""
    there = [(each.clip.sound.stem, each.labels) for each in clips if each.clip.sound.stem in answers.cues]
    known = [(spans_of(answers.cues[name]) if shapes else heard_by(answers, name), labels) for name, labels in there]
    onsets = [value for spans, labels in known for value in onset_differences(spans, labels)]
    found = phone_figures([compare(spans, labels) for spans, labels in known], onsets)
    return {**found, "cpu_s_per_s": answers.cpu_s_per_s}
