# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures as Markdown tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Rows = Mapping[str, Mapping[str, Any]]
PHONES = {
    "p b m F1 (P/R)": "pbm", "f v F1 (P/R)": "fv", "silence R / P": "sil", "onset, median": "onset_ms",
    "CPU s per s": "cpu_s_per_s",
}  # fmt: skip
MESH = {
    "p b m closed": "closed", "closures that are due": "closures_true", "offset, 5–95 %": "offset",
    "open vowels open": "open", "rest in long silences": "rest", "jitter there": "jitter_mm_s",
}  # fmt: skip
LIPS = {
    "opening r": "gap_r", "width r": "width_r", "lag": "lag_ms", "closure R / P": "closure",
    "word-initial p b m closed": "initial",
}  # fmt: skip
LANGUAGES = {
    "p b m words closed": "closed", "closures that are due": "closures_true", "open words open": "open",
    "score": "score", "of English": "of_english",
}  # fmt: skip
HARD = {
    "p b m F1 (P/R)": "pbm", "f v F1 (P/R)": "fv", "silence R / P": "sil", "onset, median": "onset_ms",
    "open vowels open": "open",
}  # fmt: skip
STILL = {"lips apart": "apart", "openings a second": "openings_per_s", "widest": "most_mm"}


def table(first: str, columns: Mapping[str, str], rows: Rows) -> str:
    """Return a table; rows that lack a figure show a dash."""
    lines = [f"| {first} | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    for name, row in rows.items():
        lines.append(f"| {name} | {' | '.join(_cell(row, key) for key in columns.values())} |")
    return "\n".join(lines) + "\n"


def _cell(row: Mapping[str, Any], key: str) -> str:
    if key in ("pbm", "fv"):
        return _words(row, "{:.3f} ({:.2f}/{:.2f})", (f"{key}_f1", f"{key}_precision", f"{key}_recall"))
    forms = {
        "sil": ("{:.2f} / {:.2f}", ("sil_recall", "sil_precision")),
        "offset": ("{:+.0f} … {:+.0f} ms", ("offset_5_ms", "offset_95_ms")),
        "closure": ("{:.2f} / {:.2f}", ("closure_recall", "closure_precision")),
        "initial": ("{} of {} (true {})", ("initial_pbm", "initial_pbm_of", "initial_pbm_true")),
        "onset_ms": ("{:.0f} ms", ("onset_ms",)),
        "lag_ms": ("{:+.0f} ms", ("lag_ms",)),
        "jitter_mm_s": ("{:.2f} mm/s", ("jitter_mm_s",)),
        "most_mm": ("{:.1f} mm", ("most_mm",)),
        "openings_per_s": ("{:.2f}", ("openings_per_s",)),
        "cpu_s_per_s": ("{:.3f}", ("cpu_s_per_s",)),
    }
    if f"{key}_of" in row or (key == "closures_true" and "closures" in row):
        of = "closures" if key == "closures_true" else f"{key}_of"
        if not isinstance(row[key], float):
            return f"{row[key]} of {row[of]}"
    if key in forms:
        return _words(row, *forms[key])
    value = row.get(key)
    if value is None or not np.isfinite(value):
        return "–"
    return f"{100 * value:.0f} %" if key in PERCENT else f"{value:.2f}"


PERCENT = frozenset({"closed", "closures_true", "open", "rest", "of_english", "apart"})


def _words(row: Mapping[str, Any], form: str, keys: Sequence[str]) -> str:
    values = [row.get(key) for key in keys]
    if any(value is None or not np.isfinite(value) for value in values):
        return "–"
    return form.format(*values)
