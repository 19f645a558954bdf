# SPDX-License-Identifier: GPL-3.0-or-later
"""Piper on a voice that the tests build: real inputs, outputs and settings, tones for a sound."""

import json
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("piper", reason="needs lipsync3d[piper]")
pytest.importorskip("onnx", reason="the voice is built with onnx")

from backend.core.errors import SynthesisError
from backend.speech.engines import Delivery, open_engine
from backend.speech.markup import stretches_of
from backend.speech.phone_sets import from_ipa
from tests.speech.piper_voice import write_voice

TEXT = "My baby made five maps."


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    return write_voice(tmp_path_factory.mktemp("voice") / "tone.onnx")


def say(voice, text=TEXT, **delivery):
    return open_engine("piper").say(stretches_of(text), Delivery(str(voice), **delivery))


def labels(said):
    return [span.phone for span in said.spans if span.phone != "sil"]


def test_times_come_from_inside_the_voice(voice):
    said = say(voice)
    assert labels(said) == list("maɪbeɪbimeɪdfaɪvmæps")
    assert said.spans[0].start_s == 0.0
    assert said.spans[-1].end_s == pytest.approx(len(said.samples) / said.sample_rate, abs=1e-6)
    assert all(after.start_s == pytest.approx(before.end_s) for before, after in pairwise(said.spans))


def test_times_are_those_of_the_sound(voice):
    """The tones of the voice stop at pauses: where the spans say silence, there is none."""
    said = say(voice, "Bob, Mum. Papa!")
    loud = np.abs(said.samples) > 0.02
    for span in said.spans:
        first, last = (round(time * said.sample_rate) for time in (span.start_s, span.end_s))
        if span.phone == "sil" and last - first > 2500:
            assert not loud[first + 1300 : last - 1300].any()
        elif span.phone != "sil":
            assert loud[first:last].mean() > 0.1


def test_a_voice_with_alignments_of_its_own_says_the_same(voice, tmp_path):
    patched = write_voice(tmp_path / "patched.onnx", alignment_output=True)
    assert say(patched).spans == say(voice).spans


def test_a_voice_without_lengths_still_tells_its_phones(tmp_path):
    said = say(write_voice(tmp_path / "plain.onnx", ceil=False), "My baby, made five maps.")
    assert said.spans == ()
    assert said.phrases == (("m", "a", "ɪ", "b", "e", "ɪ", "b", "i"), tuple("meɪdfaɪvmæps"))


def test_the_same_line_gives_the_same_samples(voice):
    first = say(voice)
    say(voice, "Something else comes between.")
    np.testing.assert_array_equal(say(voice).samples, first.samples)
    calm = say(voice, "a")
    assert np.std(np.diff(calm.samples)) > 0  # there is noise in it


def test_pauses_pace_and_pitch(voice):
    plain = say(voice, "Bob. Mum.")
    paused = say(voice, 'Bob. <break time="500ms"/> Mum.')
    gap = max((span for span in paused.spans[1:-1] if span.phone == "sil"), key=lambda s: s.end_s - s.start_s)
    assert gap.end_s - gap.start_s == pytest.approx(0.5, abs=0.06)
    assert labels(paused) == labels(plain)
    quick, high = say(voice, speed=2.0), say(voice, pitch=6.0)
    normal = say(voice)
    assert len(quick.samples) == pytest.approx(len(normal.samples) / 2, rel=0.15)
    assert len(high.samples) == pytest.approx(len(normal.samples), rel=0.1)
    assert labels(quick) == labels(high) == labels(normal)


def test_speakers_by_name_and_number(tmp_path):
    voice = write_voice(tmp_path / "two.onnx", speakers=2)
    for speaker in ("", "#bob", "#1"):
        assert len(say(f"{voice}{speaker}").samples)
    with pytest.raises(SynthesisError, match="no speaker 'eve'; there are ann, bob"):
        say(f"{voice}#eve")


def test_bad_voices_are_told(voice, tmp_path):
    config = voice.with_name(voice.name + ".json").read_text(encoding="utf-8")
    lone = tmp_path / "lone.onnx"
    lone.write_bytes(voice.read_bytes())
    engine = open_engine("piper")
    assert "lacks its settings" in engine.problems(Delivery(str(lone)))[0]
    for text, word in [
        ("{", "no settings"), ("[]", "no settings"), ("{}", "no settings"),
        (config.replace('"sample_rate": 22050', '"sample_rate": 3'), "does not fit"),
        (config.replace('"phoneme_type": "espeak"', '"phoneme_type": "pinyin"'), "pinyin"),
        (json.dumps({**json.loads(config), "num_symbols": 3}), "does not fit"),
    ]:  # fmt: skip
        lone.with_name("lone.onnx.json").write_text(text, encoding="utf-8")
        assert word in engine.problems(Delivery(str(lone)))[0]
    lone.with_name("lone.onnx.json").write_text(config, encoding="utf-8")
    lone.write_bytes(b"no graph")
    with pytest.raises(SynthesisError, match="cannot be loaded"):
        say(lone)
    for name, word in [
        ("", "needs a voice file"),
        ("x" * 5000, "no Piper voice"),
        ("none.onnx", "no Piper voice"),
        ("en-us", "no Piper voice"),
    ]:
        assert word in engine.problems(Delivery(name))[0]


def test_fingerprints_tell_voices_apart(voice, tmp_path):
    engine = open_engine("piper")
    other = write_voice(tmp_path / "other.onnx", noise=False)
    assert engine.fingerprint(Delivery(str(voice))) != engine.fingerprint(Delivery(str(other)))
    assert engine.fingerprint(Delivery(str(voice))) == engine.fingerprint(Delivery(str(voice)))


def test_every_symbol_of_piper_is_known():
    ids = pytest.importorskip("piper.phoneme_ids").DEFAULT_PHONEME_ID_MAP
    assert {type(from_ipa(symbol)) for symbol in ids} == {tuple}  # an unknown one raises
