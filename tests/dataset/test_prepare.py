# SPDX-License-Identifier: GPL-3.0-or-later
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.videos import hum, speaker_frames, turn_flag, write_sound, write_video

pytest.importorskip("av", reason="needs lipsync3d[tracking]")
pytest.importorskip("mediapipe", reason="needs lipsync3d[tracking]")
cv2 = pytest.importorskip("cv2", reason="needs lipsync3d[tracking]")

from backend.core.errors import VideoError  # noqa: E402
from backend.core.face import lip_gap_cm  # noqa: E402
from backend.dataset.manifest import ClipRecord, read_manifest, split_of  # noqa: E402
from backend.dataset.prepare import SPEAKER, PrepareSettings, prepare  # noqa: E402
from backend.dataset.shards import read_header, read_shard, write_shard  # noqa: E402
from backend.dataset.sources import Clip, Source, clips_of, sha256  # noqa: E402
from backend.normalise.camera import Camera  # noqa: E402
from backend.normalise.lighting import normalise, relight  # noqa: E402
from backend.normalise.pose import HeadPose  # noqa: E402
from backend.tracking.video import VideoInfo  # noqa: E402

CHECKOUT = Path(__file__).resolve().parents[2]
SMALL = PrepareSettings(atlas_size=64)


def run(*arguments):
    return [sys.executable, "-m", "backend", "prepare", *map(str, arguments)], {"cwd": CHECKOUT, "text": True}


def speaker_video(path, part=slice(None), change=lambda picture: picture):
    pictures = [change(picture) for picture in speaker_frames()[0][part]]
    return write_video(path, pictures, np.arange(len(pictures)) / 25, hum(len(pictures) / 25))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Two clips, prepared, with what was reported on the way."""
    folder = tmp_path_factory.mktemp("prepared")
    speaker_video(folder / "a.mp4")
    speaker_video(folder / "b.mp4", slice(None, None, -1))
    told = []
    done = prepare([folder], folder / "shards", SMALL, lambda share, stage: told.append((share, stage)))
    return folder, done, told


def test_a_shard_holds_what_a_predictor_learns_from(prepared):
    _, done, _ = prepared
    shard = read_shard(done.folder / done.manifest["clips"][0]["shard"])
    count = len(shard.times_s)
    assert count == 16
    assert shard.displacement_cm.shape == (count, 468, 3)
    assert (shard.atlas.shape, shard.atlas.dtype) == ((count, 64, 64, 3), np.uint8)
    assert shard.times_s == pytest.approx(np.arange(16) / 25, abs=1e-3)
    assert len(shard.samples) / 16_000 == pytest.approx(0.64, abs=0.05)
    assert len(shard.log_mel) == len(shard.samples) // 160 + 1
    assert lip_gap_cm(shard.neutral_cm + shard.displacement_cm).min() == pytest.approx(
        lip_gap_cm(shard.neutral_cm), abs=0.1
    )
    assert 60 < shard.atlas[:, 30:34, 20:44].mean() < 250
    assert set(shard.frame_status.tolist()) == {0}


def test_a_shard_can_be_put_back_into_its_video(prepared):
    folder, done, _ = prepared
    from backend.tracking.landmarks import FaceTracker

    track = FaceTracker().track(folder / "a.mp4")
    shard = read_shard(next(done.folder.glob("a-*.safetensors")))
    x, y, focal, depth = shard.lens.tolist()
    pose = HeadPose(shard.pose_scale, shard.pose_rotation, shard.pose_translation, Camera((x, y), focal, depth))
    mesh = pose.camera(shard.neutral_cm + shard.displacement_cm)
    assert np.abs(mesh - track.landmarks[:, :468]).max() < 1e-3  # px; displacements are kept as float32
    atlas = shard.atlas[3].astype(np.float32) / 255
    gain = shard.gain[3].astype(np.float32)
    assert np.abs(normalise(relight(atlas, gain), gain) - atlas).max() < 1e-4


def test_the_bar_only_moves_forward_and_names_the_clip(prepared):
    _, _, told = prepared
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    assert any(stage.startswith("clip 2 of 2") and stage.endswith("left") for _, stage in told)


def test_the_manifest_says_what_was_made_of_what(prepared):
    folder, done, _ = prepared
    manifest = read_manifest(done.folder)
    assert manifest == done.manifest
    assert (manifest["frames"]["ok"], manifest["kept_share"], manifest["refused"]) == (32, 1.0, [])
    assert sorted(clip["split"] for clip in manifest["clips"]) == ["train", "validate"]
    assert {clip["source"] for clip in manifest["clips"]} == {"a.mp4", "b.mp4"}
    assert manifest["made_with"]["mediapipe"]
    assert str(folder) not in json.dumps(manifest)


def test_what_is_there_is_not_made_again(prepared):
    folder, done, _ = prepared
    times = {path: path.stat().st_mtime_ns for path in done.folder.glob("*.safetensors")}
    again = prepare([folder], done.folder, SMALL)
    assert (again.made, again.manifest) == (0, done.manifest)
    assert {path: path.stat().st_mtime_ns for path in done.folder.glob("*.safetensors")} == times
    damaged = next(done.folder.glob("b-*.safetensors"))
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:1000])
    assert prepare([folder], done.folder, SMALL).made == 1
    assert damaged.read_bytes() == whole


def test_videos_are_measured_in_the_space_and_light_of_a_known_speaker(prepared, tmp_path):
    folder, done, _ = prepared
    known = done.folder / SPEAKER
    alike = prepare([folder], tmp_path / "alike", SMALL, known=known)
    assert sha256(tmp_path / "alike" / SPEAKER) == sha256(known)
    for clip in alike.manifest["clips"]:
        assert sha256(tmp_path / "alike" / clip["shard"]) == sha256(done.folder / clip["shard"])
    with pytest.raises(VideoError, match="made with other settings than atlas size 48"):
        prepare([folder], tmp_path / "other", replace(SMALL, atlas_size=48), known=known)


def test_a_killed_run_goes_on_and_ends_the_same(prepared, tmp_path):
    folder, done, _ = prepared
    out = tmp_path / "shards"
    command, options = run(folder / "a.mp4", folder / "b.mp4", "-o", out, "--atlas-size", 64, "--json-progress")
    for stage in ("speaker", "clip 1", "clip 2"):
        with subprocess.Popen(command, stdout=subprocess.PIPE, **options) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if json.loads(line)["stage"].startswith(stage):
                    break
            process.send_signal(signal.SIGKILL)
        assert all(read_header(path) for path in out.glob("[!.]*.safetensors"))
    (out / ".a-left.safetensors").write_bytes(b"half")
    last = subprocess.run(command, capture_output=True, check=True, **options)
    assert json.loads(last.stdout.splitlines()[-1])["stage"] == "done"
    names = sorted(path.name for path in out.iterdir())
    assert names == sorted(path.name for path in done.folder.iterdir())
    assert all((out / name).read_bytes() == (done.folder / name).read_bytes() for name in names)


def test_bad_videos_are_refused_by_name_and_the_rest_is_made(tmp_path):
    good = speaker_video(tmp_path / "good.mp4")
    empty = np.full((128, 128, 3), 90, np.uint8)
    write_video(tmp_path / "nobody.mp4", [empty] * 12, np.arange(12) / 25, hum(0.5))
    write_video(tmp_path / "silent.mp4", speaker_frames()[0], np.arange(16) / 25)
    write_sound(tmp_path / "song.wav", hum(1))
    (tmp_path / "corrupt.mp4").write_bytes(good.read_bytes()[:5000])
    cv2.imwrite(str(tmp_path / "still.png"), speaker_frames()[0][0])
    two = [np.hstack([one, other]) for one, other in zip(speaker_frames()[0], speaker_frames(seed=8)[0], strict=True)]
    write_video(tmp_path / "two.mp4", two, np.arange(16) / 25, hum(0.64))
    names = ("good.mp4", "nobody.mp4", "silent.mp4", "song.wav", "corrupt.mp4", "still.png", "two.mp4")
    done = prepare([tmp_path / name for name in names], tmp_path / "shards", SMALL)
    refused = {refusal["path"]: refusal["reason"] for refusal in done.manifest["refused"]}
    assert set(refused) == set(names) - {"good.mp4"}
    for name, said in {
        "nobody.mp4": "12 no face",
        "two.mp4": "16 two faces",
        "silent.mp4": "no sound",
        "song.wav": "only sound",
        "corrupt.mp4": "damaged",
        "still.png": "still picture",
    }.items():
        assert said in refused[name], refused
        assert f"refused {name}" in done.summary()
    assert done.manifest["frames"]["ok"] == 16
    for name in ("silent.mp4", "nobody.mp4", "song.wav"):
        with pytest.raises(VideoError, match=name):
            prepare([tmp_path / name], tmp_path / "none", SMALL)


def test_portrait_phones_slow_cameras_and_uneven_times_are_prepared(tmp_path):
    pictures = speaker_frames()[0]
    lying = [np.rot90(picture) for picture in pictures]  # stored lying, shown upright
    turn_flag(write_video(tmp_path / "phone.mp4", lying, np.arange(16) / 25, hum(0.64)))
    write_video(tmp_path / "slow.mp4", pictures, np.arange(16) / 10, hum(1.6))
    uneven_s = np.cumsum(np.tile([0.02, 0.05, 0.033, 0.09], 4))
    write_video(tmp_path / "uneven.mkv", pictures, uneven_s, hum(0.8))
    done = prepare([tmp_path], tmp_path / "shards", SMALL)
    assert done.manifest["frames"]["ok"] == 48
    assert done.manifest["refused"] == []
    uneven = read_shard(next(done.folder.glob("uneven-*.safetensors")))
    assert uneven.times_s == pytest.approx(uneven_s - uneven_s[0], abs=1.1e-3)
    slow = read_shard(next(done.folder.glob("slow-*.safetensors")))
    assert len(slow.samples) / 16_000 == pytest.approx(1.6, abs=0.1)


@pytest.mark.slow
def test_a_phone_held_upright_in_4k_is_prepared(tmp_path):
    wide = [cv2.resize(picture, (2160, 2160), interpolation=cv2.INTER_CUBIC) for picture in speaker_frames()[0]]
    tall = [cv2.copyMakeBorder(picture, 600, 1080, 0, 0, cv2.BORDER_REPLICATE) for picture in wide]
    lying = [np.rot90(picture) for picture in tall]  # stored 3840 x 2160
    turn_flag(write_video(tmp_path / "phone.mp4", lying, np.arange(16) / 25, hum(0.64)))
    done = prepare([tmp_path / "phone.mp4"], tmp_path / "shards", SMALL)
    (clip,) = done.manifest["clips"]
    assert (clip["width"], clip["height"], clip["frames"]["ok"]) == (2160, 3840, 16)
    small = prepare([speaker_video(tmp_path / "small.mp4")], tmp_path / "small", SMALL)
    large, plain = (read_shard(one.folder / one.manifest["clips"][0]["shard"]) for one in (done, small))
    off = cv2.absdiff(large.atlas[8], plain.atlas[8])
    assert off.mean() < 8  # of 255: the same face, its colours less the two encodings


def test_long_videos_are_split_into_even_clips():
    info = VideoInfo(Path("x.mp4"), 640, 480, 25.0, 3600.0, 0, True, 0.0)
    clips = clips_of(Source(info, "0" * 64))
    assert len(clips) == 120
    assert [clip.start_s for clip in clips] == pytest.approx(np.arange(120) * 30)
    assert all(one.end_s == other.start_s for one, other in pairwise(clips))
    assert clips[-1].end_s == np.inf
    fast = VideoInfo(Path("x.mp4"), 640, 480, 120.0, 60.0, 0, True, 0.0)
    assert max(clip.length_s for clip in clips_of(Source(fast, "0" * 64))) * 120 <= 900
    assert Clip(Source(info, "ab" * 32), 3, 0, 1).name == "x-abababab-003.safetensors"


def test_a_clip_keeps_its_side_when_others_come():
    draws = [f"{value:08x}" for value in np.random.default_rng(0).integers(0, 2**32, 400)]
    records = [ClipRecord(draw, {"draw": draw}) for draw in draws]
    whole = split_of(records, 0.1)
    assert split_of(records[:200], 0.1) == whole[:200]
    assert whole.count("validate") == pytest.approx(40, abs=15)
    high = [ClipRecord("a", {"draw": "ffffffff"}), ClipRecord("b", {"draw": "f0000000"})]
    assert split_of(high, 0.1) == ["train", "validate"]
    assert split_of(high[:1], 0.1) == ["train"]


def test_shards_of_another_version_are_refused(prepared, tmp_path):
    _, done, _ = prepared
    shard = read_shard(next(done.folder.glob("a-*.safetensors")))
    write_shard(tmp_path / "old.safetensors", shard, {"version": 99})
    with pytest.raises(VideoError, match="version 99"):
        read_shard(tmp_path / "old.safetensors")
    with pytest.raises(VideoError, match="prepare"):
        read_manifest(tmp_path)


def test_the_terminal_tells_a_bad_file_in_one_line(tmp_path):
    (tmp_path / "x.mp4").write_bytes(b"nothing")
    command, options = run(tmp_path / "x.mp4", "-o", tmp_path / "shards")
    done = subprocess.run(command, capture_output=True, check=False, env={**os.environ}, **options)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {tmp_path / 'x.mp4'}: not a video")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_real_clips_are_kept(shared_data, tmp_path):
    clips = sorted((shared_data / "video" / "grid_s1" / "measure").glob("*.mpg"))[:3]
    began = time.monotonic()
    done = prepare(clips, tmp_path / "shards")
    assert done.manifest["kept_share"] >= 0.94
    assert time.monotonic() - began < 120
