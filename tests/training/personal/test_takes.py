# SPDX-License-Identifier: GPL-3.0-or-later
"""An artist's takes: sentences of the synthesiser, their curves those of the exact phones."""

import json
import shutil
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import soundfile
import torch

from backend.cli import main
from backend.core.blendshapes import ARKIT_INDEX, within_limits
from backend.core.curves import CurvesHeader, write_curves_csv, write_curves_json
from backend.core.curves_input import read_curves
from backend.core.errors import BundleError, CurvesError
from backend.core.face import vertices_from_weights
from backend.inference.bundle import open_bundle
from backend.inference.predict import PredictRequest
from backend.inference.predictors import open_predictor
from backend.models.lipsync3d import at_times
from backend.motion.performance import Performance
from backend.speech.synthesis import synthesise
from backend.training.evaluation.evaluate import evaluate
from backend.training.personal.ear import Ear
from backend.training.personal.geometry import train_geometry
from backend.training.personal.inputs import read_inputs
from backend.training.personal.settings import PersonalSettings
from backend.training.personal.takes import are_takes, find_takes, load_takes
from backend.training.personal.train import train
from backend.training.personal.weight_basis import weight_basis

from .conftest import SENTENCES, SHORT

FPS = Fraction(30)
JAW, CLOSE, TONGUE = ARKIT_INDEX["jawOpen"], ARKIT_INDEX["mouthClose"], ARKIT_INDEX["tongueOut"]


def animated(text, folder, name, ending=".json"):
    """Write a sentence and the curves an artist would give it; the tongue comes out with the jaw."""
    sound, rate, phones = synthesise(text)
    soundfile.write(folder / f"{name}.wav", sound, rate)
    duration_s = len(sound) / rate
    weights = Performance(phones, duration_s).weights(np.arange(int(duration_s * FPS) + 1) / float(FPS))
    weights[:, TONGUE] = weights[:, JAW] / 2
    write = write_curves_json if ending == ".json" else write_curves_csv
    write(folder / f"{name}{ending}", CurvesHeader(FPS, "artist"), [(weights, np.ones(len(weights), np.float32))])


@pytest.fixture(scope="module")
def takes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("takes")
    for index, text in enumerate(SENTENCES[:7]):
        animated(text, folder, f"take{index}", ".csv" if index == 3 else ".json")
    return folder


@pytest.fixture(scope="module")
def unseen(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unseen")
    animated(SENTENCES[7], folder, "unseen")
    return folder


@pytest.fixture(scope="module")
def settings():
    return PersonalSettings(replace(SHORT, loop=replace(SHORT.loop, steps=100)))


@pytest.fixture(scope="module")
def bundle(takes, settings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "puppet-v1"
    made = train([takes], folder, folder.with_name("run"), settings)
    assert made.from_curves
    assert not made.has_texture
    return folder


@pytest.fixture(scope="module")
def heard(bundle, unseen):
    return open_predictor(open_bundle(bundle), "cpu").prepare(PredictRequest(unseen / "unseen.wav"))


@pytest.fixture
def take(unseen, tmp_path):
    """Folder of one take that a test may spoil."""
    return shutil.copytree(unseen, tmp_path / "take")


def spoilt(take, **fields):
    path = take / "unseen.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    return take


def test_a_sentence_that_was_not_learnt_gets_its_weights(heard, unseen):
    truth = read_curves(unseen / "unseen.json")
    found = heard.weights(truth.times_s)
    for name in ("jawOpen", "tongueOut"):
        index = ARKIT_INDEX[name]
        assert np.corrcoef(found[:, index], truth.weights[:, index])[0, 1] > 0.7  # six sentences, seconds of training
    assert np.abs(found - truth.weights).mean() < 0.02
    assert found[:, ARKIT_INDEX["browInnerUp"]].max() < 0.01  # never moved by the artist


def test_weights_keep_their_limits_and_make_the_mesh(heard):
    times = heard.times_s()
    weights = heard.weights(times)
    assert weights.min() >= 0
    assert weights.max() <= 1
    assert (weights[:, CLOSE] <= weights[:, JAW] + 1e-6).all()
    np.testing.assert_allclose(heard.performance.displacement_cm(times), vertices_from_weights(weights), atol=1e-4)


def test_the_bundle_gives_the_weights_of_torch(heard, takes, unseen, settings):
    data, ear = load_takes([takes]), Ear(open_bundle(), "speech")
    model = train_geometry(data.train, ear, settings.geometry, data.held_out)
    clip = load_takes([unseen]).train.clips[0]
    with torch.inference_mode():
        _, coefficients = model.net(torch.from_numpy(ear.hear(clip))[None])
    steps = torch.from_numpy(clip.steps).float()[None]
    expected = at_times(torch.from_numpy(within_limits(coefficients[0].T.numpy()).T)[None], steps)[0].numpy()
    assert np.abs(heard.weights(clip.times_s) - expected).max() < 0.01


def test_animate_writes_the_curves(bundle, heard, unseen, tmp_path):
    sound, out = str(unseen / "unseen.wav"), tmp_path / "out.json"
    assert main(["animate", sound, "-o", str(out), "--bundle", str(bundle), "-q", "--device", "cpu"]) == 0
    curves = read_curves(out)
    np.testing.assert_allclose(curves.weights, heard.weights(curves.times_s), atol=6e-5)
    assert curves.weights[:, JAW].max() > 0.1


def test_the_bundle_says_what_it_is(bundle, takes):
    config = json.loads((bundle / "config.json").read_text())
    assert config["coefficients"] == "blendshapes"
    assert config["provenance"]["data"] == load_takes([takes]).train.digest
    assert not (bundle / "speaker.safetensors").exists()
    assert not (bundle / "texture.onnx").exists()
    assert "artist's curves" in (bundle / "MODEL_CARD.md").read_text()


def test_evaluate_says_that_it_needs_a_filmed_speaker(bundle, takes, tmp_path):
    with pytest.raises(BundleError, match="was learnt from curves, not from videos"):
        evaluate(bundle, [takes], tmp_path / "report")


@pytest.mark.parametrize("coefficients", ["visemes", None, ["blendshapes"]])
def test_unknown_coefficients_are_refused(bundle, tmp_path, coefficients):
    copy = shutil.copytree(bundle, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text()) | {"coefficients": coefficients}
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(BundleError, match="coefficients must be one of basis, blendshapes"):
        open_bundle(copy)


def test_coefficients_and_weights_are_each_other(takes):
    data = load_takes([takes]).train
    clips, basis = data.clips, weight_basis(data.clips, 3.0)
    np.testing.assert_allclose(basis.weights(basis.wanted(clips[0])), clips[0].weights, atol=1e-5)
    np.testing.assert_allclose(basis.displacement_cm(basis.wanted(clips[0])), clips[0].displacement_cm, atol=1e-4)
    assert np.abs(basis.weights(basis.rest(data)[None])).max() < 0.1  # sentences without pauses


def test_takes_are_found_and_told_from_videos_and_shards(takes, shards, tmp_path):
    sounds = sorted(takes.glob("*.wav"))
    assert [take.sound for take in find_takes([takes])] == sounds
    assert [take.sound for take in find_takes(sorted(takes.iterdir()))] == sounds
    assert are_takes([takes])
    assert are_takes(sorted(takes.iterdir()))
    assert not are_takes([shards])
    assert not are_takes([])
    assert not are_takes([takes / "film.mp4"])
    both = shutil.copytree(takes, tmp_path / "both")
    (both / "film.mp4").touch()
    assert not are_takes([both])


def test_whole_takes_are_held_out_and_long_ones_cut(takes, unseen, tmp_path):
    data = load_takes([takes])
    assert data.held_out is not None
    learnt, judged = ({clip.name for clip in side.clips} for side in (data.train, data.held_out))
    assert (len(learnt), len(judged)) == (6, 1)
    assert not learnt & judged
    assert load_takes([unseen]).held_out is None
    soundfile.write(tmp_path / "long.wav", np.linspace(0, 0.8, 640_000, dtype=np.float32), 16000)
    rows = np.zeros((1200, 52), np.float32)
    rows[:, JAW] = np.arange(1200) / 1200
    write_curves_json(tmp_path / "long.json", CurvesHeader(FPS, "artist"), [(rows, rows[:, 0])])
    data = read_inputs([tmp_path], tmp_path, lambda _share, _stage: None)
    pieces = [*data.learnt.clips, *data.held_out.clips]
    assert data.sources == ("long",)
    assert sum(len(piece.times_s) for piece in pieces) == 1200
    assert {round(len(piece.samples) / 16000, 1) for piece in pieces} == {13.3}
    for piece in pieces:
        start_s = piece.samples[0] / 32767 / 0.8 * 40
        np.testing.assert_allclose(piece.times_s + start_s, piece.weights[:, JAW] * 40, atol=0.005)


def test_a_sound_without_curves_is_told(take):
    (take / "unseen.json").unlink()
    with pytest.raises(CurvesError, match=r"put its unseen\.json or unseen\.csv into the same folder"):
        load_takes([take])


def test_a_sound_that_is_not_there_is_told(take):
    with pytest.raises(CurvesError, match=r"none\.wav: no such sound file; check the path"):
        load_takes([take / "none.wav"])


def test_hidden_files_are_left_alone(take):
    (take / "._unseen.wav").write_bytes(b"of another system")
    assert [found.sound.name for found in find_takes([take])] == ["unseen.wav"]


def test_curves_without_their_sound_are_told(take):
    with pytest.raises(CurvesError, match="give the sound of the same name as well"):
        find_takes([take / "unseen.json"])


def test_two_curves_of_a_sound_are_told(take):
    (take / "unseen.csv").touch()
    with pytest.raises(CurvesError, match="are both beside it; keep the right one"):
        load_takes([take])


@pytest.mark.parametrize("fields", [{"fps": 25}, {"fps": 60}, {"start_s": 1.5}, {"start_s": -1.5}])
def test_curves_of_another_length_are_told(take, fields):
    with pytest.raises(CurvesError, match="give the curves of this sound at their true frame rate"):
        load_takes([spoilt(take, **fields)])


def test_junk_is_told_in_one_line(take, capsys):
    (take / "unseen.json").write_bytes(np.random.default_rng(0).bytes(10_000_000))
    assert main(["train", str(take), "-o", str(take / "bundle"), "-q"]) == 1
    assert capsys.readouterr().err.strip().endswith("unseen.json is not UTF-8 text; save it as UTF-8")
    assert not (take / "bundle").exists()
