# SPDX-License-Identifier: GPL-3.0-or-later
"""A Dask cluster of worker processes in network namespaces of their own, on a bridge of this machine."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..figure import Figure
from .kills import differing, expected_of, promised
from .running import CHECKOUT, command, contents, outputs, run, start

BRIDGE, NET = "ls3d0", "10.213.7"
HOST = f"{NET}.1"
PORT = 18786
WORKERS = 3
READY_S = 60.0


def measure(sheet: Path, folder: Path, _workers: int) -> Iterator[Figure | str]:
    """Yield what a cluster that loses a worker gives."""
    expected = expected_of(sheet, folder)
    address = f"tcp://{HOST}:{PORT}"
    with _network(), ExitStack() as stack:
        _start(stack, "dask_scheduler", "--host", HOST, "--port", str(PORT), "--no-dashboard", space="")
        workers = [_worker(stack, address, index) for index in range(WORKERS)]
        time.sleep(5)
        process = start(command(sheet, folder / "farm", "--scheduler", address))
        begun = time.monotonic()
        while process.poll() is None and len(outputs(folder / "farm")) < len(expected) / 3:
            time.sleep(0.5)
        os.killpg(workers[0].pid, signal.SIGKILL)
        yield f"killed one of {WORKERS} workers with {len(outputs(folder / 'farm'))} of {len(expected)} files there"
        code = process.wait()
        took = time.monotonic() - begun
        yield f"{WORKERS} workers in namespaces, one killed: {took:.0f} s, exit {code}"
        ours = promised(contents(folder / "farm"))
        yield Figure("files that differ from the local run", differing(ours, expected), "", 0)


def speed_up(sheet: Path, folder: Path, _workers: int) -> Iterator[Figure | str]:
    """Yield how much quicker three workers are than one, on the same lines."""
    address = f"tcp://{HOST}:{PORT}"
    seconds: dict[int, float] = {}
    for count in (1, WORKERS):
        with _network(), ExitStack() as stack:
            _start(stack, "dask_scheduler", "--host", HOST, "--port", str(PORT), "--no-dashboard", space="")
            for index in range(count):
                _worker(stack, address, index)
            time.sleep(8)
            seconds[count] = run(command(sheet, folder / f"by_{count}", "--scheduler", address)).seconds
            yield f"{count} workers: {seconds[count]:.1f} s"
    yield Figure(f"{WORKERS} workers against 1", seconds[1] / seconds[WORKERS], "times", 1, at_least=True)


@contextmanager
def _network() -> Generator[None]:
    """Make a bridge with a namespace for each worker, and take all of it away."""
    _ip("link", "add", BRIDGE, "type", "bridge")
    try:
        _ip("addr", "add", f"{HOST}/24", "dev", BRIDGE)
        _ip("link", "set", BRIDGE, "up")
        for index in range(WORKERS):
            space, near, far = _space(index), f"{BRIDGE}n{index}", f"{BRIDGE}f{index}"
            _ip("netns", "add", space)
            _ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", space)
            _ip("link", "set", near, "master", BRIDGE, "up")
            _ip("-n", space, "addr", "add", f"{NET}.{index + 10}/24", "dev", far)
            _ip("-n", space, "link", "set", far, "up")
            _ip("-n", space, "link", "set", "lo", "up")
        yield
    finally:
        for index in range(WORKERS):
            _ip("link", "del", f"{BRIDGE}n{index}", check=False)  # by itself: a namespace lets go of its own later
            _ip("netns", "del", _space(index), check=False)
        _ip("link", "del", BRIDGE, check=False)


def _space(index: int) -> str:
    return f"{BRIDGE}w{index}"


def _worker(stack: ExitStack, address: str, index: int) -> "subprocess.Popen[bytes]":
    return _start(
        stack, "dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", space=_space(index)
    )  # fmt: skip


def _start(stack: ExitStack, what: str, *arguments: str, space: str) -> "subprocess.Popen[bytes]":
    inside = ["ip", "netns", "exec", space] if space else []
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [*inside, sys.executable, "-m", f"distributed.cli.{what}", *arguments],
        env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        cwd=stack.enter_context(_folder()),
    )  # fmt: skip
    stack.callback(process.wait)
    stack.callback(_end, process)
    return process


@contextmanager
def _folder() -> Generator[str]:
    with tempfile.TemporaryDirectory(prefix="lipsync3d-farm-", ignore_cleanup_errors=True) as folder:
        yield folder


def _end(process: "subprocess.Popen[bytes]") -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _ip(*arguments: str, check: bool = True) -> None:
    subprocess.run(["ip", *arguments], check=check, capture_output=not check)
