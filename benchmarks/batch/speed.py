# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines a minute, memory, a second run, and the same lines with a Blender of their own each."""

import csv
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..figure import Figure
from .running import command, contents, run, told

SAMPLE = 24
"""Lines that are also done with a Blender started for each."""
WHOLE = "whole"


def measure(sheet: Path, folder: Path, workers: int) -> Iterator[Figure | str]:
    """Yield what was measured."""
    lines = sum(1 for _ in rows_of(sheet))
    took = run(command(sheet, folder / WHOLE, "--workers", str(workers)))
    counts = told(folder / WHOLE)
    times = f"{took.seconds:.0f} s ({took.cpu_s:.0f} s of processor)"
    yield f"{lines} lines, {workers} workers: {times}, exit {took.code}, {counts}"
    yield Figure("lines a minute", 60 * lines / took.seconds, "", 1, at_least=True)
    yield Figure("peak memory of all processes together", took.peak_mb, "MB", 4000)
    yield from again(sheet, folder, workers)


def again(sheet: Path, folder: Path, workers: int) -> Iterator[Figure | str]:
    """Yield what a second run takes, and what keeping Blender alive is worth."""
    before = contents(folder / WHOLE)
    second = run(command(sheet, folder / WHOLE, "--workers", str(workers)))
    same = "nothing changed" if contents(folder / WHOLE) == before else "FILES CHANGED"
    yield Figure(f"second run ({same}, exit {second.code})", second.seconds, "s", 5)
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
    lines = [command(part, folder / "each", "--workers", "1", "--only", row["id"]) for row in sample]
    with ThreadPoolExecutor(workers) as pool:
        each = list(pool.map(run, lines))
    each_s, each_cpu_s = time.monotonic() - begun, sum(one.cpu_s for one in each)
    same = contents(folder / "kept") == contents(folder / "each")
    yield (
        f"{len(sample)} of the lines, {workers} at a time, with a Blender started for each: {each_s:.1f} s "
        f"({each_cpu_s:.0f} s of processor), kept alive: {kept.seconds:.1f} s ({kept.cpu_s:.0f} s), starting included; "
        f"the same files: {same}"
    )
    yield Figure("times as quick as a Blender a line", each_s / kept.seconds, "", 1, at_least=True)
    yield Figure("times less processor than a Blender a line", each_cpu_s / kept.cpu_s, "", 1, at_least=True)


def rows_of(sheet: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV sheet."""
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)
