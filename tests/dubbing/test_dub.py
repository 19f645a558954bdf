# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole dubs: length, size, sound and frames without a face; and what is said of inputs that cannot be used."""

import json
import shutil
from fractions import Fraction

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs lipsync3d[tracking]")
pytest.importorskip("mediapipe", reason="needs lipsync3d[tracking]")
pytest.importorskip("soundfile", reason="needs lipsync3d[inference]")

import soundfile

from backend.cli import FAILED, main
from backend.core.errors import BundleError, OutputError, VideoError
from backend.dubbing.dub import DubRequest, dub
from backend.dubbing.target import bundle_speaker
from backend.inference.bundle import find_bundle
from backend.tracking.video import SOUND_RATE, frames, read_info, sound
from tests.videos import hum, speaker_frames, write_sound, write_video


@pytest.fixture(scope="module")
def bundle():
    try:
        return find_bundle("demo-speaker")
    except BundleError:
        pytest.skip("needs the demo speaker's bundle; make it with `python -m demo.train_speaker`")


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """Noise that comes and goes; nobody must understand it."""
    path = tmp_path_factory.mktemp("sound") / "noise.wav"
    times = np.arange(round(0.9 * 22050)) / 22050
    soundfile.write(path, hum(0.9)[:: 48000 // 22050][: len(times)] * np.sin(8 * times), 22050)
    return path


@pytest.fixture(scope="module")
def pictures():
    return speaker_frames()[0]


def film(folder, pictures, name="speaker.mp4"):
    return write_video(folder / name, pictures, np.arange(len(pictures)) / 25)


def test_a_longer_sound_is_heard_and_seen_to_its_end(bundle, speech, pictures, tmp_path):
    gone = [np.zeros_like(one) if 5 <= index < 8 else one for index, one in enumerate(pictures)]
    video, output = film(tmp_path, gone), tmp_path / "dubbed.mp4"
    told = []
    made = dub(DubRequest(bundle, video, speech, output), lambda share, stage: told.append((share, stage)))
    info = read_info(output)
    shown = list(frames(info))
    length_s = soundfile.info(speech).duration
    assert (info.width, info.height, info.fps) == (256, 256, 25)
    assert len(shown) == made.frames == int(np.ceil(length_s * 25 - 1e-6))
    assert np.abs(np.array([one.time_s for one in shown]) - np.arange(made.frames) / 25).max() < 1e-3
    heard = sound(info, 0.0, length_s)
    assert np.corrcoef(heard, sound_of(speech)[: len(heard)])[0, 1] > 0.98
    assert made.kept >= 3
    assert all(one.rgb.max() < 20 for one in shown[5:8]), "no face, no change"
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert list(dict.fromkeys(stage for _, stage in told)) == ["listening", "tracking", "dubbing"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dubbed.mp4", "speaker.mp4"]


def test_stop_ends_with_the_video_odd_sizes_are_padded_and_pixels_keep_their_shape(bundle, speech, pictures, tmp_path):
    av = pytest.importorskip("av")
    video = tmp_path / "odd.mp4"
    with av.open(str(video), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "10", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 255, 239, "yuv444p"
        stream.codec_context.sample_aspect_ratio = Fraction(16, 15)
        for one in pictures[:10]:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(one[:239, :255]), "rgb24")))
        container.mux(stream.encode(None))
    made = dub(DubRequest(bundle, video, speech, tmp_path / "dubbed.mp4", fit="stop"))
    info = read_info(tmp_path / "dubbed.mp4")
    assert (info.width, info.height, info.pixel_aspect) == (256, 240, Fraction(16, 15))
    assert made.frames == len(list(frames(info))) == 10
    assert made.padded
    assert "even" in made.summary()
    assert abs(len(sound(info)) / SOUND_RATE - 0.4) < 0.07


def test_stopping_leaves_nothing(bundle, speech, pictures, tmp_path):
    video = film(tmp_path, pictures)

    def stop(_share, stage):
        if stage == "dubbing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dub(DubRequest(bundle, video, speech, tmp_path / "dubbed.mp4"), stop)
    assert [path.name for path in tmp_path.iterdir()] == ["speaker.mp4"]


def test_inputs_that_cannot_be_used_are_told(bundle, speech, pictures, tmp_path):
    video, output = film(tmp_path, pictures[:4]), tmp_path / "out.mp4"
    empty = film(tmp_path, [np.full((64, 64, 3), 90, np.uint8)] * 4, "empty.mp4")
    song = write_sound(tmp_path / "song.wav", hum(0.3))
    for asked, error, words in [
        (DubRequest(bundle, video, speech, tmp_path / "out.avi"), OutputError, "ends in .mp4"),
        (DubRequest(bundle, video, speech, tmp_path / "no" / "out.mp4"), OutputError, "no such folder"),
        (DubRequest(bundle, video, speech, video), OutputError, "one of the inputs"),
        (DubRequest(bundle, song, speech, output), VideoError, "only sound"),
        (DubRequest(bundle, empty, speech, output), VideoError, "no frame shows one face alone"),
        (DubRequest(bundle, tmp_path / "none.mp4", speech, output), VideoError, "no such file"),
    ]:
        with pytest.raises(error, match=words):
            dub(asked)
    assert not output.exists()


def test_a_bundle_without_texture_cannot_dub(bundle, speech, pictures, tmp_path):
    plain = tmp_path / "plain-v1"
    shutil.copytree(bundle, plain)
    config = json.loads((plain / "config.json").read_text())
    del config["sha256"]["texture.onnx"]
    (plain / "config.json").write_text(json.dumps(config))
    (plain / "texture.onnx").unlink()
    with pytest.raises(BundleError, match="train it without --no-texture"):
        dub(DubRequest(plain, film(tmp_path, pictures[:4]), speech, tmp_path / "out.mp4"))
    assert not (tmp_path / "out.mp4").exists()


def test_a_picture_of_4_to_3_stays_one(bundle, speech, pictures, tmp_path):
    made = dub(
        DubRequest(bundle, film(tmp_path, [one[32:224] for one in pictures]), speech, tmp_path / "o.mp4", fit="stop")
    )
    info = read_info(tmp_path / "o.mp4")
    assert (info.width, info.height, made.padded, made.frames) == (256, 192, False, 16)
    assert made.kept < 16


def test_a_bundle_of_no_one_cannot_dub(speech, pictures, tmp_path, capsys):
    with pytest.raises(BundleError, match="personal bundle"):
        bundle_speaker("universal")
    video = film(tmp_path, pictures[:2])
    assert main(["dub", "universal", str(video), str(speech), "-o", str(tmp_path / "out.mp4")]) == FAILED
    assert "personal bundle" in capsys.readouterr().err


def sound_of(path):
    """Return a sound at the rate of `tracking.video.sound`."""
    from backend.audio.decode import load_mono

    return load_mono(path)
