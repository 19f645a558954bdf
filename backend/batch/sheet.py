# SPDX-License-Identifier: GPL-3.0-or-later
"""The sheet of lines, CSV or JSONL: read whole, every problem of it named at once with its line and column."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, cast
from unicodedata import category

from ..core.errors import SheetError
from ..core.files import read_bounded_text
from .columns import COLUMNS, Cells, line_of
from .lines import Line
from .names import UNSEEN, path_problem, same_file

LARGEST_BYTES = 64 << 20
IGNORED = ("note", "why")
IGNORED_PREFIX = "x_"
"""Columns that are the sheet's own: these, and those that begin so."""
OF_CHARACTER = ("object", "map")
"""Columns whose defaults are of the default character."""
DELIMITERS = ",;\t"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a line."""

    number: int
    """Line of the sheet."""
    id: str
    """As far as it could be read."""
    column: str
    """Empty where it is the whole line."""
    message: str
    """Reason and remedy."""

    @property
    def sentence(self) -> str:
        """All of it."""
        where = f"line {self.number}" + (f" ({self.id})" if self.id else "")
        whole = f"{where}: {self.column}: {self.message}" if self.column else f"{where}: {self.message}"
        # cells are quoted in it, and a terminal obeys what it cannot show
        return "".join(ascii(one)[1:-1] if category(one) in UNSEEN else one for one in whole)


@dataclass(frozen=True)
class Sheet:
    """A sheet, read."""

    lines: tuple[Line, ...]
    """The good ones, in order."""
    problems: tuple[Problem, ...] = ()
    """Of the others."""


@dataclass(frozen=True)
class _Rows:
    """Good lines so far, and what is wrong with the rest."""

    lines: list[Line] = field(default_factory=list[Line])
    problems: list[Problem] = field(default_factory=list[Problem])
    ids: dict[str, int] = field(default_factory=dict[str, int])
    """Line of the sheet by id, as file systems compare."""
    paths: dict[str, int] = field(default_factory=dict[str, int])


def read_sheet(
    path: Path,
    defaults: Mapping[str, str] | None = None,
    template: str = "{id}",
    commands: Mapping[str, str] | None = None,
) -> Sheet:
    """Read and check a sheet.

    Args:
        path: `.csv` (`,`, `;` or tab) or `.jsonl`; its relative paths count from its folder.
        defaults: what empty cells and missing columns mean, by column.
        template: of the outputs' paths, see `names.TEMPLATE_FIELDS`.
        commands: speech commands by the name that a sheet may use for them.

    Returns:
        The lines that can be run, and every problem of the others.

    Raises:
        SheetError: the file cannot be read at all, or has no lines, or unknown columns.
    """
    text = read_bounded_text(path, "sheet", LARGEST_BYTES, SheetError)
    is_json = path.suffix.lower() in (".jsonl", ".ndjson", ".json")
    rows = _Rows()
    known = {one.name for one in fields(Line)} & set(COLUMNS)
    assert known == set(COLUMNS)
    count = 0
    for number, cells in _json_rows(path, text, rows) if is_json else _csv_rows(path, text, rows):
        count += 1
        own = OF_CHARACTER if "character" in cells else ()
        whole = {name: cell for name, cell in (defaults or {}).items() if cell and name not in own} | cells
        _take(Cells(number, whole, path.resolve().parent, commands or {}), template, rows)
    if not count and not rows.problems:
        raise SheetError(f"sheet {path} has no lines; write one line for each sound")
    return Sheet(tuple(rows.lines), tuple(sorted(rows.problems, key=lambda one: one.number)))


def _take(cells: Cells, template: str, rows: _Rows) -> None:
    line, found = line_of(cells, template)
    problems = [Problem(cells.number, cells.shown_id, column, message) for column, message in found]
    if line.id:
        first = rows.ids.setdefault(same_file(line.id), cells.number)
        if first != cells.number:
            problems.append(Problem(cells.number, line.id, "id", f"line {first} has this id; give each its own"))
    if line.path and not problems:
        if wrong := path_problem(line.path):
            problems.append(Problem(cells.number, line.id, "path", wrong))
        first = rows.paths.setdefault(same_file(line.path), cells.number)
        if first != cells.number:
            message = f"line {first} writes {line.path!r} already; put {{id}} into the template"
            problems.append(Problem(cells.number, line.id, "path", message))
    rows.problems.extend(problems)
    if not problems:
        rows.lines.append(line)


def _csv_rows(path: Path, text: str, rows: _Rows) -> Iterator[tuple[int, dict[str, str]]]:
    head = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text.replace("\0", "\ufffd"), newline=""), delimiter=delimiter, strict=True)
    try:
        columns = [name.strip().lower() for name in next(reader, [])]
        _check_columns(path, columns)
        before = reader.line_num
        for row in reader:
            number, before = before + 1, reader.line_num
            if not any(cell.strip() for cell in row):
                continue
            if len(row) > len(columns):
                message = f"has {len(row)} cells for {len(columns)} columns; put text with a {delimiter!r} in quotes"
                rows.problems.append(Problem(number, row[0][:40], "", message))
                continue
            yield number, {name: cell for name, cell in zip(columns, row, strict=False) if cell.strip()}
    except csv.Error as error:
        raise SheetError(f"sheet {path}, line {reader.line_num}: {error}; close the quotes") from error


def _json_rows(path: Path, text: str, rows: _Rows) -> Iterator[tuple[int, dict[str, str]]]:
    seen: dict[str, None] = {}
    found: list[tuple[int, dict[str, Any]]] = []
    for number, one in enumerate(text.split("\n"), 1):
        if not one.strip():
            continue
        try:
            data = json.loads(one)
        except (ValueError, RecursionError) as error:
            rows.problems.append(Problem(number, "", "", f"is not JSON ({error}); write one object a line"))
            continue
        if not isinstance(data, dict):
            rows.problems.append(Problem(number, "", "", "is no JSON object; write one object a line"))
            continue
        values = cast("dict[str, Any]", data)
        seen |= dict.fromkeys(name.strip().lower() for name in values)
        found.append((number, values))
    _check_columns(path, list(seen) or ["id"])
    for number, values in found:
        cells: dict[str, str] = {}
        for name, value in values.items():
            if (cell := _json_cell(value)) is None:
                kind = type(value).__name__
                rows.problems.append(Problem(number, str(values.get("id", "")), name, f"is a {kind}; write text"))
            elif cell.strip():
                cells[name.strip().lower()] = cell
        yield number, cells


def _json_cell(value: object) -> str | None:
    """Return a value as a cell of a CSV file would hold it; None for one that no cell holds."""
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return " ".join(items) if all(isinstance(item, str) for item in items) else None
    if value is None:
        return ""
    if isinstance(value, bool | dict):
        return None
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else f"{value}"


def _check_columns(path: Path, columns: list[str]) -> None:
    own = [name for name in columns if name not in IGNORED and not name.startswith(IGNORED_PREFIX)]
    unknown = [name for name in own if name not in COLUMNS]
    problems = [f"no column {name!r} is known" for name in unknown]
    problems += [f"column {name!r} is there twice" for name in sorted({n for n in own if own.count(n) > 1})]
    if "id" not in columns:
        problems.append("the column 'id' is missing")
    if problems:
        known = ", ".join(COLUMNS)
        raise SheetError(f"sheet {path}: {'; '.join(problems)}; columns are {known}; your own begin with x_")
