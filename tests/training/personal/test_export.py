# SPDX-License-Identifier: GPL-3.0-or-later
import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from backend.core.blendshapes import ARKIT_INDEX
from backend.core.errors import BundleError, OutputError
from backend.core.mesh_file import read_mesh
from backend.inference.animate import animate
from backend.inference.bundle import open_bundle
from backend.inference.predict import PredictRequest
from backend.inference.predictors import open_predictor
from backend.training.personal.ear import Ear
from backend.training.personal.geometry import predict_clip, train_geometry
from backend.training.personal.settings import PersonalSettings
from backend.training.personal.train import train

from .conftest import SHORT


@pytest.fixture(scope="module")
def settings():
    return PersonalSettings(replace(SHORT, loop=replace(SHORT.loop, steps=30)), None)


@pytest.fixture(scope="module")
def bundle(shards, settings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "sam-v1"
    train([shards], folder, folder.with_name("run"), settings)
    return folder


@pytest.fixture(scope="module")
def sound(clips, tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "take.wav"
    soundfile.write(path, clips[1].clips[0].samples, 16000, subtype="PCM_16")
    return path


def test_the_bundle_moves_the_face_as_torch_does(bundle, settings, clips, sound, tmp_path):
    ear = Ear(open_bundle(), "speech")
    model = train_geometry(clips[0], ear, settings.geometry, clips[1])
    clip = clips[1].clips[0]
    expected, _ = predict_clip(model, ear, clip)
    silent = tmp_path / "phones.csv"
    silent.write_text("start_s,end_s,phone\n0,0.1,sil\n")  # p, b, m that are heard would close the lips more
    heard = open_predictor(open_bundle(bundle), "cpu").prepare(PredictRequest(sound, fps=25, phones=silent))
    found = heard.performance.displacement_cm(clip.times_s)
    assert np.abs(found - expected).max() < 0.02  # sound and weights are stored with 16 bits


def test_chunks_of_any_size_give_the_same_face(bundle, sound, monkeypatch):
    from backend.inference import personal

    whole = open_predictor(open_bundle(bundle), "cpu").prepare(PredictRequest(sound))
    monkeypatch.setattr(personal, "CHUNK_STEPS", 37)
    pieces = open_predictor(open_bundle(bundle), "cpu").prepare(PredictRequest(sound))
    times = whole.times_s()
    assert np.abs(whole.performance.displacement_cm(times) - pieces.performance.displacement_cm(times)).max() < 1e-5
    joined = np.concatenate([piece.displacement_cm for piece in whole.chunks(0.3)])
    assert np.abs(joined - whole.performance.displacement_cm(times)).max() < 1e-6


def test_the_mesh_file_holds_the_speaker(bundle, sound, clips, tmp_path):
    predictor = open_predictor(open_bundle(bundle), "cpu")
    summary = animate(predictor, PredictRequest(sound, fps=30), tmp_path / "mesh.npz")
    mesh = read_mesh(tmp_path / "mesh.npz")
    assert summary.bundle == "sam-v1"
    assert mesh.neutral_cm == pytest.approx(clips[0].neutral_cm, abs=1e-6)
    assert mesh.uv is not None
    assert mesh.atlas is None
    assert mesh.weights is not None
    opening = mesh.weights[:, ARKIT_INDEX["jawOpen"]]
    gap = mesh.vertices_cm[:, 13, 1] - mesh.vertices_cm[:, 14, 1]
    assert np.corrcoef(opening, gap)[0, 1] > 0.8


def test_a_mesh_file_goes_without_texture_where_only_the_motion_is_wanted(sound, tmp_path):
    predictor = open_predictor(open_bundle("demo-speaker"), "cpu")
    for wanted in (True, False):
        animate(predictor, PredictRequest(sound, fps=10, texture=wanted), tmp_path / f"{wanted}.npz")
    whole, motion = (read_mesh(tmp_path / f"{wanted}.npz") for wanted in (True, False))
    assert whole.atlas is not None
    assert whole.atlas.shape == (len(whole.times_s), 256, 256, 3)
    assert motion.atlas is None
    assert np.array_equal(whole.vertices_cm, motion.vertices_cm)


def test_a_bundle_says_where_it_comes_from(bundle, clips):
    config = json.loads((bundle / "config.json").read_text())
    assert config["kind"] == "lipsync3d"
    assert config["provenance"]["data"] == clips[0].digest
    card = (bundle / "MODEL_CARD.md").read_text()
    assert "take0.mp4" in card
    assert "take7.mp4" not in card
    assert sum(part.stat().st_size for part in bundle.iterdir()) < 10_000_000


@pytest.mark.parametrize("part", ["geometry.onnx", "speech.onnx", "face.npz"])
def test_a_changed_part_is_refused(bundle, tmp_path, part):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(bundle, copy)
    (copy / part).write_bytes((copy / part).read_bytes()[:-1])
    with pytest.raises(BundleError, match=f"{part} does not match its checksum"):
        open_bundle(copy)


def test_a_folder_of_something_else_is_not_overwritten(shards, settings, tmp_path):
    (tmp_path / "keep.txt").write_text("mine")
    with pytest.raises(OutputError, match="is no bundle"):
        train([shards], tmp_path, tmp_path.with_name("run-of-mine"), settings)
    assert (tmp_path / "keep.txt").read_text() == "mine"
