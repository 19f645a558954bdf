# SPDX-License-Identifier: GPL-3.0-or-later
import json
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("espeakng_loader", reason="needs the speech extra (espeakng-loader)")
pytest.importorskip("soundfile", reason="needs lipsync3d[inference]")

import soundfile

from backend.audio.loudness import integrated_lufs, true_peak_dbtp
from backend.core.errors import OutputError, SynthesisError
from backend.inference.known_phones import read_phones
from backend.inference.speak import SpeakRequest, fingerprint, phone_timer, problems, speak, speak_line
from backend.speech.synthesis import synthesise

CHECKOUT = Path(__file__).resolve().parents[2]
TEXT = "Bob put a big map by the pump."


def test_loudness_is_what_was_asked(tmp_path):
    for lufs in (-23.0, -16.0):
        line = speak_line(SpeakRequest(TEXT, loudness_lufs=lufs), tmp_path / "a.wav")
        samples, sample_rate = soundfile.read(tmp_path / "a.wav", dtype="float32")
        assert integrated_lufs(samples, sample_rate) == pytest.approx(lufs, abs=0.2)
        assert line.loudness_lufs == pytest.approx(lufs, abs=0.2)
        assert true_peak_dbtp(samples) < -0.95
    raw, _, _ = synthesise(TEXT)
    speak_line(SpeakRequest(TEXT, loudness_lufs=None), tmp_path / "a.wav")
    np.testing.assert_allclose(soundfile.read(tmp_path / "a.wav", dtype="float32")[0], raw, atol=1 / 32768)


def test_loudness_that_cannot_be_is_told(tmp_path):
    line = speak_line(SpeakRequest(TEXT, loudness_lufs=-8.0, peak_dbtp=-12.0), tmp_path / "a.wav")
    assert "of -8 LUFS under peaks of -12 dB" in line.notes[0]


def test_the_same_request_gives_the_same_bytes(tmp_path):
    request = SpeakRequest(TEXT, voice="en-us+f3", loudness_lufs=-16.0)
    speak_line(request, tmp_path / "a.wav", tmp_path / "a.json")
    speak_line(SpeakRequest("Guten Tag.", voice="de"), tmp_path / "b.wav")
    speak_line(request, tmp_path / "b.wav", tmp_path / "b.json")
    for ending in ("wav", "json"):
        assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()


def test_phones_go_with_the_sound_and_the_text_is_plain(tmp_path):
    text = '<speak>Bob <break time="400ms"/> &amp; Mum</speak>'
    line = speak_line(SpeakRequest(text), tmp_path / "a.wav", tmp_path / "a.json")
    assert (line.text, line.phones_from) == ("Bob & Mum", "engine")
    assert read_phones(tmp_path / "a.json")[-1].end_s == pytest.approx(line.duration_s, abs=1e-3)


def test_an_engine_without_times_has_its_phones_aligned(tmp_path):
    """The program is eSpeak NG, whose own times are the truth."""
    program = tmp_path / "synth.py"
    program.write_text(
        f"import sys, soundfile\nsys.path.insert(0, {str(CHECKOUT)!r})\n"
        "from backend.speech.synthesis import synthesise\n"
        "samples, rate, _ = synthesise(open(sys.argv[2], encoding='utf-8').read())\n"
        "soundfile.write(sys.argv[1], samples, rate)\n"
    )
    request = SpeakRequest(TEXT, engine=f"'{sys.executable}' '{program}' {{wav}} {{text_file}}")
    line = speak_line(request, tmp_path / "a.wav", tmp_path / "a.json", phone_timer())
    assert line.phones_from == "alignment"
    aligned = [span for span in read_phones(tmp_path / "a.json") if span.phone != "sil"]
    true = [span for span in synthesise(TEXT)[2] if span.phone != "sil"]
    assert [span.phone for span in aligned] == [span.phone for span in true]
    assert np.median([abs(a.start_s - b.start_s) for a, b in zip(aligned, true, strict=True)]) < 0.03
    none = speak_line(request, tmp_path / "b.wav", tmp_path / "b.json")
    assert (none.phones_from, (tmp_path / "b.json").exists()) == ("", False)


def test_a_recorded_sound_is_brought_to_loudness(tmp_path):
    speak("Bob and Mum.", tmp_path / "a.wav")
    samples, rate = soundfile.read(tmp_path / "a.wav")
    soundfile.write(tmp_path / "in.flac", np.stack([0.1 * samples, 0.1 * samples], 1), rate)
    line = speak_line(SpeakRequest(sound=tmp_path / "in.flac"), tmp_path / "b.wav")
    assert line.loudness_lufs == pytest.approx(-23.0, abs=0.1)
    assert line.duration_s == len(samples) / rate
    assert fingerprint(SpeakRequest(sound=tmp_path / "in.flac")) == "recorded"


def test_problems_are_all_told_without_speaking():
    assert problems(SpeakRequest(TEXT)) == []
    bad = SpeakRequest("", voice="xx", speed=9.0, loudness_lufs=3.0, peak_dbtp=9.0)
    words = [one.split()[0] for one in problems(bad)]
    assert words == ["loudness", "peak", "the", "speed", "voice"]
    assert "nosuch" in problems(SpeakRequest("a", engine="nosuch"))[0]
    assert "no sound file" in problems(SpeakRequest(sound=Path("none.wav")))[0]
    assert "holds nothing to say" in problems(SpeakRequest("😀"))[0]
    assert "does not read Arabic" in problems(SpeakRequest("مرحبا"))[0]
    assert "not well-formed" in problems(SpeakRequest("a <break>"))[0]


def test_nothing_is_written_where_it_fails(tmp_path):
    with pytest.raises(SynthesisError):
        speak_line(SpeakRequest("😀"), tmp_path / "a.wav", tmp_path / "a.json")
    with pytest.raises(OutputError, match="mp4"):
        speak_line(SpeakRequest(TEXT), tmp_path / "a.mp4")
    with pytest.raises(OutputError):
        speak_line(SpeakRequest(TEXT), tmp_path / "a.wav", tmp_path / "none" / "a.json")
    assert list(tmp_path.iterdir()) == []


def test_phones_are_sorted_and_whole(tmp_path):
    speak_line(SpeakRequest(TEXT, speed=1.4, pitch=2.0), tmp_path / "a.wav", tmp_path / "a.json")
    spans = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert all(a["end_s"] == pytest.approx(b["start_s"], abs=2e-4) for a, b in pairwise(spans))
