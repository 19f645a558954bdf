# SPDX-License-Identifier: GPL-3.0-or-later
import struct

import numpy as np
import pytest

from backend.audio.decode import load_mono, read_info, stream_mono
from backend.core.errors import SoundError

soundfile = pytest.importorskip("soundfile", reason="needs lipsync3d[inference]")


def tone(sample_rate, seconds=2.0, hz=440.0):
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(int(sample_rate * seconds)) / sample_rate)).astype(np.float32)


def wav_header(sample_rate, channels, size):
    rates = (sample_rate, sample_rate * channels * 2 & 0xFFFFFFFF, channels * 2 & 0xFFFF)
    return b"RIFF" + struct.pack("<I", 36 + size & 0xFFFFFFFF) + b"WAVEfmt " + struct.pack(
        "<IHHIIHH4sI", 16, 1, channels, *rates, 16, b"data", size
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "sample_rate", "channels", "kind"),
    [
        ("a.wav", 44100, 1, {}),
        ("a.wav", 8000, 1, {}),
        ("a.wav", 16000, 2, {"subtype": "FLOAT"}),
        ("a.wav", 192000, 8, {"subtype": "PCM_24"}),
        ("a.flac", 48000, 6, {}),
        ("a.ogg", 22050, 2, {}),
        ("a.mp3", 44100, 2, {}),
        ("a.opus", 48000, 1, {"format": "OGG", "subtype": "OPUS"}),
    ],
)
def test_every_kind_becomes_the_same_tone(tmp_path, name, sample_rate, channels, kind):
    path = tmp_path / name
    soundfile.write(path, np.repeat(tone(sample_rate)[:, None], channels, axis=1), sample_rate, **kind)
    mono = load_mono(path)
    assert read_info(path).duration_s == pytest.approx(2.0, abs=0.05)
    assert len(mono) == pytest.approx(32000, abs=800)
    middle = mono[8000:24000]
    assert np.abs(middle).max() == pytest.approx(0.3, abs=0.02)
    assert np.abs(np.fft.rfft(middle)).argmax() == 440


def test_resampling_keeps_time(tmp_path):
    click = np.zeros(96000, np.float32)
    click[48000] = 1.0
    soundfile.write(tmp_path / "a.wav", click, 48000)
    mono = load_mono(tmp_path / "a.wav")
    assert len(mono) == 32000
    assert np.abs(mono).argmax() == 16000


def test_small_blocks_equal_the_whole(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(44100, 3.0), 44100)
    whole = np.concatenate(list(stream_mono(tmp_path / "a.wav", 100.0)))
    pieces = list(stream_mono(tmp_path / "a.wav", 0.1))
    assert max(map(len, pieces)) < 4000
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-6)


def test_channels_that_cancel_out_are_still_heard(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(16000)[:, None] * [1.0, -0.9], 16000)
    assert np.abs(load_mono(tmp_path / "a.wav")).max() == pytest.approx(0.3, abs=0.01)


def test_a_streamed_wav_without_a_length_is_read_to_its_end(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav_header(16000, 1, 0xFFFFFFFF) + bytes(6400))
    assert len(load_mono(tmp_path / "a.wav")) == 3200


def damaged(folder, kind):
    path = folder / "a.wav"
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("This is a letter, not a sound. " * 99)
    elif kind == "no samples":
        soundfile.write(path, np.zeros(0, np.float32), 16000)
    elif kind in {"nan", "inf", "absurd"}:
        value = {"nan": np.nan, "inf": np.inf, "absurd": 1e30}[kind]
        soundfile.write(path, np.append(tone(44100), np.float32(value)), 44100, subtype="FLOAT")
    elif kind in {"rate 0", "rate 4e9", "channels"}:
        rate, channels = {"rate 0": (0, 1), "rate 4e9": (4_000_000_000, 1), "channels": (16000, 30000)}[kind]
        path.write_bytes(wav_header(rate, channels, 3200) + bytes(3200))
    elif kind.startswith("truncated"):
        path = folder / f"a.{kind.split()[1]}"
        soundfile.write(path, tone(44100, 5.0), 44100)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


BAD = {
    "missing": "no such sound file",
    "folder": "not a file",
    "empty": "empty",
    "text": "not a sound file",
    "no samples": "0 s",
    "nan": "NaN",
    "inf": "NaN or infinite",
    "absurd": "impossible samples",
    "rate 0": "cannot|not a sound file",
    "rate 4e9": "impossible|not a sound file",
    "channels": "not a sound file",
    "truncated wav": "truncated",
    "truncated flac": "damaged|truncated",
}


@pytest.mark.parametrize(("kind", "words"), BAD.items())
def test_bad_sounds_are_named_with_a_remedy(tmp_path, kind, words):
    path = damaged(tmp_path, kind)
    with pytest.raises(SoundError, match=words) as caught:
        load_mono(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert "; " in message, "the remedy follows the reason"
