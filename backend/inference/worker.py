# SPDX-License-Identifier: GPL-3.0-or-later
"""The prediction process: `python -m backend.inference.worker`, requests in on stdin, answers out on stdout.

Stays alive between requests with the bundle loaded and ends when stdin closes. A thread reads stdin, so that a
`Cancel` is heard in the middle of a request. Nothing but messages reaches the client: file descriptor 1 is kept for
them alone, and whatever a library prints goes to stderr with the log.
"""

import logging
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..core.errors import LipSyncError, WorkerError
from ..core.style import MotionStyle
from ..core.version import VERSION
from . import protocol
from .animate import animate
from .bundle import open_bundle, shipped_bundles
from .predict import CancelledError, PredictRequest
from .predictors import AnyPredictor, open_predictor
from .protocol import Cancel, Failure, Hello, Message, Progress, Request, Result

log = logging.getLogger("lipsync3d.worker")
QUIET_S = 0.1
"""Least time between two progress messages of one request."""


class Mailbox:
    """What the client has asked for and taken back, filled by a thread that reads its lines."""

    def __init__(self, lines: Iterable[bytes], refuse: "Outbox") -> None:
        self._lines = lines
        self._refuse = refuse
        self._requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        self._closed = threading.Event()
        threading.Thread(target=self._read, name="stdin", daemon=True).start()

    def next_request(self) -> Request | None:
        """Wait for the next request; None when the client has gone."""
        return self._requests.get()

    def is_cancelled(self, request_id: int) -> bool:
        """Return whether the client no longer wants a request, or is no longer there."""
        return self._closed.is_set() or request_id in self._cancelled

    def _read(self) -> None:
        try:
            for line in self._lines:
                self._take(line)
        finally:  # a bug in reading must end the process, not leave it deaf
            self._closed.set()
            self._requests.put(None)

    def _take(self, line: bytes) -> None:
        try:
            message = protocol.decode(line.decode("utf-8", "replace"))
        except WorkerError as error:
            self._refuse.send(Failure(-1, str(error)))
            return
        if isinstance(message, Request):
            self._cancelled.discard(message.id)
            self._requests.put(message)
        elif isinstance(message, Cancel):
            self._cancelled.add(message.id)


class Outbox:
    """Sends messages, a whole line at a time, from any thread."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Send one message; where the client has gone, stdin's end will end the process."""
        line = protocol.encode(message).encode() + b"\n"
        with self._lock:
            try:
                self._stream.write(line)
                self._stream.flush()
            except OSError as error:
                log.warning("the client does not listen: %s", error)


@dataclass(frozen=True, slots=True)
class _Loaded:
    bundle: str
    device: str
    predictor: AnyPredictor


class Worker:
    """Answers requests one after another."""

    def __init__(self, mailbox: Mailbox, outbox: Outbox) -> None:
        self._mailbox = mailbox
        self._outbox = outbox
        self._loaded: _Loaded | None = None

    def run(self) -> None:
        """Say hello and answer until the client has gone."""
        self._outbox.send(Hello(VERSION, tuple(shipped_bundles())))
        while (request := self._mailbox.next_request()) is not None:
            self._outbox.send(self._answer(request))

    def _answer(self, request: Request) -> Result | Failure:
        try:
            return self._animate(request)
        except LipSyncError as error:
            return Failure(request.id, " ".join(str(error).split()))
        except CancelledError:
            return Failure(request.id, "cancelled", cancelled=True)
        except Exception as error:  # the process must outlive a bug, which the log keeps with its traceback
            log.exception("request %d", request.id)
            return Failure(request.id, f"internal error: {type(error).__name__}: {error}; see the log of the process")

    def _animate(self, request: Request) -> Result:
        report = _Reporter(request.id, self._outbox)
        report(0.0, "loading")
        predictor = self._predictor(request.bundle, request.device)
        summary = animate(
            predictor,
            PredictRequest(
                sound=Path(request.sound),
                fps=request.fps,
                transcript=request.transcript,
                phones=Path(request.phones) if request.phones else None,
                language=request.language,
                style=MotionStyle(request.articulation, request.jaw, request.lips, request.smoothing),
                texture=request.texture,
                quality=request.quality,
            ),
            Path(request.output),
            report,
            lambda: self._mailbox.is_cancelled(request.id),
        )
        return Result(
            id=request.id,
            output=str(summary.output),
            duration_s=summary.duration_s,
            frames=summary.frames,
            confidence_mean=summary.confidence_mean,
            phone_count=summary.phone_count,
            bundle=summary.bundle,
            note=summary.note,
        )

    def _predictor(self, bundle: str, device: str) -> AnyPredictor:
        loaded = self._loaded
        if loaded is None or (loaded.bundle, loaded.device) != (bundle, device):
            loaded = _Loaded(bundle, device, open_predictor(open_bundle(bundle), device))
            self._loaded = loaded
        return loaded.predictor


class _Reporter:
    """Sends progress, at most every `QUIET_S`."""

    def __init__(self, request_id: int, outbox: Outbox) -> None:
        self._request_id = request_id
        self._outbox = outbox
        self._next_s = 0.0

    def __call__(self, fraction: float, stage: str) -> None:
        if time.monotonic() >= self._next_s:
            self._outbox.send(Progress(self._request_id, min(max(fraction, 0.0), 1.0), stage))
            self._next_s = time.monotonic() + QUIET_S


def main() -> None:
    """Serve the client on stdin and stdout."""
    messages = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(name)s: %(message)s")
    # the terminal's Ctrl-C is for the client, which then closes stdin; a polite kill unwinds and cleans up
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    outbox = Outbox(messages)
    # unbuffered: a buffered reader that waits in a thread holds a lock that the interpreter's end dies on
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    try:
        Worker(Mailbox(requests, outbox), outbox).run()
    except KeyboardInterrupt:
        log.info("asked to end")


if __name__ == "__main__":
    main()
