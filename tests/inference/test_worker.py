# SPDX-License-Identifier: GPL-3.0-or-later
import os
import subprocess
import sys
from pathlib import Path

import pytest

from backend.core.errors import WorkerError
from backend.core.mesh_file import read_mesh
from backend.core.version import VERSION
from backend.inference.protocol import Cancel, Failure, Hello, Progress, Request, Result, decode, encode

CHECKOUT = Path(__file__).resolve().parents[2]
MESSAGES = [
    Hello("1.2.3", ("universal-v2",)),
    Request(1, "höher.wav", "a.npz", fps=23.976),
    Cancel(1),
    Progress(1, 0.5, "listening"),
    Result(1, "a.npz", 1.5, 46, 0.75, 12, "universal-v2"),
    Failure(1, "no such file", cancelled=False),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_messages_survive_the_wire(message):
    line = encode(message)
    assert "\n" not in line
    assert decode(line) == message


@pytest.mark.parametrize(
    "line",
    ["", "hello", "[]", "{}", '{"type": "eval"}', '{"type": "cancel"}', '{"type": "cancel", "id": "1"}',
     '{"type": "request", "id": 1, "sound": 3, "output": "a"}', "[" * 100_000,
     '{"type": "progress", "stage": "x", "id": 1, "fraction": 1' + "0" * 400 + "}"],
)  # fmt: skip
def test_nonsense_is_refused(line):
    with pytest.raises(WorkerError):
        decode(line)


def test_whole_numbers_pass_for_seconds_and_new_fields_are_ignored():
    assert decode('{"type": "progress", "id": 1, "fraction": 1, "stage": "x", "mood": "new"}') == Progress(1, 1.0, "x")


class Client:
    """A worker process and what it says."""

    def __init__(self):
        command = [sys.executable, "-m", "backend.inference.worker"]
        pipe = subprocess.PIPE
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            command, cwd=CHECKOUT, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, encoding="utf-8"
        )
        self.hello = self.hear()

    def say(self, message):
        self.process.stdin.write(message if isinstance(message, str) else encode(message) + "\n")
        self.process.stdin.flush()

    def hear(self):
        return decode(self.process.stdout.readline())

    def answer(self):
        while isinstance(message := self.hear(), Progress):
            assert 0 <= message.fraction <= 1
        return message


@pytest.fixture
def client():
    pytest.importorskip("onnxruntime", reason="needs lipsync3d[inference]")
    client = Client()
    yield client
    client.process.kill()
    client.process.wait()
    for stream in (client.process.stdin, client.process.stdout, client.process.stderr):
        stream.close()


@pytest.fixture
def long_sound(tmp_path):
    """Two hours of silence: seconds of work."""
    soundfile = pytest.importorskip("soundfile")
    import numpy as np

    with soundfile.SoundFile(tmp_path / "long.flac", "w", 8000, 1) as file:
        for _ in range(120):
            file.write(np.zeros(8000 * 60, np.float32))
    return tmp_path / "long.flac"


def test_one_worker_answers_many_requests(client, speech, tmp_path):
    assert client.hello.protocol == 1
    assert client.hello.version == VERSION
    assert client.hello.bundles
    client.say(Request(1, str(speech), str(tmp_path / "a.npz"), fps=25))
    client.say(Request(2, str(tmp_path / "none.wav"), str(tmp_path / "b.npz")))
    client.say("nonsense\n")
    client.say(Request(3, str(speech), str(tmp_path / "c.npz"), bundle="nobody"))
    answers = sorted((client.answer() for _ in range(4)), key=lambda message: message.id)
    assert [type(answer) for answer in answers] == [Failure, Result, Failure, Failure]
    assert answers[1].duration_s == pytest.approx(4.0)
    clip = read_mesh(tmp_path / "a.npz")
    assert len(clip.times_s) == answers[1].frames == 101
    assert clip.confidence.mean() == pytest.approx(answers[1].confidence_mean)
    assert len(clip.phones) == answers[1].phone_count
    assert "no such sound file" in answers[2].message
    assert "nobody" in answers[3].message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz"]
    client.process.stdin.close()
    assert client.process.wait(10) == 0


def test_the_style_of_a_request_is_followed(client, speech, tmp_path):
    for number, articulation in ((1, 1.0), (2, 0.4), (3, -1.0)):
        client.say(Request(number, str(speech), str(tmp_path / f"{number}.npz"), articulation=articulation))
    answers = sorted((client.answer() for _ in range(3)), key=lambda message: message.id)
    assert "articulation" in answers[2].message
    full, mumbled = (read_mesh(tmp_path / f"{number}.npz").vertices_cm for number in (1, 2))
    assert mumbled.std(axis=0).mean() < 0.7 * full.std(axis=0).mean()


def test_cancel_is_heard_in_the_middle_of_a_request(client, long_sound, speech, tmp_path):
    client.say(Request(7, str(long_sound), str(tmp_path / "a.npz")))
    assert isinstance(client.hear(), Progress)
    client.say(Cancel(7))
    answer = client.answer()
    assert (answer.id, answer.cancelled) == (7, True)
    assert list(tmp_path.iterdir()) == [long_sound]
    client.say(Request(8, str(speech), str(tmp_path / "b.npz")))
    assert isinstance(client.answer(), Result), "and the worker goes on"


def test_a_client_that_goes_ends_the_worker_at_once(client, long_sound, tmp_path):
    client.say(Request(1, str(long_sound), str(tmp_path / "a.npz")))
    assert isinstance(client.hear(), Progress)
    client.process.stdin.close()
    assert client.process.wait(10) == 0
    assert list(tmp_path.iterdir()) == [long_sound]


def test_a_terminated_worker_leaves_nothing(client, long_sound, tmp_path):
    client.say(Request(1, str(long_sound), str(tmp_path / "a.npz")))
    assert isinstance(client.hear(), Progress)
    client.process.terminate()
    client.process.wait(10)
    assert list(tmp_path.iterdir()) == [long_sound]
