# SPDX-License-Identifier: GPL-3.0-or-later
"""A trained encoder to a bundle folder: ONNX, statistics, card, and a config with their checksums.

The graph holds the weights by their names (`graph.weights_of`), so that training can go on from a bundle.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..audio import features
from ..audio.normalise import Statistics
from ..core.errors import BundleError
from ..speech.phones import PHONES
from .universal import EncoderConfig, SpeechEncoder, encoder_of_folded, folded_state

PARTS = ("model.onnx", "statistics.npz", "MODEL_CARD.md")
LARGEST_DIFFERENCE = 1e-4
"""Of log-posteriors above e^-10, between torch and ONNX Runtime on the same rounded weights."""
LARGEST_BUNDLE_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class BundleText:
    """What a bundle says of itself."""

    name: str
    """Folder name, e.g. `universal-v2`."""
    card: str
    """MODEL_CARD.md."""
    decoder: Mapping[str, object] = field(default_factory=dict)
    """How posteriors become phones: `switch_penalty`, `bias` by phone."""
    provenance: Mapping[str, object] = field(default_factory=dict)
    """Seed, data, steps, figures."""


def export_bundle(encoder: SpeechEncoder, statistics: Statistics, text: BundleText, folder: Path) -> None:
    """Write the bundle's parts, then its config, and check that ONNX Runtime computes what torch does.

    Raises:
        BundleError: the two disagree, or the bundle is over its size.
    """
    import onnx

    from .graph import encoder_graph

    folder.mkdir(parents=True, exist_ok=True)
    halves = {name: value.half() for name, value in folded_state(encoder).items()}
    weights = {name: value.numpy() for name, value in halves.items()}
    onnx.save(encoder_graph(weights, encoder.config.reach), folder / "model.onnx")
    np.savez(
        folder / "statistics.npz",
        prior_mean=statistics.prior_mean.astype(np.float32),
        scale=statistics.scale.astype(np.float32),
        exponent=np.float32(statistics.exponent),
        prior_weight=np.float32(statistics.prior_weight),
    )
    (folder / "MODEL_CARD.md").write_text(text.card, encoding="utf-8")
    config = _config(encoder.config, text, folder)
    (folder / "config.json").write_text(json.dumps(config, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    rounded = encoder_of_folded(encoder.config, {name: value.float() for name, value in halves.items()})
    difference = parity(rounded, folder / "model.onnx")
    if difference > LARGEST_DIFFERENCE:
        raise BundleError(f"{folder / 'model.onnx'}: differs from torch by {difference:.1e}; the graph is wrong")
    if sum(part.stat().st_size for part in folder.iterdir()) > LARGEST_BUNDLE_BYTES:
        raise BundleError(f"{folder}: over {LARGEST_BUNDLE_BYTES} bytes; train fewer channels")


def _config(size: EncoderConfig, text: BundleText, folder: Path) -> dict[str, object]:
    return {
        "schema": 1,
        "kind": "universal",
        "name": text.name,
        "features": {
            "sample_rate": features.SAMPLE_RATE,
            "hop": features.HOP,
            "window": features.WINDOW,
            "n_fft": features.N_FFT,
            "n_mels": features.N_MELS,
        },
        "normalisation": {"kind": "utterance_mean", "statistics": "statistics.npz"},
        "phones": list(PHONES),
        "context_frames": max(size.context_frames, size.look_ahead_frames),
        "look_ahead_frames": size.look_ahead_frames,
        "frame_stride": 2,
        "network": {"channels": size.channels, "dilations": list(size.dilations), "ahead": list(size.ahead)},
        "topology": "mediapipe-468",
        "decoder": dict(text.decoder),
        "provenance": dict(text.provenance),
        "sha256": {part: hashlib.sha256((folder / part).read_bytes()).hexdigest() for part in PARTS},
    }


def parity(encoder: SpeechEncoder, model: Path, seed: int = 0) -> float:
    """Return the largest difference of log-posteriors between torch and ONNX Runtime on random input, T odd."""
    import onnxruntime

    log_mel = np.random.default_rng(seed).standard_normal((1, 301, features.N_MELS)).astype(np.float32)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (found,) = session.run(["log_posteriors"], {"log_mel": log_mel})
    with torch.inference_mode():
        expected: NDArray[np.float32] = encoder(torch.from_numpy(log_mel)).numpy()
    likely = expected > -10.0
    return float(np.abs(np.asarray(found) - expected)[likely].max())


def load_statistics(path: Path) -> Statistics:
    """Return the statistics of a bundle's `statistics.npz`."""
    with np.load(path, allow_pickle=False) as stored:
        return Statistics(
            stored["prior_mean"], stored["scale"], float(stored["exponent"]), float(stored["prior_weight"])
        )
