# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of the prediction process: starts it, asks it, cancels, and tells when it died. Must not import bpy.

The process is started with the first request and kept, with its model loaded, until `close`.
"""

import queue
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import IO

from ..backend.core.errors import LipSyncError, WorkerError
from ..backend.inference import protocol
from ..backend.inference.protocol import Cancel, Failure, Hello, Message, Progress, Request, Result
from . import process

POLL_S = 0.05
PATIENCE_S = 2.0
"""How long a cancelled process may take to say so before it is ended."""
KEPT_LOG_LINES = 20
TOLD_LOG_LINES = 3

Report = Callable[[float, str], None]


class JobCancelledError(Exception):
    """The user took the request back."""


class WorkerClient:
    """One prediction process. Threads take turns with `ask`; `close` may be called by any."""

    def __init__(self, command: list[str] | None = None) -> None:
        self._command = command or process.command("inference.worker")
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: queue.SimpleQueue[Message | WorkerError | None] = queue.SimpleQueue()
        self._log: deque[str] = deque(maxlen=KEPT_LOG_LINES)
        self._log_reader: threading.Thread | None = None
        self._turn = threading.Lock()
        self._gate = threading.Lock()

    @property
    def pid(self) -> int | None:
        """Process id; None where none runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def ask(self, request: Request, report: Report, cancelled: threading.Event) -> Result:
        """Send a request and wait for its result.

        Raises:
            LipSyncError: the request failed; the message says why.
            WorkerError: the process could not start, died or speaks another protocol.
            JobCancelledError: `cancelled` was set.
        """
        with self._turn:  # one given up by its operator may still be waiting for its last word
            return self._ask(request, report, cancelled)

    def _ask(self, request: Request, report: Report, cancelled: threading.Event) -> Result:
        with self._gate:
            if cancelled.is_set():
                raise JobCancelledError
            self._start()
        self._send(request)
        give_up_s = None
        while True:
            if cancelled.is_set() and give_up_s is None:
                self._send(Cancel(request.id))
                give_up_s = time.monotonic() + PATIENCE_S
            if give_up_s is not None and time.monotonic() > give_up_s:
                self.close()
                raise JobCancelledError
            try:
                answer = self._answers.get(timeout=POLL_S)
            except queue.Empty:
                continue
            if (result := self._heard(answer, request.id, report)) is not None:
                if cancelled.is_set():
                    raise JobCancelledError
                return result

    def close(self) -> None:
        """End the process now; a request cancelled before starts no other."""
        with self._gate:
            self._end()

    def _end(self) -> None:
        process_, self._process = self._process, None
        if process_ is None:
            return
        process_.kill()
        process_.wait()
        for stream in (process_.stdin, process_.stdout, process_.stderr):
            _close(stream)

    def _start(self) -> None:
        if self.pid is not None:
            return
        self._end()
        self._answers = queue.SimpleQueue()
        self._log.clear()
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=process.environment(),
                creationflags=process.creation_flags(),
            )
        except OSError as error:
            raise WorkerError(f"the prediction process cannot start: {error}; install the extension again") from error
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._log_reader = _thread(_read_log, self._process.stderr, self._log)
        _thread(_read_answers, self._process.stdout, self._answers)

    def _send(self, message: Message) -> None:
        """Write one message; where the process has died, its end of the answers says so."""
        try:
            assert self._process is not None
            assert self._process.stdin is not None
            self._process.stdin.write(protocol.encode(message).encode() + b"\n")
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise WorkerError(f"the prediction process has ended{self._last_words()}") from error

    def _heard(self, answer: Message | WorkerError | None, request_id: int, report: Report) -> Result | None:
        """Act on an answer; return the result once it is there."""
        if answer is None:
            words = self._last_words()
            self.close()
            raise WorkerError(f"the prediction process has ended before it was done{words}; try again")
        if isinstance(answer, WorkerError):
            self.close()
            raise answer
        if isinstance(answer, Hello) and answer.protocol != protocol.PROTOCOL:
            self.close()
            raise WorkerError(
                f"the prediction process speaks protocol {answer.protocol}, this add-on {protocol.PROTOCOL}; "
                "install the extension again"
            )
        if isinstance(answer, Progress) and answer.id == request_id:
            report(answer.fraction, answer.stage)
        if isinstance(answer, Failure) and answer.id in (request_id, -1):
            if answer.cancelled:
                raise JobCancelledError
            raise LipSyncError(answer.message)
        return answer if isinstance(answer, Result) and answer.id == request_id else None

    def _last_words(self) -> str:
        """Return the exit status and the end of the process's log, for the error message."""
        if self._process is None:
            return ""
        try:
            status = self._process.wait(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            status = None
        if self._log_reader is not None:
            self._log_reader.join(timeout=PATIENCE_S)
        lines = " | ".join(list(self._log)[-TOLD_LOG_LINES:])
        return f" (exit status {status}{': ' + lines if lines else ''})"


def _thread(target: Callable[..., None], *arguments: object) -> threading.Thread:
    # daemon: Blender's exit must not wait for a pipe; the process ends by itself when its stdin closes
    thread = threading.Thread(target=target, args=arguments, name=f"lipsync3d {target.__name__}", daemon=True)
    thread.start()
    return thread


def _read_answers(stream: IO[bytes], answers: "queue.SimpleQueue[Message | WorkerError | None]") -> None:
    try:
        for line in stream:
            answers.put(protocol.decode(line.decode("utf-8", "replace")))
    except WorkerError as error:
        answers.put(error)
    except (OSError, ValueError):  # closed by `close` while it was being read
        pass
    finally:
        answers.put(None)


def _read_log(stream: IO[bytes], log: deque[str]) -> None:
    try:
        for line in stream:
            if text := line.decode("utf-8", "replace").strip():
                log.append(text)
    except (OSError, ValueError):
        return


def _close(stream: IO[bytes] | None) -> None:
    try:
        if stream is not None:
            stream.close()
    except OSError:
        return  # a broken pipe that still held bytes
