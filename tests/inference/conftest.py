# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from backend.core.types import PhoneSpan

SPOKEN = "Hello my baby, five funny poems."
SAMPLE_RATE = 16000


@pytest.fixture(scope="session")
def speech(tmp_path_factory):
    """A sound that resembles speech to every part but the ear: voiced and noisy stretches between pauses."""
    soundfile = pytest.importorskip("soundfile", reason="needs lipsync3d[inference]")
    pytest.importorskip("onnxruntime", reason="needs lipsync3d[inference]")
    random = np.random.default_rng(7)
    time = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
    voiced = sum(np.sin(2 * np.pi * 120 * harmonic * time) / harmonic for harmonic in range(1, 30))
    envelope = np.clip(np.sin(2 * np.pi * 3 * time) + 0.3, 0, None) * (np.abs(time - 2) > 0.4)
    samples = 0.1 * envelope * (voiced + 0.3 * random.normal(size=len(time)))
    path = tmp_path_factory.mktemp("sound") / "speech.wav"
    soundfile.write(path, samples.astype(np.float32), SAMPLE_RATE)
    return path


@pytest.fixture(scope="session")
def spans():
    """Phones of a second and a half with a pause."""
    labels = ["sil", "h", "ɛ", "l", "o", "ʊ", "sil", "m", "a", "m", "a", "sil"]
    lengths = [0.2, 0.08, 0.1, 0.06, 0.1, 0.06, 0.3, 0.08, 0.12, 0.08, 0.12, 0.2]
    ends = np.cumsum(lengths)
    return [
        PhoneSpan(*row) for row in zip(labels, (ends - lengths).tolist(), ends.tolist(), [0.9] * len(ends), strict=True)
    ]
