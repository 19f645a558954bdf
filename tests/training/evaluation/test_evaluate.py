# SPDX-License-Identifier: GPL-3.0-or-later
"""From videos of the demo speaker to a report on a (hardly trained) bundle, as a user would."""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

for package in ("av", "mediapipe", "cv2", "torch", "onnx", "onnxruntime"):
    pytest.importorskip(package, reason="needs lipsync3d[tracking,training,inference]")

from backend.cli import DONE, FAILED, main  # noqa: E402
from backend.core.errors import BundleError, VideoError  # noqa: E402
from backend.dataset.prepare import SPEAKER, PrepareSettings, prepare  # noqa: E402
from backend.dataset.shards import SHARD_VERSION, read_shard, write_shard  # noqa: E402
from backend.tracking.video import read_info  # noqa: E402
from backend.training.evaluation.evaluate import EvaluateSettings, evaluate  # noqa: E402
from backend.training.personal.settings import preset  # noqa: E402
from backend.training.personal.train import train  # noqa: E402
from tests.videos import hum, speaker_frames, write_video  # noqa: E402

pytestmark = [pytest.mark.training, pytest.mark.slow]

FRAMES = 24


def brief(settings):
    """The preset with next to no steps and a small texture."""
    texture = replace(settings.texture, loop=replace(settings.texture.loop, steps=2, batch=2), frames=4)
    geometry = replace(settings.geometry, loop=replace(settings.geometry.loop, steps=4, batch=2), voices=1)
    return replace(settings, geometry=geometry, texture=texture)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with two videos, their shards, and the bundle learnt from them."""
    folder = tmp_path_factory.mktemp("evaluate")
    pictures, times = speaker_frames(count=FRAMES)[0], np.arange(FRAMES) / 25
    for name, turn in (("a", 1), ("b", -1)):
        write_video(folder / f"{name}.mp4", pictures[::turn], times, hum(FRAMES / 25))
    prepare([folder], folder / "shards", PrepareSettings(atlas_size=64, validate=0.0))
    train([folder / "shards"], folder / "tiny-v1", folder / "run", brief(preset("fast")))
    return folder


@pytest.fixture(scope="module")
def judged(made):
    """The same folder, with a report on the video `a`."""
    (made / "a.align").write_text("0 2000 sil\n2000 8000 bin\n8000 20000 blue\n20000 24000 sil\n")
    settings = EvaluateSettings(train=made / "shards", films=1)
    told = []
    done = evaluate(made / "tiny-v1", [made / "a.mp4"], made / "report", settings, lambda *line: told.append(line))
    return made, done, told


def test_the_report_has_figures_of_the_model_and_of_what_it_must_beat(judged):
    made, done, _ = judged
    values = json.loads((made / "report" / "report.json").read_text())
    assert values["format"] == "lipsync3d.evaluation"
    assert values["bundle"] == "tiny-v1"
    assert next(iter(values["motion"])) == "this model"
    assert {"mean face", "loudness", "nearest neighbour", "ridge regression"} < values["motion"].keys()
    assert values["motion"]["this model"]["lip_error_mm"] == pytest.approx(
        done.verdict.motion["this model"].means["lip_error_mm"], abs=1e-4
    )
    assert values["motion"].keys() == values["each"][0]["motion"].keys()
    assert values["texture"].keys() == {"this model", "reference texture, still"}
    assert values["texture"]["reference texture, still"]["flicker"] == 0
    assert values["speech"] == "between the first and the last word of the word file"
    assert values["definitions"]["lip_error_mm"].startswith("lip vertex error")


def test_videos_are_measured_in_the_space_and_light_of_the_bundle(judged):
    made, _, _ = judged
    (again,) = (made / "report" / "shards").glob("a-*.safetensors")
    first, second = read_shard(made / "shards" / again.name), read_shard(again)
    assert np.array_equal(first.displacement_cm, second.displacement_cm)
    assert np.array_equal(first.atlas, second.atlas)


def test_the_page_shows_every_table_and_a_film_that_plays(judged):
    made, done, _ = judged
    page = done.page.read_text()
    for said in ("this model", "ridge regression", "SSIM", "Lip opening", "“bin blue”", "lip vertex error"):
        assert said in page, said
    (film,) = re.findall(r'src="([^"]+\.mp4)"', page)
    info = read_info(made / "report" / film)
    assert info.has_sound
    assert (info.width, info.height) == (2 * 256 + 4, 256)
    assert info.duration_s == pytest.approx(FRAMES / 25, abs=0.1)


def test_the_bar_only_moves_forward(judged):
    shares = [share for share, _ in judged[2]]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_shards_in_another_space_are_refused(made, tmp_path):
    prepare([made / "b.mp4"], tmp_path / "own", PrepareSettings(atlas_size=64))
    with pytest.raises(VideoError, match="another speaker's face"):
        evaluate(made / "tiny-v1", [tmp_path / "own"], tmp_path / "report")


def test_shards_with_other_atlases_are_refused(made, tmp_path):
    copy = shutil.copytree(made / "shards", tmp_path / "shards")
    for path in copy.glob("*-000.safetensors"):
        shard = read_shard(path)
        write_shard(path, replace(shard, atlas=shard.atlas[:, ::2, ::2]), {"version": SHARD_VERSION})
    with pytest.raises(VideoError, match="atlases of 32 texels, the bundle's have 64"):
        evaluate(made / "tiny-v1", [copy], tmp_path / "report")


def test_a_bundle_without_a_speaker_can_judge_shards_only(made, tmp_path):
    copy = shutil.copytree(made / "tiny-v1", tmp_path / "tiny-v1")
    (copy / SPEAKER).unlink()
    with pytest.raises(BundleError, match=r"speaker\.safetensors"):
        evaluate(copy, [made / "a.mp4"], tmp_path / "report")


def test_the_terminal_tells_what_came_of_it(made, tmp_path, capsys):
    asked = [str(made / "tiny-v1"), str(made / "shards"), "-o", str(tmp_path / "report"), "--films", "1"]
    assert main(["evaluate", *asked]) == DONE
    assert re.search(r"report.html: 2 clips, lip error \d+\.\d\d mm", capsys.readouterr().out)
    assert main(["evaluate", *asked, "-q"]) == DONE
    assert capsys.readouterr().out == ""
    assert main(["evaluate", "universal", str(made / "shards"), "-o", str(tmp_path / "report")]) == FAILED
    assert "of kind universal" in capsys.readouterr().err
