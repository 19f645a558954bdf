# SPDX-License-Identifier: GPL-3.0-or-later
"""A Blender process that is kept alive between lines: jobs in and answers out, a JSON object a line. Knows no bpy.

The other end is `blender_addon.serving`. The process is started with the first job, and anew after `JOBS_A_LIFE` jobs,
when its memory has grown past a limit, when it died, and when it does not answer in time.
"""

import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, cast

from ..core.errors import BlenderError, RigError

JOBS_A_LIFE = 200
START_S = 120.0
"""How long Blender may take to start."""
KEPT_LOG_LINES = 20
Answer = dict[str, Any]


class Blender:
    """One Blender process, started when it is needed."""

    def __init__(self, program: str = "", memory_mb: float = 4000.0, job_s: float = 600.0) -> None:
        """Prepare.

        Args:
            program: Blender's executable; empty: the package bpy of this Python.
            memory_mb: beyond which it is started anew.
            job_s: how long one job may take.
        """
        self._program, self._memory_mb, self._job_s = program, memory_mb, job_s
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: queue.SimpleQueue[Answer | None] = queue.SimpleQueue()
        self._log: deque[str] = deque(maxlen=KEPT_LOG_LINES)
        self._jobs = 0

    @property
    def pid(self) -> int | None:
        """Process id; None where none runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def ask(self, job: dict[str, Any]) -> Answer:
        """Have a job done and return the answer.

        Raises:
            RigError: the job came to nothing; in Blender's own words.
            BlenderError: Blender could not start, died or took too long.
        """
        if self.pid is None or self._jobs >= JOBS_A_LIFE:
            self._start()
        process = self._process
        assert process is not None
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(job).encode() + b"\n")
            process.stdin.flush()
        except OSError as error:
            raise BlenderError(self._died()) from error
        self._jobs += 1
        answer = self._next(self._job_s)
        if answer.get("memory_mb", 0.0) > self._memory_mb:
            self.close()
        if "error" in answer:
            raise RigError(str(answer["error"]))
        return answer

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()  # its files are beside their targets until they are whole; bpy 4.2 crashes on its own way out
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            try:
                if stream is not None:
                    stream.close()
            except OSError:
                continue  # a broken pipe that still held bytes

    def _start(self) -> None:
        self.close()
        self._answers, self._jobs = queue.SimpleQueue(), 0
        self._log.clear()
        pipe, flags = subprocess.PIPE, getattr(subprocess, "CREATE_NO_WINDOW", 0)
        try:
            process = subprocess.Popen(
                command(self._program), stdin=pipe, stdout=pipe, stderr=pipe, env=environment(), creationflags=flags
            )
        except OSError as error:
            raise BlenderError(f"Blender cannot start: {error}; give its executable with --blender") from error
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        _thread(self._read_answers, process.stdout, self._answers)
        _thread(self._read_log, process.stderr)
        if "blender" not in self._next(START_S):
            self.close()
            raise BlenderError("Blender answers nonsense; give the executable of Blender 4.2 or newer with --blender")

    def _next(self, timeout_s: float) -> Answer:
        try:
            answer = self._answers.get(timeout=timeout_s)
        except queue.Empty:
            self.close()
            raise BlenderError(f"Blender did not answer within {timeout_s:.0f} s and was ended") from None
        if answer is None:
            raise BlenderError(self._died())
        return answer

    def _died(self) -> str:
        process = self._process
        try:
            status = None if process is None else process.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            status = None
        self.close()
        words = " | ".join(list(self._log)[-3:])
        return f"Blender ended in the middle of a line (exit status {status}){': ' + words if words else ''}"

    def _read_answers(self, stream: IO[bytes], answers: "queue.SimpleQueue[Answer | None]") -> None:
        try:
            for line in stream:
                # a Blender of its own speaks before the script does
                if line.startswith(b'{"lipsync3d"'):
                    answers.put(cast("Answer", json.loads(line)["lipsync3d"]))
        except (OSError, ValueError):  # closed while it was being read
            pass
        finally:
            answers.put(None)

    def _read_log(self, stream: IO[bytes]) -> None:
        try:
            for line in stream:
                if text := line.decode("utf-8", "replace").strip():
                    self._log.append(text)
        except (OSError, ValueError):
            return


def command(program: str) -> list[str]:
    """Return the command line that serves jobs."""
    serving = addon_folder() / "serving.py"
    if program:
        return [program, "-b", "--factory-startup", "--python-exit-code", "1", "--python", str(serving)]
    return [sys.executable, "-P", str(serving)]


def addon_folder() -> Path:
    """Return the folder of the add-on: beside the backend in a checkout, around it in the extension."""
    beside = Path(__file__).resolve().parents[2]
    return beside / "blender_addon" if (beside / "blender_addon").is_dir() else beside


def environment() -> dict[str, str]:
    """Return the child's environment: hashes of one seed, so that what exporters write is always in one order."""
    return os.environ | {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def identity(program: str) -> str:
    """Return which Blender a batch would use, with its version.

    Raises:
        BlenderError: there is none.
    """
    if not program:
        try:
            if find_spec("bpy") is not None:
                return f"bpy {version('bpy')}"
        except PackageNotFoundError:
            return "bpy"
        raise BlenderError("no Blender: give its executable with --blender, or install it: python -m pip install bpy")
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=START_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BlenderError(f"{program} does not start ({error}); give Blender's executable with --blender") from error
    first = next((line for line in done.stdout.splitlines() if line.startswith("Blender ")), "")
    if not first:
        raise BlenderError(f"{program} is no Blender; give the executable of Blender 4.2 or newer")
    return first


def _thread(target: Any, *arguments: object) -> None:  # noqa: ANN401 - any function
    threading.Thread(target=target, args=arguments, daemon=True).start()
