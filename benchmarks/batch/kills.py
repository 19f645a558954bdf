# SPDX-License-Identifier: GPL-3.0-or-later
"""A batch killed again and again, watched for files that are not whole."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

from ..figure import Figure
from .running import Watcher, command, contents, kill, outputs, run, start
from .speed import WHOLE, rows_of

KILLS, SEED = 10, 20
LATEST_S = 1.0
"""How long after a file came a kill may come."""
POLL_S = 0.02
NOT_PROMISED = (".mp4", ".blend", ".fbx", ".usd")
"""Kinds that hold times or addresses of their own."""


def measure(sheet: Path, folder: Path, workers: int) -> Iterator[Figure | str]:
    """Yield what was measured."""
    expected = expected_of(sheet, folder)
    broken = folder / "broken"
    broken.mkdir()
    line = command(sheet, broken, "--workers", str(workers))
    draw = random.Random(SEED)
    watcher = Watcher(broken, expected)
    half: set[str] = set()
    for count in sorted(draw.sample(range(len(expected)), KILLS)):
        process = start(line)
        while len(outputs(broken)) < count and process.poll() is None:
            time.sleep(POLL_S)
        time.sleep(draw.uniform(0.0, LATEST_S))
        ended = process.poll() is not None
        if not ended:
            kill(process)
        there = promised(contents(broken))
        half |= {name for name, digest in there.items() if expected.get(name) != digest}
        yield f"killed with {len(there)} of {len(expected)} files there" + (" (it had ended)" if ended else "")
    last = run(line)
    watcher.close()
    wrong = [name for name in watcher.wrong if not name.endswith(NOT_PROMISED)]
    yield f"{watcher.seen} files were read as soon as they were seen; then it went on, exit {last.code}"
    yield Figure("files that were ever half written", len(half) + len(wrong), "", 0)
    yield Figure("files that differ from the unbroken run", differing(promised(contents(broken)), expected), "", 0)


def expected_of(sheet: Path, folder: Path) -> dict[str, str]:
    """Return the sums of what an unbroken run made of a sheet's lines; the sheet may be a part of that run's."""
    wanted = {row["id"] for row in rows_of(sheet)}
    sums = promised(contents(folder / WHOLE))
    return {name: digest for name, digest in sums.items() if Path(name).stem in wanted}


def promised(sums: dict[str, str]) -> dict[str, str]:
    """Return the sums of those files that are the same in every run."""
    return {name: digest for name, digest in sums.items() if not name.endswith(NOT_PROMISED)}


def differing(ours: dict[str, str], theirs: dict[str, str]) -> int:
    """Return how many files differ or are in one folder alone."""
    return sum(ours.get(name) != theirs.get(name) for name in ours.keys() | theirs.keys())
