# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches on a Dask cluster of real processes."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import pytest

from .test_run import TEXTS, contents, report

CHECKOUT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(find_spec("distributed") is None, reason="needs distributed")


@pytest.fixture
def cluster(tmp_path):
    """A scheduler's address, and a function that adds a worker and returns its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"}

    def start(*arguments, cwd):
        cwd.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]]
        process = subprocess.Popen(
            command, env=environment, cwd=cwd, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            start_new_session=os.name == "posix",
        )  # fmt: skip
        stack.callback(process.wait)
        stack.callback(process.kill)
        return process

    with ExitStack() as stack:
        start("dask_scheduler", "--host", address, "--no-dashboard", cwd=tmp_path / "scheduler")
        yield (
            address,
            lambda name: start(
                "dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", cwd=tmp_path / name
            ),
        )


@pytest.fixture
def jobs(tmp_path):
    path = tmp_path / "jobs.csv"
    path.write_text("id,text\n" + "".join(f'l{n},"{TEXTS[n % 3]} {n}"\n' for n in range(12)), encoding="utf-8")
    return path


def batch(jobs, output, *arguments):
    command = [sys.executable, "-m", "backend", "batch", jobs, "-o", output, "-q", "--outputs", "json csv", *arguments]
    return subprocess.Popen([str(part) for part in command], cwd=CHECKOUT)


def test_the_same_folder_from_a_cluster_that_loses_a_worker(cluster, jobs, tmp_path):
    address, add = cluster
    assert batch(jobs, tmp_path / "here", "--workers", "1").wait() == 0
    first = add("a")
    add("b")
    running = batch(jobs, tmp_path / "there", "--scheduler", address)
    deadline = time.monotonic() + 100
    while not list((tmp_path / "there").glob("*.csv")) and time.monotonic() < deadline:
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    add("c")
    assert running.wait() == 0
    assert report(tmp_path / "there")["counts"]["done"] == 12
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def test_files_travel_where_no_folder_is_shared(cluster, jobs, tmp_path):
    address, add = cluster
    add("a")
    assert batch(jobs, tmp_path / "here", "--workers", "1").wait() == 0
    sounds = tmp_path / "sounds.csv"
    sounds.write_text("id,sound\n" + "".join(f"s{n},here/l{n}.wav\n" for n in range(3)), encoding="utf-8")
    assert batch(sounds, tmp_path / "near", "--workers", "1").wait() == 0
    assert batch(sounds, tmp_path / "far", "--scheduler", address, "--ship").wait() == 0
    assert contents(tmp_path / "far") == contents(tmp_path / "near")
    assert batch(sounds, tmp_path / "far", "--scheduler", address, "--ship").wait() == 0


@pytest.mark.parametrize(
    ("address", "words"),
    [("nonsense", "'nonsense' is no address"), ("tcp://127.0.0.1:9", "no Dask scheduler answers at tcp://127.0.0.1:9")],
)
def test_no_scheduler(address, words, jobs, tmp_path):
    command = [sys.executable, "-m", "backend", "batch", jobs, "-o", tmp_path / "o", "-q", "--outputs", "json"]
    command = [str(part) for part in (*command, "--scheduler", address)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert words in next(line for line in done.stderr.splitlines() if line.startswith("error: "))
