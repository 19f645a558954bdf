# SPDX-License-Identifier: GPL-3.0-or-later
"""A film that is written is read back with its times, its pictures and its sound in step."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

pytest.importorskip("av", reason="needs lipsync3d[tracking]")

from backend.core.errors import OutputError
from backend.dataset.video_file import Footage, write_video
from backend.tracking.video import SOUND_RATE, frames, read_info, sound


def footage(count=25, flash=12):
    """Grey pictures with one white one, and a click in the sound at that very moment."""
    times = np.arange(count) / 25
    pictures = [np.full((48, 64, 3), 250 if index == flash else 60, np.uint8) for index in range(count)]
    samples = np.zeros(22_050, np.float32)
    click = round(times[flash] * 22_050)
    samples[click : click + 220] = 0.8 * np.sin(np.arange(220))
    return Footage(times, pictures, Fraction(25), samples, 22_050)


def test_pictures_and_sound_are_read_back_in_step(tmp_path):
    target, told = tmp_path / "film.mp4", []
    write_video(target, footage(), told.append)
    info = read_info(target)
    assert (info.width, info.height, info.has_sound) == (64, 48, True)
    read = list(frames(info))
    assert [frame.time_s for frame in read] == pytest.approx(np.arange(25) / 25, abs=1e-3)
    assert int(np.argmax([frame.rgb.mean() for frame in read])) == 12
    heard = sound(info)
    assert np.argmax(np.abs(heard)) / SOUND_RATE == pytest.approx(12 / 25, abs=0.012)
    assert told[-1] == 1.0
    assert told == sorted(told)


def test_nothing_half_written_remains(tmp_path):
    def broken():
        yield np.zeros((48, 64, 3), np.uint8)
        raise RuntimeError("the picture cannot be made")

    with pytest.raises(RuntimeError):
        write_video(tmp_path / "film.mp4", Footage(np.arange(3) / 25, broken(), Fraction(25), np.zeros(9), 16_000))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OutputError):
        write_video(tmp_path / "none" / "film.mp4", footage())


@pytest.mark.parametrize("matrix", [1, 2, 6])
def test_colours_and_the_shape_of_pixels_are_read_back_however_they_are_coded(tmp_path, matrix):
    target = tmp_path / "film.mp4"
    colours = np.array([[[200, 60, 40]], [[40, 170, 60]], [[50, 70, 200]]], np.uint8)
    picture = np.repeat(np.repeat(colours, 16, axis=0), 48, axis=1)
    whole = replace(footage(2, 0), pictures=[picture] * 2, pixel_aspect=Fraction(16, 15), matrix=matrix)
    write_video(target, whole)
    info = read_info(target)
    assert (info.pixel_aspect, info.matrix) == (Fraction(16, 15), matrix)
    for frame in frames(info):
        assert np.abs(frame.rgb[8::16].astype(int) - picture[8::16]).max() < 8
