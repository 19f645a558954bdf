# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from backend.core.errors import VideoError
from tests.videos import SOUND_RATE, hum, turn_flag, write_sound, write_video

pytest.importorskip("av", reason="needs lipsync3d[tracking]")
cv2 = pytest.importorskip("cv2", reason="needs lipsync3d[tracking]")

from backend.tracking.video import frames, read_info, sound  # noqa: E402


def numbered(count, size=(64, 96)):
    """Pictures whose brightness tells their number."""
    return [np.full((*size, 3), 16 + index % 200, np.uint8) for index in range(count)]


@pytest.mark.parametrize("times_s", [np.arange(30) / 10, np.cumsum(np.tile([0.02, 0.033, 0.1], 10))])
@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_frames_carry_their_own_times(tmp_path, times_s, ending):
    info = read_info(write_video(tmp_path / f"v{ending}", numbered(30), times_s, hum(3)))
    seen = list(frames(info))
    assert [frame.time_s for frame in seen] == pytest.approx(times_s - times_s[0], abs=1.1e-3)
    assert [float(frame.rgb.mean()) for frame in seen] == pytest.approx(np.arange(16, 46), abs=3)


def test_ten_frames_a_second_say_so(tmp_path):
    info = read_info(write_video(tmp_path / "v.mp4", numbered(20), np.arange(20) / 10, hum(2)))
    assert (info.width, info.height, info.has_sound) == (96, 64, True)
    assert (info.fps, info.duration_s) == (pytest.approx(10, rel=0.06), pytest.approx(2, abs=0.11))


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_rotation_flags_are_obeyed(tmp_path, quarters):
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:32, :48] = 230  # top left as stored
    path = turn_flag(write_video(tmp_path / "v.mp4", [picture] * 5, np.arange(5) / 25), quarters)
    info = read_info(path)
    upright = np.rot90(picture, -quarters)  # the flag's matrix turns clockwise
    assert (info.height, info.width) == upright.shape[:2]
    seen = next(frames(info)).rgb
    assert seen.shape == upright.shape
    assert np.abs(seen.astype(float) - upright).mean() < 4


@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_a_piece_equals_its_part_of_the_whole(tmp_path, ending):
    noise = np.random.default_rng(5).normal(0, 0.1, 12 * SOUND_RATE)
    info = read_info(write_video(tmp_path / f"v{ending}", numbered(300), np.arange(300) / 25, noise, gop=100))
    whole = {frame.time_s: frame.rgb for frame in frames(info)}
    piece = {frame.time_s: frame.rgb for frame in frames(info, 7.0, 9.0)}
    assert list(piece) == [time for time in whole if 7.0 <= time < 9.0]
    assert len(piece) == 50
    assert all(np.array_equal(picture, whole[time]) for time, picture in piece.items())
    heard, part = sound(info), sound(info, 7.0, 9.0)
    assert len(part) == 32_000
    lag = np.correlate(heard[7 * 16_000 - 160 :][: 32_000 + 320], part, "valid").argmax() - 160
    assert abs(lag) <= 1


@pytest.mark.parametrize(("ending", "late_s"), [(".mp4", 0.0), (".mkv", 0.0), (".mkv", 0.6)])
def test_sound_is_in_step_with_the_picture(tmp_path, ending, late_s):
    """A flash and a click at 1.2 s, also where the sound track begins late."""
    pictures = numbered(50)
    pictures[30] = np.full_like(pictures[0], 255)
    click = np.zeros(round((2 - late_s) * SOUND_RATE))
    click[round((1.2 - late_s) * SOUND_RATE) :][:48] = 0.9
    info = read_info(write_video(tmp_path / f"v{ending}", pictures, np.arange(50) / 25, click, late_s))
    flash_s = max(frames(info), key=lambda frame: frame.rgb.mean()).time_s
    heard_s = np.abs(sound(info)).argmax() / 16_000
    assert flash_s == pytest.approx(1.2)
    assert heard_s == pytest.approx(flash_s, abs=0.005)


def test_large_pictures_are_scaled_down_on_request_only(tmp_path):
    info = read_info(write_video(tmp_path / "v.mp4", numbered(2, (2160, 3840)), [0, 0.04]))
    assert next(frames(info)).rgb.shape == (2160, 3840, 3)
    assert next(frames(info, longest_px=1280)).rgb.shape == (720, 1280, 3)


def test_files_that_are_no_video_are_told_apart(tmp_path):
    silent = write_video(tmp_path / "silent.mp4", numbered(20), np.arange(20) / 25)
    whole = write_video(tmp_path / "whole.mp4", numbered(20), np.arange(20) / 25, hum(1)).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(9000))
    (tmp_path / "empty.mp4").write_bytes(b"")
    cv2.imwrite(str(tmp_path / "still.png"), np.zeros((64, 64, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "still.jpg"), np.zeros((64, 64, 3), np.uint8))
    write_sound(tmp_path / "song.wav", hum(1))
    one = write_video(tmp_path / "one.mp4", numbered(1), [0.0])
    for name, said in {
        "missing.mp4": "no such file",
        "cut.mp4": "damaged",
        "noise.mp4": "damaged",
        "empty.mp4": "damaged",
        "still.png": "still picture",
        "still.jpg": "still picture",
        one.name: "still picture",
        "song.wav": "only sound",
    }.items():
        with pytest.raises(VideoError, match=f"{name}: .*{said}"):
            read_info(tmp_path / name)
    with pytest.raises(VideoError, match=r"silent\.mp4: no sound"):
        sound(read_info(silent))


def test_damage_in_mid_stream_costs_only_what_it_hits(tmp_path):
    path = write_video(tmp_path / "v.mkv", numbered(100, (128, 192)), np.arange(100) / 25, hum(4))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 200] = np.random.default_rng(1).bytes(200)
    path.write_bytes(data)
    info = read_info(path)
    times_s = [frame.time_s for frame in frames(info)]
    assert len(times_s) >= 40
    assert np.all(np.diff(times_s) > 0)
    assert len(sound(info)) > 16_000
