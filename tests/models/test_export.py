# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E402 - what the extras bring is imported after the check that they are there
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the training extra (torch)")
pytest.importorskip("onnxruntime", reason="needs the inference extra (onnxruntime)")

from backend.audio.normalise import Statistics
from backend.inference.bundle import open_bundle
from backend.models.export import BundleText, export_bundle, parity
from backend.models.universal import EncoderConfig, SpeechEncoder, encoder_of_folded, folded_state
from backend.training.universal.relabel import student_of

pytestmark = pytest.mark.training
TINY = EncoderConfig(channels=24, dilations=(1, 2, 4))
LIVE = EncoderConfig(channels=24, dilations=(1, 2, 4), ahead=(1, 1, 0))


@pytest.fixture(params=[TINY, LIVE], ids=["whole", "live"])
def encoder(request):
    """A network whose batch normalisations have seen data, so that folding has something to fold."""
    torch.manual_seed(3)
    encoder = SpeechEncoder(request.param).train()
    for _ in range(3):
        encoder(torch.randn(2, 60, 80) * 2 + 1)
    return encoder.eval()


def test_folding_changes_nothing(encoder):
    mel = torch.randn(1, 51, 80)
    with torch.inference_mode():
        folded = encoder_of_folded(encoder.config, folded_state(encoder))(mel)
        torch.testing.assert_close(folded, encoder(mel), atol=1e-5, rtol=0)


def test_bundle_computes_what_torch_does(encoder, tmp_path):
    statistics = Statistics(np.zeros(80, np.float32), np.ones(80, np.float32))
    export_bundle(encoder, statistics, BundleText("tiny-v1", "# tiny\n", {"switch_penalty": 1.5}), tmp_path)
    assert parity(student_of(tmp_path), tmp_path / "model.onnx") < 1e-4
    assert open_bundle(tmp_path).decoder == {"switch_penalty": 1.5}
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["context_frames"] == encoder.config.context_frames
    assert config["look_ahead_frames"] == encoder.config.look_ahead_frames


@pytest.mark.parametrize("frames", [1, 2, 7, 40])
def test_any_length(encoder, frames):
    with torch.inference_mode():
        found = encoder(torch.randn(1, frames, 80))
    assert found.shape == (1, frames, 43)
    torch.testing.assert_close(found.exp().sum(-1), torch.ones(1, frames))


def test_context_is_as_stated(encoder):
    mel = torch.randn(1, 120, 80)
    changed = mel.clone()
    changed[:, 60 + encoder.config.look_ahead_frames :] += 5.0
    changed[:, : 60 - encoder.config.context_frames] += 5.0
    with torch.inference_mode():
        torch.testing.assert_close(encoder(mel)[:, 60], encoder(changed)[:, 60], atol=1e-6, rtol=0)


def test_a_live_network_waits_no_longer_than_it_says():
    assert LIVE.look_ahead_frames == 8
    assert TINY.look_ahead_frames == TINY.context_frames == 18
    assert LIVE.context_frames + LIVE.look_ahead_frames == TINY.context_frames + TINY.look_ahead_frames
