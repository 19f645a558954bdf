# SPDX-License-Identifier: GPL-3.0-or-later
"""Where lines are done: processes of this machine, or a Dask cluster. Both take a task and give a future."""

import multiprocessing
import os
import re
import signal
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from hashlib import sha256
from typing import Any, Protocol

from ..core.errors import BlenderError, SheetError
from .lines import Outcome
from .station import Task, run_line

AHEAD = 2
"""Tasks handed out for each place that works, so that none waits for its next one."""
CONNECT_S = 10
KEPT_FILES = 32
"""Sent files that the cluster holds for lines to come, the latest: characters rather than sounds."""
ADDRESS = re.compile(r"(tcp|tls|ws|wss|ucx)://[^/\s]+:\d+/?")


class Executor(Protocol):
    """What the runner asks of either."""

    def window(self) -> int:
        """Return how many tasks may be out at once; it may change as workers join and leave."""
        ...

    def submit(self, task: Task, blobs: tuple[bytes, ...] = ()) -> "Future[Outcome]":
        """Hand a task out."""
        ...

    def close(self) -> None:
        """End the work; what is under way is lost."""
        ...


class LocalExecutor:
    """Worker processes of this machine, each with its model and its Blender.

    Each is a pool of one, so that the death of a process is known to be of the line that it was doing.
    """

    def __init__(self, workers: int, memory_mb: float = 3000.0) -> None:
        """Prepare.

        Args:
            workers: processes.
            memory_mb: beyond which a process is replaced after its line.
        """
        self._memory_mb = memory_mb
        self._idle: list[ProcessPoolExecutor] = []
        self._all: list[ProcessPoolExecutor] = []
        self._workers = workers
        self._gate = threading.Lock()

    def window(self) -> int:
        """Return the number of processes: a task waits here rather than in a pool."""
        return self._workers

    def submit(self, task: Task, blobs: tuple[bytes, ...] = ()) -> "Future[Outcome]":
        """Hand a task to a process that has nothing to do; there must be one."""
        while True:
            with self._gate:
                pool = self._idle.pop() if self._idle else self._start()
            try:
                future = pool.submit(run_line, task, *blobs)
                break
            except BrokenProcessPool:  # it died while it had nothing to do
                with self._gate:
                    self._all.remove(pool)
                _end(pool)
        future.add_done_callback(lambda done: self._take_back(pool, done))
        return future

    def close(self) -> None:
        """End all processes now."""
        with self._gate:
            pools, self._all, self._idle = self._all, [], []
        for pool in pools:
            _end(pool)

    def _start(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(1, mp_context=context, initializer=_begin)
        self._all.append(pool)
        return pool

    def _take_back(self, pool: ProcessPoolExecutor, done: "Future[Outcome]") -> None:
        with self._gate:
            if pool not in self._all:  # closed meanwhile
                return
            failed = done.cancelled() or done.exception() is not None
            if failed or done.result().memory_mb > self._memory_mb:
                self._all.remove(pool)
                threading.Thread(target=_end, args=(pool,)).start()
            else:
                self._idle.append(pool)


class DaskExecutor:
    """The workers of a Dask cluster, which may join and leave at any time."""

    def __init__(self, address: str) -> None:
        """Connect.

        Args:
            address: of the scheduler, `tcp://HOST:PORT`.

        Raises:
            SheetError: no Dask here, or no scheduler there.
        """
        if not ADDRESS.fullmatch(address):
            raise SheetError(f"{address!r} is no address of a Dask scheduler; give tcp://HOST:PORT")
        try:
            from distributed import Client
        except ModuleNotFoundError as error:
            raise SheetError(f"{error.name} is missing; a farm needs: pip install lipsync3d[farm]") from error
        try:
            self._client: Any = Client(address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise SheetError(f"no Dask scheduler answers at {address} ({error}); start one: dask scheduler") from error
        self._blobs: OrderedDict[bytes, Any] = OrderedDict()

    def window(self) -> int:
        """Return two tasks for each thread of the workers that are there now."""
        threads: dict[str, int] = self._client.nthreads()
        return max(1, AHEAD * sum(threads.values()))

    def submit(self, task: Task, blobs: tuple[bytes, ...] = ()) -> "Future[Outcome]":
        """Hand a task to the cluster; files travel to a worker once."""
        sent = [self._sent(blob) for blob in blobs]
        given = self._client.submit(run_line, task, *sent, pure=False)
        future: Future[Outcome] = Future()
        given.add_done_callback(partial(_copy, future))
        future.add_done_callback(lambda _: given.release())
        return future

    def close(self) -> None:
        """Take back what is not done and disconnect; the cluster stays."""
        self._client.close()

    def _sent(self, blob: bytes) -> Any:  # noqa: ANN401 - Dask's future
        name = sha256(blob).digest()
        if name not in self._blobs:
            self._blobs[name] = self._client.scatter(blob, hash=True)
        self._blobs.move_to_end(name)
        while len(self._blobs) > KEPT_FILES:
            self._blobs.popitem(last=False)  # the cluster forgets it once no task needs it
        return self._blobs[name]


def reason_of(error: BaseException) -> str:
    """Return why a task gave no outcome, in a sentence."""
    if isinstance(error, BrokenProcessPool):
        return str(BlenderError("the worker process died in the middle of the line; see whether memory ran out"))
    if type(error).__name__ == "KilledWorker":
        return "the line's worker died several times; see the log of the worker"
    return f"internal error: {type(error).__name__}: {error}"


def _copy(future: "Future[Outcome]", done: Any) -> None:  # noqa: ANN401 - Dask's future
    if future.done():
        return
    if done.status == "finished":
        future.set_result(done.result())
    else:
        error = done.exception() if done.status == "error" else None
        future.set_exception(error or RuntimeError(f"the cluster gave the task up ({done.status})"))


def _begin() -> None:
    """Make a worker process end with its runner, however that ends, and leave Ctrl-C to the runner."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None
    _watch(parent.join, lambda: os._exit(1))


def _watch(wait: Callable[[], None], then: Callable[[], None]) -> None:
    def run() -> None:
        wait()
        then()

    threading.Thread(target=run, daemon=True).start()


def _end(pool: ProcessPoolExecutor) -> None:
    # a pool has no public way to end a process at once before Python 3.14
    processes = list((getattr(pool, "_processes", None) or {}).values())
    for process in processes:
        process.kill()
    pool.shutdown(wait=True, cancel_futures=True)
