# SPDX-License-Identifier: GPL-3.0-or-later
"""The client against real processes that behave badly."""

import sys
import threading
import time

import pytest
from blender_addon.backend.core.errors import LipSyncError, WorkerError
from blender_addon.backend.inference.protocol import PROTOCOL, Hello, Request, encode

from blender_addon.jobs.client import JobCancelledError, WorkerClient

REQUEST = Request(1, "sound.wav", "out.npz")
HELLO = encode(Hello("0"))
HEAD = "import sys, time\nsay = lambda line: print(line, flush=True)\n"


def ask(program, cancelled=None):
    client = WorkerClient([sys.executable, "-c", HEAD + program])
    told = []
    try:
        return client.ask(REQUEST, lambda *progress: told.append(progress), cancelled or threading.Event()), told
    finally:
        client.close()


def answer(kind, **fields):
    import json

    return f"say('''{json.dumps({'type': kind, 'id': 1, **fields})}''')\n"


RESULT = answer("result", output="o", duration_s=1.0, frames=2, confidence_mean=0.5, phone_count=3, bundle="b")


def test_progress_and_result_arrive():
    result, told = ask(
        f"say('''{HELLO}''')\nsys.stdin.readline()\n{answer('progress', fraction=0.5, stage='x')}{RESULT}"
    )
    assert (result.frames, told) == (2, [(0.5, "x")])


def test_a_failure_keeps_its_sentence():
    with pytest.raises(LipSyncError, match=r"^no such sound$"):
        ask(answer("failure", message="no such sound") + "time.sleep(9)")


def test_death_tells_the_status_and_the_end_of_the_log():
    with pytest.raises(WorkerError, match=r"ended before it was done \(exit status 7: .*out of paper.*\); try again"):
        ask("sys.stdin.readline(); print('out of paper', file=sys.stderr); sys.exit(7)")


def test_nonsense_and_another_protocol_are_refused():
    with pytest.raises(WorkerError, match="not a message"):
        ask("say('Segmentation fault'); time.sleep(9)")
    with pytest.raises(WorkerError, match=rf"protocol {PROTOCOL + 1}, this add-on {PROTOCOL}"):
        ask(f"say('''{encode(Hello('0', (), PROTOCOL + 1))}'''); time.sleep(9)")


def test_no_such_program():
    with pytest.raises(WorkerError, match="cannot start"):
        WorkerClient(["no-such-program-of-ours"]).ask(REQUEST, lambda *_: None, threading.Event())


def test_a_process_that_will_not_cancel_is_ended():
    cancelled = threading.Event()
    threading.Timer(0.3, cancelled.set).start()
    began = time.monotonic()
    with pytest.raises(JobCancelledError):
        ask("time.sleep(60)", cancelled)
    assert time.monotonic() - began < 10


def test_a_request_waits_for_one_given_up_to_end():
    program = f"import json\nsay('''{HELLO}''')\nfor line in sys.stdin:\n" + (
        "    asked = json.loads(line)\n    time.sleep(0.3)\n    if asked['type'] == 'request':\n        say(json.dumps("
        "{'type': 'result', 'output': 'o', 'duration_s': 1.0, 'frames': 2, 'confidence_mean': 0.5, 'phone_count': 3, "
        "'bundle': 'b', 'id': asked['id']}))\n"
    )
    client = WorkerClient([sys.executable, "-c", HEAD + program])
    answers = []

    def both(number):
        request = Request(number, "sound.wav", "out.npz")
        answers.append(client.ask(request, lambda *_: None, threading.Event()).id)

    threads = [threading.Thread(target=both, args=(number,), daemon=True) for number in range(1, 5)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert sorted(answers) == [1, 2, 3, 4]
    finally:
        client.close()


def test_a_request_cancelled_before_its_turn_starts_no_process():
    cancelled = threading.Event()
    cancelled.set()
    client = WorkerClient([sys.executable, "-c", "input()"])
    with pytest.raises(JobCancelledError):
        client.ask(REQUEST, lambda *_: None, cancelled)
    assert client.pid is None
