# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs, with real workers and curves for outputs."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path

import pytest

from backend.cli import main

CHECKOUT_NEEDED = ("onnxruntime", "espeakng_loader", "soundfile")
pytestmark = pytest.mark.skipif(
    any(find_spec(name) is None for name in CHECKOUT_NEEDED), reason="needs onnxruntime, soundfile and espeakng_loader"
)
TEXTS = ("Mama and papa bought a big blue boat.", "Guten Morgen, mein Bruder.", "Buenos dias, mi amigo Pablo.")


@pytest.fixture
def jobs(tmp_path):
    path = tmp_path / "jobs.csv"
    rows = [f'l{n},"{TEXTS[n % 3]} {n}",{("en-us", "de", "es")[n % 3]}' for n in range(4)]
    path.write_text("\n".join(["id,text,language", *rows]) + "\n", encoding="utf-8")
    return path


def batch(jobs, output, *arguments):
    return main(["batch", str(jobs), "-o", str(output), "-q", "--outputs", "json csv", *map(str, arguments)])


def contents(folder):
    """SHA-256 of every file that is the user's, the reports aside."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".lipsync3d" not in path.parts and path.name not in ("report.html", "report.json")
    }


def report(folder):
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))


def test_a_sheet_is_run_and_then_nothing_is_left_to_do(jobs, tmp_path, capsys):
    out = tmp_path / "out"
    assert batch(jobs, out, "--workers", 2, "--path", "{language}/{id}") == 0
    names = set(contents(out))
    assert names == {
        *(f"{language}/l{n}{end}" for n, language in enumerate(("en-us", "de", "es", "en-us"))
          for end in (".wav", ".json", ".csv")),
        *(f"report_files/{language}/l{n}.png" for n, language in enumerate(("en-us", "de", "es", "en-us"))),
    }  # fmt: skip
    told = report(out)
    assert told["counts"] == {"done": 4, "flagged": 0, "failed": 0, "left": 0}
    first = told["lines"][0]
    curves = json.loads((out / first["outputs"]["json"]).read_text(encoding="utf-8"))
    assert curves["bundle"] == first["bundle"]
    assert abs((len(curves["weights"]) - 1) / 30 - first["duration_s"]) < 1 / 30
    before, started = contents(out), time.monotonic()
    assert main(["batch", str(jobs), "-o", str(out), "--outputs", "json csv", "--path", "{language}/{id}"]) == 0
    assert time.monotonic() - started < 5
    assert contents(out) == before
    assert "4 lines are done, 4 of them before" in capsys.readouterr().out


def test_only_what_changed_is_done_again(jobs, tmp_path):
    out = tmp_path / "out"
    batch(jobs, out)
    (out / "l1.json").unlink()
    (out / "l2.csv").write_text("spoilt", encoding="utf-8")
    jobs.write_text(jobs.read_text(encoding="utf-8").replace("boat. 0", "boat, zero"), encoding="utf-8")
    kept = {name: (out / name).stat().st_mtime_ns for name in ("l1.csv", "l3.json")}
    before = contents(out)
    assert batch(jobs, out) == 0
    after = contents(out)
    assert {name for name in before if before[name] != after.get(name)} == {
        "l0.wav", "l0.json", "l0.csv", "report_files/l0.png", "l2.csv"
    }  # fmt: skip
    assert {name: (out / name).stat().st_mtime_ns for name in kept} == kept
    (entry,) = [
        one for one in (out / ".lipsync3d/cache/objects").glob("*/*/curves.csv") if one.samefile(out / "l2.csv")
    ]
    assert entry.read_bytes().startswith(b"Timecode")


def test_bad_lines_stop_no_good_ones(jobs, tmp_path, capsys):
    jobs.write_text(
        jobs.read_text(encoding="utf-8") + "l0,again,de\nghost,hello,xx-klingon\n<b>,<script>alert(1)</script>,de\n",
        encoding="utf-8",
    )
    out = tmp_path / "out"
    assert batch(jobs, out) == 1
    error = capsys.readouterr().err
    assert "3 of 7 lines failed" in error
    told = {one["line"]: one for one in report(out)["lines"]}
    assert "line 2 has this id" in told[6]["error"]
    assert "'xx-klingon'" in told[7]["error"]
    assert "holds < >" in told[8]["error"]
    assert sum(one["state"] == "done" for one in told.values()) == 4
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    tags = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            tags.append(tag)
            links = [value for name, value in attrs if name in ("src", "href")]
            assert all((out / link).is_file() for link in links), links

    Reader().feed(page)
    assert tags.count("audio") == 4
    assert batch(jobs, tmp_path / "strict", "--strict") == 1
    assert not (tmp_path / "strict").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="process groups are POSIX")
def test_killed_at_any_moment_it_goes_on(jobs, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert batch(jobs, whole) == 0
    command = [sys.executable, "-m", "backend", "batch", jobs, "-o", broken, "-q", "--outputs", "json csv"]
    command = [str(part) for part in (*command, "--workers", 2)]
    expected = contents(whole)
    for wait_s in (0.2, 1.5, 2.5):
        process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
        time.sleep(wait_s)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        there = contents(broken) if broken.exists() else {}
        assert there.items() <= expected.items()
    assert subprocess.run(command, check=False).returncode == 0
    assert contents(broken) == expected
    assert list((broken / ".lipsync3d/tmp").iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="finds the worker in /proc")
def test_the_death_of_a_worker_is_its_lines_alone(jobs, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "backend", "batch", jobs, "-o", out, "-q", "--outputs", "json csv", "--workers"]
    with subprocess.Popen([str(part) for part in (*command, 1)]) as process:
        deadline = time.monotonic() + 60
        while not (workers := _workers(process.pid)) and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(workers[0], signal.SIGKILL)
    assert process.returncode == 0
    assert report(out)["counts"]["done"] == 4


@pytest.mark.skipif(sys.platform != "linux", reason="finds the worker in /proc")
def test_workers_end_with_their_runner(jobs, tmp_path):
    command = [sys.executable, "-m", "backend", "batch", jobs, "-o", tmp_path / "out", "-q", "--workers", 2]
    process = subprocess.Popen([str(part) for part in command])
    deadline = time.monotonic() + 60
    while len(workers := _workers(process.pid)) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    while any(_runs(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid in workers if _runs(pid)] == []


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _workers(parent):
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "stat").read_text().rpartition(")")[2].split()
            line = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if int(words[1]) == parent and b"spawn_main" in line:
            found.append(int(process.name))
    return found


def test_a_full_disk_stops_the_run_and_it_goes_on_later(jobs, tmp_path, capsys):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", disk]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a tmpfs here")
    try:
        assert batch(jobs, disk / "out") == 1
        error = capsys.readouterr().err
        assert "stopped: cannot write to" in error
        assert "remain; run it again to go on" in error
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        assert batch(jobs, disk / "out", "--resume") == 0
        whole = tmp_path / "whole"
        batch(jobs, whole)
        assert contents(disk / "out") == contents(whole)
    finally:
        subprocess.run(["umount", disk], check=True)


def test_one_line_at_a_time_as_a_farm_does(jobs, tmp_path):
    out = tmp_path / "out"
    assert batch(jobs, out, "--only", "l9") == 1
    assert batch(jobs, out, "--only", "l2") == 0
    assert {name for name in contents(out) if name.endswith(".json")} == {"l2.json"}
    assert not (out / "report.json").exists()
    assert batch(jobs, out) == 0
    assert report(out)["counts"]["done"] == 4


def test_a_folder_that_another_batch_writes_to(jobs, tmp_path, capsys):
    from backend.batch.lock import locked

    with locked(tmp_path / "out/.lipsync3d/lock"):
        assert batch(jobs, tmp_path / "out") == 1
    assert "another batch is writing" in capsys.readouterr().err
    assert batch(jobs, tmp_path / "none", "--resume") == 1
    assert "holds no batch to go on with" in capsys.readouterr().err


def test_the_cache_can_be_made_smaller(jobs, tmp_path, capsys):
    out = tmp_path / "out"
    batch(jobs, out)
    before = contents(out)
    assert main(["cache", str(out), "--limit", "0"]) == 0
    assert "entries away" in capsys.readouterr().out
    assert not list((out / ".lipsync3d/cache/objects").rglob("entry.json"))
    assert contents(out) == before
    assert batch(jobs, out) == 0
