# SPDX-License-Identifier: GPL-3.0-or-later
import shutil
from dataclasses import replace

import numpy as np
import pytest

from backend.audio.decode import load_mono
from backend.audio.features import log_mel
from backend.core.errors import BundleError, LipSyncError
from backend.inference.bundle import open_bundle
from backend.inference.encoder import Encoder, stream_log_mel
from backend.speech.phones import PHONES

pytest.importorskip("onnxruntime", reason="needs lipsync3d[inference]")


@pytest.fixture(scope="module")
def bundle():
    return open_bundle()


def source(samples, size):
    return lambda: (samples[first : first + size] for first in range(0, len(samples), size))


@pytest.mark.parametrize("length", [1, 159, 160, 400, 4321, 16000])
def test_streamed_features_equal_the_whole(length):
    samples = np.random.default_rng(length).normal(0, 0.1, length).astype(np.float32)
    whole = log_mel(samples)
    for size in (1, 77, 160, 5000):
        if length // size < 5000:
            np.testing.assert_allclose(np.concatenate(list(stream_log_mel(source(samples, size)()))), whole, atol=1e-4)


@pytest.mark.parametrize("chunk_frames", [100, 128, 500])
def test_chunked_equals_whole(bundle, speech, chunk_frames):
    samples = load_mono(speech)[:-77]
    encoder = Encoder(bundle)
    whole = np.concatenate(list(encoder.log_posteriors(source(samples, 10**9), 10**6)))
    pieces = list(encoder.log_posteriors(source(samples, 1600), chunk_frames))
    assert whole.shape == (len(samples) // 160 + 1, len(PHONES))
    assert max(map(len, pieces)) <= chunk_frames
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-4)
    np.testing.assert_allclose(np.exp(whole).sum(axis=1), 1, atol=1e-4)


def test_digital_silence_is_silence(bundle):
    quiet = np.zeros(16000, np.float32)
    (posteriors,) = Encoder(bundle).log_posteriors(source(quiet, 16000))
    assert (posteriors.argmax(axis=1) == PHONES.index("sil")).all()


def test_a_device_that_is_not_there_is_named(bundle):
    with pytest.raises(LipSyncError, match="tpu"):
        Encoder(bundle, "tpu")
    if shutil.which("nvidia-smi") is None:
        with pytest.raises(LipSyncError, match=r"device cuda: .*--device cpu"):
            Encoder(bundle, "cuda")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": b"no graph"}, "model.onnx cannot be run"),
        ({"statistics": {}}, "lacks prior_mean"),
        ({"statistics": {"prior_mean": np.zeros(3, np.float32)}}, "shape"),
    ],
)
def test_parts_that_do_not_work_are_named(bundle, changes, words):
    with pytest.raises(BundleError, match=words):
        Encoder(replace(bundle, **changes))
