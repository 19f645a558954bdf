# SPDX-License-Identifier: GPL-3.0-or-later
"""A trained personal model to a bundle folder, whole or not at all, checked to compute the same as in torch.

The graphs hold the weights by the names they have in torch, so that there is no second copy of them.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...core.errors import BundleError, OutputError
from ...inference.bundle import (
    BASIS,
    BLENDSHAPES,
    FACE,
    GEOMETRY,
    PERSONAL,
    SELFTALK,
    SPEECH,
    STATISTICS,
    TEXTURE,
    find_bundle,
    open_bundle,
)
from ...inference.encoder import open_session
from ...models.lipsync3d import GeometryNet
from ...models.personal_graph import folded_weights, geometry_graph, geometry_weights, rounded
from ...models.selftalk import Animator
from ...models.selftalk_graph import animator_graph, rounded_animator
from ...normalise.layout import atlas_layout
from .geometry import TrainedGeometry
from .texture import TrainedTexture
from .weight_basis import WeightBasis

LARGEST_DIFFERENCE = 1e-4
"""Of coefficients and latents between torch and ONNX Runtime on the same rounded weights."""
CARD, SPEAKER = "MODEL_CARD.md", "speaker.safetensors"


@dataclass(frozen=True)
class PersonalText:
    """What a bundle says of itself."""

    card: str
    provenance: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True)
class PersonalModel:
    """All that was trained of one speaker."""

    geometry: TrainedGeometry
    texture: TrainedTexture | None
    speech: bytes
    """Graph of the speech encoder with its hidden output: `Ear.graph`."""
    speaker: Path | None
    """File of `dataset.speaker`: the space and the light the speaker was learnt in; None: learnt from curves."""


def export_personal(model: PersonalModel, text: PersonalText, folder: Path) -> None:
    """Write the bundle.

    Args:
        model: what was trained.
        text: card and provenance.
        folder: the bundle; one that is there is replaced when the new one is whole.

    Raises:
        BundleError: torch and ONNX Runtime disagree.
        OutputError: the place cannot be written to.
    """
    geometry, texture = model.geometry, model.texture
    with _made_whole(folder) as made:
        graph = graph_of(geometry.net)
        (made / GEOMETRY).write_bytes(graph)
        (made / SPEECH).write_bytes(model.speech)
        np.savez(made / STATISTICS, **open_bundle().statistics)  # pyright: ignore[reportArgumentType] - numpy's stub
        if texture is not None:
            (made / TEXTURE).write_bytes(texture.graph())
        _save_face(made / FACE, geometry, texture)
        if model.speaker is not None:
            shutil.copyfile(model.speaker, made / SPEAKER)
        (made / CARD).write_text(text.card, encoding="utf-8")
        config = _config(geometry, folder.name, text, made)
        (made / "config.json").write_text(json.dumps(config, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        difference = parity(geometry, graph)
        if difference > LARGEST_DIFFERENCE:
            raise BundleError(f"{folder}: {GEOMETRY} differs from torch by {difference:.1e}; the graph is wrong")
        for part in made.iterdir():
            part.chmod(0o644)


def graph_of(net: GeometryNet | Animator) -> bytes:
    """Return the ONNX graph of either kind."""
    if isinstance(net, Animator):
        return animator_graph(folded_weights(net), net.config).SerializeToString()
    return geometry_graph(geometry_weights(net), net.config.dilations).SerializeToString()


def parity(geometry: TrainedGeometry, graph: bytes, seed: int = 0) -> float:
    """Return the largest difference between torch and ONNX Runtime over random features."""
    features = np.random.default_rng(seed).standard_normal((1, geometry.net.feature_mean.shape[0], 301))
    features = features.astype(np.float32)
    session = open_session(graph, GEOMETRY, "cpu", 1)
    motion, latent = session.run(["motion", "latent"], {"features": features})
    with torch.inference_mode():
        net = geometry.net
        known = rounded_animator(net) if isinstance(net, Animator) else rounded(net)
        found_latent, found_motion = known(torch.from_numpy(features))
    pairs = ((motion, found_motion), (latent, found_latent))
    return max(float(np.abs(a - b.transpose(1, 2).numpy()).max()) for a, b in pairs)


def _save_face(path: Path, geometry: TrainedGeometry, texture: TrainedTexture | None) -> None:
    basis = geometry.basis
    arrays: dict[str, Any] = {
        "neutral_cm": geometry.neutral_cm.astype(np.float32),
        "mean_mm": basis.mean_mm,
        "components_mm": basis.components_mm,
        "uv": atlas_layout().uv,
    }
    if texture is not None:
        arrays["reference_atlas"] = texture.reference_atlas
    np.savez_compressed(path, **arrays)


def _config(geometry: TrainedGeometry, name: str, text: PersonalText, made: Path) -> dict[str, object]:
    universal = json.loads((find_bundle("universal") / "config.json").read_text(encoding="utf-8"))
    network = geometry.net.config
    return {
        "schema": 1,
        "kind": SELFTALK if isinstance(geometry.net, Animator) else PERSONAL,
        "name": name,
        "features": universal["features"],
        "phones": universal["phones"],
        "context_frames": universal["context_frames"],
        "context_steps": network.context_steps,
        "coefficients": BLENDSHAPES if isinstance(geometry.basis, WeightBasis) else BASIS,
        "network": asdict(network),
        "topology": "mediapipe-468",
        "decoder": universal["decoder"],
        "speech": universal["name"],
        "provenance": dict(text.provenance),
        "sha256": {part.name: hashlib.sha256(part.read_bytes()).hexdigest() for part in sorted(made.iterdir())},
    }


@contextmanager
def _made_whole(folder: Path) -> Generator[Path]:
    """Give a folder beside the wanted one, which takes its place at the end; on an error nothing remains."""
    if folder.exists() and not (folder / "config.json").is_file() and any(folder.iterdir()):
        raise OutputError(f"{folder} is there and is no bundle; give another place")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror}; choose a folder you can write to") from error
    try:
        yield made
        made.chmod(0o755)
        if folder.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
            folder.replace(old / folder.name)
            made.replace(folder)
            shutil.rmtree(old)
        else:
            made.replace(folder)
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror}; check the disk") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
