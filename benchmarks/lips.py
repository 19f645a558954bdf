# SPDX-License-Identifier: GPL-3.0-or-later
"""How well the lips keep the promises of speech, on real recordings with labelled phones.

`python -m benchmarks.lips DATA/speech` animates every recording of `timit_sample` and `phone_labelled`, once from its
labels (what the motion model can do at best) and once from the sound alone, and scores the meshes against the labels:

- closure recall: p b m with the inner-lip gap under 1 mm at some frame from 125 ms before to 45 ms after the label
  (a stop's closure and release are one label), the window in which a viewer takes mouth and sound as one;
- closure precision: of the runs of frames under 1 mm between the first and the last sound, those that lie in the
  union of the same windows around p b m, f v and pauses (`touching`: those that at least touch it);
- open vowels (a ɑ æ ʌ ɛ ɔ) with the gap over 2 mm at some frame within 45 ms of the label;
- rest: labelled silences over 300 ms with no vertex 0.5 mm from neutral from 150 ms after the start to 120 ms before
  the end;
- for the reader: mean gap in speech, and the fastest the lower lip moves.
"""

import argparse
import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.core.face import canonical_face, lip_gap_cm
from backend.core.types import PhoneSpan
from backend.inference.bundle import DEFAULT_BUNDLE, open_bundle
from backend.inference.predict import Predictor, PredictRequest
from backend.motion.performance import Performance
from backend.speech.phone_sets import spans_of_labels
from backend.speech.phones import BILABIAL, LABIODENTAL, OPEN_VOWELS, SILENCE

EARLY_S, LATE_S = 0.125, 0.045
CLOSED_MM, OPEN_MM, REST_MM = 1.0, 2.0, 0.5
LONG_SILENCE_S, REST_AFTER_S, REST_BEFORE_S = 0.3, 0.15, 0.12

Mover = Callable[[NDArray[np.float64]], NDArray[np.float32]]
"""Displacement [T, 468, 3] in cm at times [T]."""
MoverOf = Callable[[list[PhoneSpan], Path], Mover]
"""The motion of a recording, given its labels and its sound."""


def read_labels(path: Path) -> list[PhoneSpan]:
    """Return the labelled phones of a recording in the shared set, closures joined to their releases."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(float(row["start_s"]), float(row["end_s"]), row["phone"]) for row in csv.DictReader(file)]
    return spans_of_labels(rows)


def score(labels: list[PhoneSpan], mover: Mover, fps: float) -> Counter[str]:
    """Return counts of what was kept and what was due, for one recording."""
    times = np.arange(0, labels[-1].end_s, 1 / fps)
    moved = mover(times)
    gap_mm = 10 * lip_gap_cm(canonical_face().neutral_cm + moved)
    shift_mm = 10 * np.linalg.norm(moved, axis=-1).max(axis=-1)
    counts: Counter[str] = Counter()
    for span in labels:
        length = span.end_s - span.start_s
        if span.phone in BILABIAL:
            near = _within(times, span.start_s - EARLY_S, span.end_s + LATE_S)
            counts["recall of"] += 1
            counts["recall"] += bool((gap_mm[near] < CLOSED_MM).any())
        elif span.phone in OPEN_VOWELS:
            near = _within(times, span.start_s - LATE_S, span.end_s + LATE_S)
            counts["open of"] += 1
            counts["open"] += bool((gap_mm[near] > OPEN_MM).any())
        elif span.phone == SILENCE and length > LONG_SILENCE_S:
            inside = _within(times, span.start_s + REST_AFTER_S, span.end_s - REST_BEFORE_S)
            counts["rest of"] += 1
            counts["rest"] += bool((shift_mm[inside] < REST_MM).all())
    return counts + _precision(labels, times, gap_mm) + _spoken(labels, times, gap_mm, moved)


def _within(times: NDArray[np.float64], start_s: float, end_s: float) -> NDArray[np.bool_]:
    return (times >= start_s) & (times <= end_s)


def _precision(labels: list[PhoneSpan], times: NDArray[np.float64], gap_mm: NDArray[np.float32]) -> Counter[str]:
    allowed = np.zeros(len(times), bool)
    for span in labels:
        if span.phone in BILABIAL | LABIODENTAL | {SILENCE}:
            allowed |= _within(times, span.start_s - EARLY_S, span.end_s + LATE_S)
    closed = (gap_mm < CLOSED_MM) & _speech(labels, times)
    edges = np.diff(np.concatenate([[0], closed.astype(int), [0]]))
    counts: Counter[str] = Counter()
    for first, past in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        counts["precision of"] += 1
        counts["precision"] += bool(allowed[first:past].all())
        counts["touching"] += bool(allowed[first:past].any())
    return counts


def _speech(labels: list[PhoneSpan], times: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return [T]: between the first and the last sound."""
    sounds = [span for span in labels if span.phone != SILENCE]
    return _within(times, sounds[0].start_s, sounds[-1].end_s)


def _spoken(
    labels: list[PhoneSpan], times: NDArray[np.float64], gap_mm: NDArray[np.float32], moved: NDArray[np.float32]
) -> Counter[str]:
    spoken = _speech(labels, times)
    speed = np.linalg.norm(np.diff(moved[:, 14], axis=0), axis=-1) / np.diff(times)
    # Counters add, so sums are kept in whole micrometres, and fast frames are counted.
    return Counter(
        {"frames": int(spoken.sum()), "gap": int(1000 * gap_mm[spoken].sum()), "fast": int((speed > 30).sum())}
    )


def from_sound(bundle: str) -> MoverOf:
    """Return what animates a recording from its sound alone, as `animate` does."""
    predictor = Predictor(open_bundle(bundle))
    return lambda _labels, sound: predictor.prepare(PredictRequest(sound)).performance.displacement_cm


def from_labels(labels: list[PhoneSpan], _sound: Path) -> Mover:
    """Return the motion of the labelled phones."""
    return Performance(labels, labels[-1].end_s).displacement_cm


def report(name: str, counts: Counter[str]) -> str:
    """Return one line of figures."""

    def share(key: str, of: str) -> str:
        return f"{100 * counts[key] / max(counts[of], 1):5.1f} % ({counts[key]}/{counts[of]})"

    return (
        f"{name:34s} recall {share('recall', 'recall of')}  precision {share('precision', 'precision of')}"
        f"  touching {share('touching', 'precision of')}  open vowels {share('open', 'open of')}"
        f"  rest {share('rest', 'rest of')}  mean gap {counts['gap'] / 1000 / max(counts['frames'], 1):.2f} mm"
        f"  frames over 30 cm/s {counts['fast']}"
    )


def main() -> None:
    """Score both sets from labels and from sound at 30 fps and 100 Hz."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path, help="folder that holds timit_sample and phone_labelled")
    parser.add_argument("--bundle", default=DEFAULT_BUNDLE, help="name or folder of the bundle that listens")
    args = parser.parse_args()
    ways: dict[str, MoverOf] = {"labels": from_labels, "sound": from_sound(args.bundle)}
    for folder in ("timit_sample", "phone_labelled"):
        for way, mover_of in ways.items():
            totals = {fps: Counter[str]() for fps in (30.0, 100.0)}
            for path in sorted((args.speech / folder).glob("*.phones.csv")):
                labels = read_labels(path)
                mover = mover_of(labels, path.with_name(path.name.replace(".phones.csv", ".wav")))
                for fps in totals:
                    totals[fps] += score(labels, mover, fps)
            for fps, counts in totals.items():
                print(report(f"{folder}, from {way}, {fps:g} Hz", counts))


if __name__ == "__main__":
    main()
