# SPDX-License-Identifier: GPL-3.0-or-later
"""How well phones are found on hand-labelled speech: lip closures, lip–teeth contacts, silence.

A labelled p b m counts as found if a predicted p b m overlaps its interval widened by 40 ms on both sides; each
predicted one answers for at most one labelled one. Two closures of one kind in a row count as one.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...core.types import PhoneSpan
from ...speech.phone_sets import spans_of_labels
from ...speech.phones import BILABIAL, LABIODENTAL, SILENCE

TOLERANCE_S = 0.04
FRAME_S = 0.01


@dataclass(frozen=True, slots=True)
class Rates:
    """Counts of one class over many recordings."""

    found: int = 0
    """Labelled ones that a prediction matches."""
    labelled: int = 0
    true: int = 0
    """Predicted ones that match a label."""
    predicted: int = 0

    def __add__(self, other: "Rates") -> "Rates":
        return Rates(
            self.found + other.found,
            self.labelled + other.labelled,
            self.true + other.true,
            self.predicted + other.predicted,
        )

    @property
    def recall(self) -> float:
        """Share of the labelled that is found."""
        return self.found / max(self.labelled, 1)

    @property
    def precision(self) -> float:
        """Share of the predicted that is labelled."""
        return self.true / max(self.predicted, 1)

    @property
    def f1(self) -> float:
        """Harmonic mean of recall and precision."""
        return self.f_score(1.0)

    def f_score(self, beta: float) -> float:
        """Return the harmonic mean in which recall counts `beta` squared times as much (van Rijsbergen 1979)."""
        weight = beta**2
        return (1 + weight) * self.recall * self.precision / max(self.recall + weight * self.precision, 1e-9)

    @property
    def summary(self) -> str:
        """F1, precision and recall in a line."""
        return f"F1 {self.f1:.3f} (P {self.precision:.3f}, R {self.recall:.3f}, {self.labelled} labelled)"


def read_labels(table: Path) -> list[PhoneSpan]:
    """Return the spans of a `start_s,end_s,phone` table in any known label set."""
    with table.open(encoding="utf-8", newline="") as lines:
        rows = [(float(row["start_s"]), float(row["end_s"]), row["phone"]) for row in csv.DictReader(lines)]
    return spans_of_labels(rows)


def compare(predicted: Sequence[PhoneSpan], labelled: Sequence[PhoneSpan]) -> dict[str, Rates]:
    """Return the rates of one recording for `pbm`, `fv` and `sil` (silence by frames of 10 ms)."""
    rates = {
        "pbm": _events(_merged(predicted, BILABIAL), _merged(labelled, BILABIAL)),
        "fv": _events(_merged(predicted, LABIODENTAL), _merged(labelled, LABIODENTAL)),
    }
    end_s = labelled[-1].end_s
    said, truth = _silent_frames(predicted, end_s), _silent_frames(labelled, end_s)
    both = int((said & truth).sum())
    return {**rates, "sil": Rates(both, int(truth.sum()), both, int(said.sum()))}


def total(rates: Sequence[Mapping[str, Rates]]) -> dict[str, Rates]:
    """Return the sums over recordings."""
    return {name: sum((each[name] for each in rates), Rates()) for name in ("pbm", "fv", "sil")}


def _merged(spans: Sequence[PhoneSpan], phones: frozenset[str]) -> list[tuple[float, float]]:
    merged: list[tuple[float, float]] = []
    for span in spans:
        if span.phone not in phones:
            continue
        if merged and span.start_s - merged[-1][1] < 1e-6:
            merged[-1] = (merged[-1][0], span.end_s)
        else:
            merged.append((span.start_s, span.end_s))
    return merged


def _events(predicted: Sequence[tuple[float, float]], labelled: Sequence[tuple[float, float]]) -> Rates:
    used: set[int] = set()
    for start_s, end_s in labelled:
        for index, (first_s, last_s) in enumerate(predicted):
            near = last_s > start_s - TOLERANCE_S and first_s < end_s + TOLERANCE_S
            if near and index not in used:
                used.add(index)
                break
    return Rates(len(used), len(labelled), len(used), len(predicted))


def _silent_frames(spans: Sequence[PhoneSpan], end_s: float) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    silent = np.ones(round(end_s / FRAME_S), np.bool_)
    for span in spans:
        if span.phone != SILENCE:
            silent[round(span.start_s / FRAME_S) : round(span.end_s / FRAME_S)] = False
    return silent
