# SPDX-License-Identifier: GPL-3.0-or-later
"""Phones the user knows already: the phones file, read and checked, and written.

JSON (the `phones` list of the curves format, or a curves file) or CSV with the columns `start_s,end_s,phone`. Labels
are IPA; ARPABET and TIMIT labels are understood. Time between spans is silence.
"""

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from ..core.curves import phones_json
from ..core.errors import TimingError
from ..core.files import read_bounded_text, written_beside
from ..core.types import PhoneSpan
from ..speech.phone_sets import Shares, from_ipa, shares_of_set, split_span
from ..speech.phones import PHONE_INDEX, SILENCE

Row = tuple[str, float, float, str, float]
"""Where it stands in the file, start_s, end_s, label, confidence."""
LARGEST_BYTES = 256 << 20
TOLERANCE_S = 0.002
"""Overlaps up to this are rounding; beyond, a mistake."""


def read_phones(path: Path) -> list[PhoneSpan]:
    """Return the spans of a phones file, in order, as it gives them.

    Raises:
        TimingError: unreadable file, or a row that makes no sense, named by its line or entry.
    """
    text = read_bounded_text(path, "phones file", LARGEST_BYTES, TimingError)
    rows = list(_json_rows(path, text) if text.lstrip()[:1] in ("[", "{") else _csv_rows(path, text))
    if not rows:
        raise TimingError(f"phones file {path} holds no phones; give start_s, end_s and phone for each")
    _check_times(path, rows)
    shares = _shares(path, rows)
    return [
        PhoneSpan(piece.phone, piece.start_s, piece.end_s, confidence)
        for _, start_s, end_s, label, confidence in rows
        for piece in split_span(shares[label], start_s, end_s)
    ]


def fit_phones(spans: Sequence[PhoneSpan], duration_s: float, source: str) -> list[PhoneSpan]:
    """Return spans that cover a sound from 0 to its end without gaps; gaps are silence.

    Raises:
        TimingError: phones that begin after the sound has ended.
    """
    fitted: list[PhoneSpan] = []
    at = 0.0
    for span in spans:
        if span.start_s >= duration_s and span.phone != SILENCE:
            raise TimingError(
                f"{source}: phone {span.phone} begins at {span.start_s:.3f} s but the sound ends at "
                f"{duration_s:.3f} s; give the phones of this sound"
            )
        if span.start_s - at > TOLERANCE_S:
            fitted.append(PhoneSpan(SILENCE, at, span.start_s))
            at = span.start_s
        end_s = min(span.end_s, duration_s)
        if end_s > at:
            fitted.append(PhoneSpan(span.phone, at, end_s, span.confidence))
            at = end_s
    if duration_s - at > TOLERANCE_S:
        fitted.append(PhoneSpan(SILENCE, at, duration_s))
    return fitted


def write_phones(path: Path, spans: Iterable[PhoneSpan]) -> None:
    """Write spans as a phones file in JSON.

    Raises:
        OutputError: the folder is missing, read-only or full.
    """
    with written_beside(path) as beside:
        beside.write_text(phones_json(spans) + "\n", encoding="utf-8")


def _json_rows(path: Path, text: str) -> Iterable[Row]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TimingError(f"phones file {path} is not valid JSON ({error}); mend it or give CSV") from error
    entries = cast("dict[str, Any]", data).get("phones") if isinstance(data, dict) else data
    if not isinstance(entries, list):
        raise TimingError(f"phones file {path}: expected a list of phones, or an object with one under `phones`")
    for index, entry in enumerate(cast("list[Any]", entries)):
        where = f"{path}, entry {index + 1}"
        if not isinstance(entry, dict):
            raise TimingError(f"{where}: expected an object with phone, start_s and end_s")
        yield _row(where, cast("dict[str, Any]", entry))


def _csv_rows(path: Path, text: str) -> Iterable[Row]:
    reader = csv.DictReader(text.splitlines(), skipinitialspace=True)
    if not {"start_s", "end_s", "phone"} <= set(reader.fieldnames or ()):
        raise TimingError(f"phones file {path}, line 1: the columns must be start_s,end_s,phone")
    try:
        for entry in reader:
            yield _row(f"{path}, line {reader.line_num}", dict(entry))
    except csv.Error as error:
        raise TimingError(f"{path}, line {reader.line_num + 1}: {error}; give start_s,end_s,phone") from error


def _row(where: str, entry: dict[str, Any]) -> Row:
    label = entry.get("phone")
    if not isinstance(label, str):
        raise TimingError(f"{where}: phone is missing; give an IPA label")
    try:
        start_s, end_s = float(entry["start_s"]), float(entry["end_s"])
        confidence = float(entry.get("confidence") or 1.0)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise TimingError(f"{where}: start_s and end_s must be numbers of seconds") from error
    if not np.isfinite([start_s, end_s, confidence]).all():
        raise TimingError(f"{where}: start_s, end_s and confidence must be finite")
    return where, start_s, end_s, label.strip(), min(max(confidence, 0.0), 1.0)


def _check_times(path: Path, rows: Sequence[Row]) -> None:
    before = 0.0
    for where, start_s, end_s, label, _ in rows:
        if start_s < 0:
            raise TimingError(f"{where}: phone {label} begins before 0 s; times count from the start of the sound")
        if end_s <= start_s:
            raise TimingError(f"{where}: phone {label} ends at {end_s:g} s, not after its start at {start_s:g} s")
        if start_s < before - TOLERANCE_S:
            raise TimingError(
                f"{where}: phone {label} begins at {start_s:g} s, before {before:g} s where the last ends"
            )
        before = end_s
    if before > 1e6:
        raise TimingError(f"phones file {path}: times go to {before:g} s; they must be seconds")


def _shares(path: Path, rows: Sequence[Row]) -> dict[str, Shares]:
    labels = {label for _, _, _, label, _ in rows}
    if all(label in PHONE_INDEX for label in labels):
        return {label: from_ipa(label) for label in labels}
    try:
        shares = shares_of_set(labels)
    except TimingError as error:
        raise TimingError(f"phones file {path}: {error}") from error
    for where, _, _, label, _ in rows:
        if not shares[label]:
            raise TimingError(f"{where}: {label!r} is no phone; use IPA labels, and sil for silence")
    return shares
