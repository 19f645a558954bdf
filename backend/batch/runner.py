# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a sheet: hands lines to workers, puts outputs in place, tries failures once more, and tells what became of all.

Every step is either done or not: kill it at any moment, run it again, and it goes on where it was.
"""

from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..core.errors import LipSyncError
from ..inference.predict import Cancelled, Report
from . import blender
from .cache import Cache, CacheError
from .executors import Executor, reason_of
from .keys import Keys, keys_of
from .lines import Line, Outcome
from .lock import locked
from .placing import OutputFolder, Record
from .sheet import Sheet
from .shipping import blobs_of
from .station import Setup, Task

TRIES = 2
POLL_S = 0.5
DONE, FLAGGED, FAILED, LEFT = "done", "flagged", "failed", "left"


@dataclass(frozen=True)
class Plan:
    """What to run."""

    sheet: Sheet
    folder: Path
    """For the outputs."""
    cache: Path | None = None
    """Folder of the cache; None: within the output folder."""
    blender: str = ""
    """Blender's executable; empty: the package bpy."""
    blender_memory_mb: float = 4000.0
    shared: bool = True
    """Whether workers see the folder and the sheet's files; otherwise files travel with the tasks."""
    only: tuple[str, ...] = ()
    """Ids of the lines to do; empty: all. Several such runs may share a folder."""


@dataclass(frozen=True)
class LineState:
    """What became of a line."""

    id: str
    number: int
    state: str
    """`done`, `flagged` (done, but the check found fault), `failed`, or `left` undone."""
    error: str = ""
    attempts: int = 0
    record: Record | None = None
    line: Line | None = None
    """None where the sheet's line makes no sense."""


@dataclass
class Tally:
    """What became of all lines."""

    states: dict[int, LineState] = field(default_factory=dict[int, LineState])
    """By line of the sheet."""
    found: int = 0
    """Lines that were done before."""
    stopped: str = ""
    """Why the run ended early; empty where it did not."""

    def count(self, *states: str) -> int:
        """Return how many lines are in one of these states."""
        return sum(one.state in states for one in self.states.values())


@dataclass
class _Job:
    line: Line
    keys: Keys
    attempts: int = 0


class Run:
    """One run of a sheet."""

    def __init__(self, plan: Plan, make_executor: "MakeExecutor", report: Report | None = None) -> None:
        self._plan, self._make_executor = plan, make_executor
        self._report = report or _say_nothing
        self._output = OutputFolder(plan.folder)
        self._cache = Cache(plan.cache or plan.folder / ".lipsync3d" / "cache")
        self._waiting: deque[_Job] = deque()
        self._out: dict[Future[Outcome], _Job] = {}
        self.tally = Tally()

    def run(self, cancelled: Cancelled | None = None) -> Tally:
        """Do all lines and return what became of them.

        Raises:
            OutputError: the folder cannot be used, or another batch uses it.
        """
        self._output.open()
        with ExitStack() as stack:
            if not self._plan.only:
                stack.enter_context(locked(self._output.own / "lock"))
                self._output.clean()
                self._cache.clean(alone=self._plan.cache is None)
            self._look()
            if self._waiting:
                executor = self._make_executor()
                stack.callback(executor.close)
                self._work(executor, cancelled)
        return self.tally

    def _look(self) -> None:
        """Tell which lines are bad, which are done, and which wait."""
        plan = self._plan
        self._bad_lines()
        lines = [line for line in plan.sheet.lines if not plan.only or line.id in plan.only]
        needs = any(line.for_blender for line in lines)
        identity = blender.identity(plan.blender) if needs else ""
        for line in lines:
            try:
                keys = keys_of(line, identity if line.for_blender else "")
            except LipSyncError as error:
                self._tell(line, FAILED, str(error))
                continue
            record = self._output.current(line, keys.check)
            if record is None:
                self._waiting.append(_Job(line, keys))
            else:
                self.tally.found += 1
                self._keep(line, record, 0)

    def _bad_lines(self) -> None:
        reasons: dict[int, list[str]] = {}
        names: dict[int, str] = {}
        for problem in self._plan.sheet.problems:
            told = f"{problem.column}: {problem.message}" if problem.column else problem.message
            reasons.setdefault(problem.number, []).append(told)
            names[problem.number] = problem.id
        for number, told in reasons.items():
            if not self._plan.only or names[number] in self._plan.only:
                self.tally.states[number] = LineState(names[number], number, FAILED, "; ".join(told))

    def _work(self, executor: Executor, cancelled: Cancelled | None) -> None:
        total = len(self._waiting)
        self._report(0.0, "starting")
        while (self._waiting or self._out) and not self.tally.stopped:
            if cancelled is not None and cancelled():
                self.tally.stopped = "it was cancelled"
                break
            window = executor.window()
            while self._waiting and len(self._out) < window and not self.tally.stopped:
                self._hand_out(executor, self._waiting.popleft())
            done, _ = wait(self._out, timeout=POLL_S, return_when=FIRST_COMPLETED)
            for future in done:
                self._take(future, self._out.pop(future))
            left = len(self._waiting) + len(self._out)
            self._report(1 - left / total, f"{total - left}/{total}")
        for job in (*self._out.values(), *self._waiting):
            self._tell(job.line, LEFT, attempts=job.attempts)

    def _hand_out(self, executor: Executor, job: _Job) -> None:
        plan = self._plan
        try:
            inputs, blobs = ((), ()) if plan.shared else blobs_of(job.line)
        except OSError as error:
            self._tell(job.line, FAILED, f"cannot read {error.filename}: {error.strerror}; check the path")
            return
        cache = str(self._cache.folder.resolve()) if plan.shared else ""
        setup = Setup(cache, plan.blender, plan.blender_memory_mb)
        job.attempts += 1
        self._out[executor.submit(Task(setup, job.line, job.keys, inputs), blobs)] = job

    def _take(self, future: "Future[Outcome]", job: _Job) -> None:
        """Act on what a worker says of a line."""
        error = future.exception()
        outcome = future.result() if error is None else Outcome(job.line.id, error=reason_of(error))
        if not outcome.error:
            outcome = self._placed(job, outcome)
        if outcome.stops:
            self.tally.stopped = outcome.error
            self._tell(job.line, LEFT, attempts=job.attempts)
        elif outcome.error and job.attempts < TRIES:
            self._waiting.append(job)
        elif outcome.error:
            self._tell(job.line, FAILED, outcome.error, job.attempts)

    def _placed(self, job: _Job, outcome: Outcome) -> Outcome:
        """Put a line's outputs in place; return the outcome, with an error where that went wrong."""
        try:
            for key, files in outcome.shipped.items():
                self._cache.adopt(key, files)
            record = self._output.place(job.line, job.keys.check, outcome, self._cache)
        except (LipSyncError, OSError) as error:
            stops = isinstance(error, CacheError)
            return replace(outcome, error=" ".join(str(error).split()), stops=stops)
        self._keep(job.line, record, job.attempts)
        return outcome

    def _keep(self, line: Line, record: Record, attempts: int) -> None:
        findings: list[dict[str, Any]] = record.facts.get("findings", [])
        bad = any(one.get("severity") == "error" for one in findings)
        self._tell(line, FLAGGED if bad else DONE, attempts=attempts, record=record)

    def _tell(self, line: Line, state: str, error: str = "", attempts: int = 0, record: Record | None = None) -> None:
        told = LineState(line.id, line.number, state, " ".join(error.split()), attempts, record, line)
        self.tally.states[line.number] = told


def _say_nothing(_fraction: float, _stage: str) -> None:
    """Be a report that nobody reads."""


class MakeExecutor:
    """Says where lines are done, without starting anything before there is work."""

    def __init__(self, workers: int = 1, scheduler: str = "") -> None:
        self._workers, self._scheduler = workers, scheduler

    def __call__(self) -> Executor:
        """Return the executor.

        Raises:
            SheetError: no scheduler answers.
        """
        from .executors import DaskExecutor, LocalExecutor

        return DaskExecutor(self._scheduler) if self._scheduler else LocalExecutor(self._workers)
