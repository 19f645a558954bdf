# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines a minute, memory, a second run, and the same lines with a Blender of their own each."""

import csv
import time
from collections.abc import Iterator
from pathlib import Path

from ..figure import Figure
from .running import command, contents, run, start, told

SAMPLE = 12
"""Lines that are also done with a Blender started for each."""
WHOLE = "whole"


def measure(sheet: Path, folder: Path, workers: int) -> Iterator[Figure | str]:
    """Yield what was measured."""
    lines = sum(1 for _ in rows_of(sheet))
    took = run(command(sheet, folder / WHOLE, "--workers", str(workers)))
    yield f"{lines} lines, {workers} workers: {took.seconds:.0f} s, exit {took.code}, {told(folder / WHOLE)}"
    yield Figure("lines a minute", 60 * lines / took.seconds, "", 1, at_least=True)
    yield Figure("peak memory of all processes together", took.peak_mb, "MB", 4000)
    before = contents(folder / WHOLE)
    again = run(command(sheet, folder / WHOLE, "--workers", str(workers)))
    same = "nothing changed" if contents(folder / WHOLE) == before else "FILES CHANGED"
    yield Figure(f"second run ({same}, exit {again.code})", again.seconds, "s", 5)
    yield from _one_blender_a_line(sheet, folder, workers)


def _one_blender_a_line(sheet: Path, folder: Path, workers: int) -> Iterator[Figure | str]:
    """Do a sample of lines twice: in one batch, and by a command for each."""
    rows = [row for row in rows_of(sheet) if "mp4" not in row["outputs"] and "glb" in row["outputs"]]
    sample = rows[:: max(1, len(rows) // SAMPLE)][:SAMPLE]
    part = sheet.with_name(f"{sheet.stem}_sample.csv")
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(sample[0]))
        writer.writeheader()
        writer.writerows(sample)
    kept = run(command(part, folder / "kept", "--workers", str(workers)))
    begun = time.monotonic()
    waiting, running = [row["id"] for row in sample], []
    while waiting or running:
        running = [process for process in running if process.poll() is None]
        while waiting and len(running) < workers:
            running.append(start(command(part, folder / "each", "--workers", "1", "--only", waiting.pop(0))))
        time.sleep(0.02)
    each_s = time.monotonic() - begun
    same = contents(folder / "kept") == contents(folder / "each")
    yield (
        f"{len(sample)} of the lines, {workers} at a time: {each_s:.1f} s with a Blender started for each, "
        f"{kept.seconds:.1f} s kept alive (starting included); the same files: {same}"
    )
    yield Figure("times as quick as a Blender a line", each_s / kept.seconds, "", 1, at_least=True)


def rows_of(sheet: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV sheet."""
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)
