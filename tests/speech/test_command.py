# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands as engines: a small Python program stands for somebody's synthesiser."""

import shlex
import sys
import time

import numpy as np
import pytest

pytest.importorskip("soundfile", reason="needs lipsync3d[inference]")


from backend.core.errors import SynthesisError
from backend.speech.command import CommandEngine
from backend.speech.engines import Delivery, open_engine
from backend.speech.markup import stretches_of

SYNTH = """
import sys, numpy, soundfile
wav, text = sys.argv[1], sys.argv[2]
if text.endswith(".txt"): text = open(text, encoding="utf-8").read()
open({log!r}, "a", encoding="utf-8").write(repr(sys.argv[2:]) + "\\n")
t = numpy.arange(2205 * len(text.split())) / 22050
soundfile.write(wav, 0.3 * numpy.sin(2000 * t), 22050)
"""


@pytest.fixture
def synth(tmp_path):
    """A synthesiser that hums a tenth of a second a word and keeps a log of its arguments."""
    program, log = tmp_path / "my synth.py", tmp_path / "log.txt"
    program.write_text(SYNTH.format(log=str(log)), encoding="utf-8")
    return f"{shlex.quote(sys.executable)} {shlex.quote(str(program))}", log


def python(code, *more):
    return " ".join([shlex.quote(sys.executable), "-c", shlex.quote(code), *more])


def say(template, text="one two three", **delivery):
    return open_engine(template).say(stretches_of(text), Delivery(**delivery))


@pytest.mark.parametrize("placeholder", ["{text_file}", "{text}"])
def test_text_goes_by_file_or_argument(synth, placeholder):
    said = say(f"{synth[0]} {{wav}} {placeholder}")
    assert (len(said.samples), said.sample_rate, said.spans) == (6615, 22050, ())


def test_no_text_is_ever_an_option_a_command_or_a_placeholder(synth):
    for text in (
        "--help me",
        "a; touch x",
        "$(touch x) `touch x`",
        "a \" b ' c",
        "{wav} {text}",
        "/etc/passwd",
        "@file",
    ):
        say(f"{synth[0]} {{wav}} {{text}}", text)
        (argument,) = eval(synth[1].read_text(encoding="utf-8").splitlines()[-1])
        assert argument.strip() == text
        assert argument[0] not in "-/@"


def test_manner_is_passed_on_where_the_template_asks(synth):
    say(f"{synth[0]} {{wav}} {{text}} {{voice}} --pace={{speed}} {{pitch}}", voice="ann", speed=1.5, pitch=-2)
    assert eval(synth[1].read_text(encoding="utf-8"))[1:] == ["ann", "--pace=1.5", "-2"]
    with pytest.raises(SynthesisError, match=r"has no \{speed\}"):
        say(f"{synth[0]} {{wav}} {{text}}", speed=2.0)
    with pytest.raises(SynthesisError, match=r"has no \{pitch\}"):
        say(f"{synth[0]} {{wav}} {{text}}", "a <prosody pitch='high'>b</prosody>")


def test_pauses_are_put_between_runs(synth):
    said = say(f"{synth[0]} {{wav}} {{text_file}}", 'one <break time="1s"/> two')
    assert len(said.samples) == pytest.approx(22050 + 2 * 2205, abs=500)
    assert not np.any(said.samples[3000:22000])


@pytest.mark.parametrize(
    ("template", "word"),
    [
        ("nosuchprogram {wav} {text}", "'nosuchprogram' is not found"),
        ("a {wav}", "lacks {text_file}"),
        ("a {wav} 'b {text}", "close its quotes"),
        (python("raise SystemExit('no licence')", "{wav} {text}"), "ended with 1: no licence"),
        (python("import os; os.abort()", "{wav} {text}"), "ended with -6"),
        (python("pass", "{wav} {text}"), "wrote no sound"),
        (python("import sys; open(sys.argv[1], 'w').write('no')", "{wav} {text}"), "no sound that can be read"),
        (python("import sys; open(sys.argv[1], 'w')", "{wav} {text}"), "empty"),
        (python("import sys, soundfile as s; s.write(sys.argv[1], [0.0] * 999, 8000)", "{wav} {text}"), "silence"),
    ],
)
def test_what_goes_wrong_is_told(template, word):
    with pytest.raises(SynthesisError, match=word):
        say(template)


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path):
    child = python(f"import time, pathlib; time.sleep(2.5); pathlib.Path({str(tmp_path / 'alive')!r}).touch()")
    parent = python(f"import subprocess, time; subprocess.Popen({child!r}, shell=True); time.sleep(60)", "{wav} {text}")
    begun = time.monotonic()
    with pytest.raises(SynthesisError, match=r"longer than 0\.8 s"):
        CommandEngine(parent, limit_s=0.8).say(stretches_of("hello"), Delivery())
    assert time.monotonic() - begun < 2.4
    time.sleep(2.5)
    assert not (tmp_path / "alive").exists()


def test_a_long_text_wants_a_file(synth):
    with pytest.raises(SynthesisError, match=r"too long for \{text\}"):
        say(f"{synth[0]} {{wav}} {{text}}", "word " * 9000)
    assert len(say(f"{synth[0]} {{wav}} {{text_file}}", "word " * 9000).samples) > 1_000_000
