# SPDX-License-Identifier: GPL-3.0-or-later
"""From videos, or shards made of them, to a personal bundle: prepare, train, export in one go that may be killed.

The run's folder keeps what is needed to go on: shards (where videos were given), checkpoints, `config.json` with
settings and data digest, each network's curve as a table, pictures. Given the same videos and settings, it goes on
where it was.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ...core.errors import LipSyncError, OutputError
from ...core.files import written_beside
from ...core.types import Floats
from ...core.version import VERSION
from ...dataset.manifest import MANIFEST, read_manifest
from ...dataset.prepare import SPEAKER, prepare
from ...inference.bundle import open_bundle
from .card import CardFacts, card_of
from .clips import Clips, load_clips
from .ear import Ear
from .export import PersonalModel, PersonalText, export_personal
from .geometry import TrainedGeometry, predict_clip, train_geometry
from .loop import Checkpoint
from .pictures import draw_curves
from .settings import PersonalSettings
from .texture import train_texture

Report = Callable[[float, str], None]
SHARDS = "shards"
PREPARING, GEOMETRY, TEXTURE = 0.4, 0.15, 0.4
"""Of the bar, where videos are given; the rest is for the export."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of a run."""

    bundle: Path
    clips: int
    minutes: float
    has_texture: bool


def train(
    inputs: Sequence[Path], bundle: Path, run: Path, settings: PersonalSettings, report: Report | None = None
) -> Trained:
    """Train a personal model.

    Args:
        inputs: videos of one speaker or folders of them; or one folder of shards.
        bundle: folder to write.
        run: folder of this run, made where missing.
        settings: of the training.
        report: told the share done and what is being done.

    Raises:
        VideoError: nothing to learn from, or the run's folder holds another run.
        OutputError: a folder cannot be written to.
    """
    tell = report or _silent
    _check_device(settings.device)
    _make(run)
    shards, begun = _shards(inputs, run, tell)
    every = load_clips(shards, "train")
    held_out = _held_out(shards)
    key = hashlib.sha256(json.dumps([every.digest, asdict(settings)], sort_keys=True).encode()).hexdigest()
    _write_json(run / "config.json", {"settings": asdict(settings), "data": every.digest, "lipsync3d": VERSION})
    ear = Ear(open_bundle(), settings.geometry.network.front)
    rest = 1.0 - begun
    geometry = train_geometry(
        every, ear, settings.geometry, held_out, Checkpoint(run / "geometry.safetensors", key),
        _part(tell, begun, rest * 0.3, "geometry"),
    )  # fmt: skip
    texture = None
    if settings.texture is not None:
        texture = train_texture(
            every,
            _latents(geometry, ear, every),
            settings.texture,
            (held_out, _latents(geometry, ear, held_out)) if held_out is not None else None,
            Checkpoint(run / "texture.safetensors", key),
            _part(tell, begun + rest * 0.3, rest * 0.65, "texture"),
        )
    figures = draw_curves(run, geometry, ear, held_out)
    tell(0.98, "exporting")
    facts = _facts(bundle, shards, every, settings, figures)
    provenance = {"settings": asdict(settings), "data": every.digest, "lipsync3d": VERSION, "held_out": figures}
    model = PersonalModel(geometry, texture, ear.graph, shards / SPEAKER)
    export_personal(model, PersonalText(card_of(facts), provenance), bundle)
    tell(1.0, "done")
    return Trained(bundle, len(every.clips), facts.minutes, texture is not None)


def _shards(inputs: Sequence[Path], run: Path, tell: Report) -> tuple[Path, float]:
    """Return the folder of shards, prepared from videos where need be, and the share of the bar that took."""
    folders = [path for path in inputs if (path / MANIFEST).is_file()]
    if folders:
        if len(inputs) > 1:
            raise OutputError(f"{folders[0]}: one folder of shards is one speaker; give it alone")
        return folders[0], 0.0
    prepare(inputs, run / SHARDS, report=lambda share, stage: tell(PREPARING * share, f"preparing: {stage}"))
    return run / SHARDS, PREPARING


def _held_out(shards: Path) -> Clips | None:
    sides = {entry["split"] for entry in read_manifest(shards)["clips"]}
    return load_clips(shards, "validate") if "validate" in sides else None


def _latents(geometry: TrainedGeometry, ear: Ear, clips: Clips) -> list[Floats]:
    return [predict_clip(geometry, ear, clip)[1] for clip in clips.clips]


def _silent(_share: float, _stage: str) -> None:
    """Tell nobody."""


def _part(tell: Report, begin: float, share: float, name: str) -> Report:
    return lambda done, line: tell(begin + share * done, f"{name}: {line}")


def _facts(
    bundle: Path, shards: Path, clips: Clips, settings: PersonalSettings, figures: dict[str, float]
) -> CardFacts:
    entries = read_manifest(shards)["clips"]
    return CardFacts(
        name=bundle.name,
        speech=open_bundle().name,
        has_texture=settings.texture is not None,
        minutes=sum(float(np.ptp(clip.times_s)) for clip in clips.clips) / 60,
        clips=len(clips.clips),
        frames=sum(len(clip.times_s) for clip in clips.clips),
        held_out=sum(entry["split"] == "validate" for entry in entries),
        sources=tuple(sorted({entry["source"] for entry in entries if entry["split"] == "train"})),
        terms=settings.terms,
        preset=settings.preset,
        seed=settings.geometry.loop.seed,
        device=settings.device,
        digest=clips.digest,
        figures=figures,
    )


def _check_device(device: str) -> None:
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise LipSyncError("device cuda: no GPU that torch can use; leave --device out to train on the processor")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make {folder}: {error.strerror}; choose a folder you can write to") from error


def _write_json(path: Path, values: object) -> None:
    with written_beside(path) as beside:
        beside.write_text(json.dumps(values, indent=1, sort_keys=True) + "\n", encoding="utf-8")
