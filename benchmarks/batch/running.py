# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the batch's command as a user does, and tells time, memory and what lies in its folder."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
POLL_S = 0.2
REPORTS = ("report.html", "report.json")
"""They tell the time."""


@dataclass(frozen=True)
class Took:
    """What a command took."""

    code: int
    seconds: float
    peak_mb: float
    """Of the whole tree of processes: proportional set size, which counts shared pages once."""
    cpu_s: float = 0.0
    """Processor time of the whole tree, to 0.2 s a process: others' load does not change it."""


def command(sheet: Path, folder: Path, *arguments: str) -> list[str]:
    """Return the command line of a batch."""
    return [sys.executable, "-m", "backend", "batch", str(sheet), "-o", str(folder), "-q", *arguments]


def start(line: Sequence[str]) -> "subprocess.Popen[bytes]":
    """Start a command in a process group of its own."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(list(line), cwd=CHECKOUT, env=environment, start_new_session=True)


def run(line: Sequence[str]) -> Took:
    """Run a command to its end, and watch its memory."""
    begun, peak = time.monotonic(), 0.0
    used: dict[int, float] = {}
    process = start(line)
    while process.poll() is None:
        tree = processes_below(process.pid)
        used |= {pid: seconds for pid in tree if (seconds := cpu_of(pid)) > 0}
        peak = max(peak, sum(_own_mb(pid) for pid in tree))
        time.sleep(POLL_S)
    return Took(process.returncode, time.monotonic() - begun, peak, sum(used.values()))


def kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process group at once."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def processes_below(root: int) -> set[int]:
    """Return a process and all below it."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            parents[int(folder.name)] = int(words[1])
        except OSError:
            continue
    tree = {root}
    while more := {child for child, parent in parents.items() if parent in tree} - tree:
        tree |= more
    return tree


def cpu_of(pid: int) -> float:
    """Return the processor time of a process itself so far, in seconds; 0 where it has gone."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _own_mb(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return next((int(row.split()[1]) * 1.024e-3 for row in text.splitlines() if row.startswith("Pss:")), 0.0)


def contents(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of an output folder, the reports and the runner's own folder aside."""
    return {path.relative_to(folder).as_posix(): sum_of(path) for path in outputs(folder)}


def outputs(folder: Path) -> list[Path]:
    """Return every file of an output folder, the reports and the runner's own folder aside."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path for path in found if ".lipsync3d" not in path.relative_to(folder).parts and path.name not in REPORTS]


def sum_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return sha256(path.read_bytes()).hexdigest()


def told(folder: Path) -> dict[str, int]:
    """Return how many lines are in which state."""
    counts: dict[str, int] = json.loads((folder / "report.json").read_text(encoding="utf-8"))["counts"]
    return counts


class Watcher:
    """Reads every file of a folder as soon as it is seen, to catch one that is half written."""

    def __init__(self, folder: Path, expected: dict[str, str]) -> None:
        self.seen, self.wrong = 0, list[str]()
        self._folder, self._expected = folder, expected
        self._known: dict[str, int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def close(self) -> None:
        """Look a last time and end."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.05):
            self.look()
        self.look()

    def look(self) -> None:
        """Read what is new."""
        for path in outputs(self._folder):
            name = path.relative_to(self._folder).as_posix()
            inode = path.stat().st_ino
            if self._known.get(name) != inode:
                self._known[name] = inode
                self.seen += 1
                if sum_of(path) != self._expected.get(name):
                    self.wrong.append(name)
