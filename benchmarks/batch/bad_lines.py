# SPDX-License-Identifier: GPL-3.0-or-later
"""A sheet with bad lines among good ones: what is told of each, and that the good ones come out."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..figure import Figure
from .running import command, run


def measure(sheet: Path, folder: Path, workers: int) -> Iterator[Figure | str]:
    """Yield how many lines are done, and how many reasons are what they should be."""
    expected: dict[str, list[str]] = json.loads(
        sheet.with_name(f"{sheet.stem}_expected.json").read_text(encoding="utf-8")
    )
    took = run(command(sheet, folder / "bad", "--workers", str(workers)))
    lines: list[dict[str, Any]] = json.loads((folder / "bad" / "report.json").read_text(encoding="utf-8"))["lines"]
    failed = [line for line in lines if line["state"] == "failed"]
    done = [line for line in lines if line["state"] in ("done", "flagged")]
    yield f"{len(lines)} lines, {took.seconds:.0f} s, exit {took.code}: {len(done)} done, {len(failed)} failed"
    whole = sum(all((folder / "bad" / path).is_file() for path in line["outputs"].values()) for line in done)
    yield Figure("good lines with all their outputs", whole, "", len(lines) - len(expected), at_least=True)
    right = 0
    for line in failed:
        words = expected.get(str(line["line"]), expected.get(line["id"]))
        if words is not None and all(word.casefold() in line["error"].casefold() for word in words):
            right += 1
        else:
            yield f"line {line['line']} ({line['id']}): expected {words}, told {line['error']!r}"
    yield Figure("reasons that say what is wrong", right, "", len(expected), at_least=True)
