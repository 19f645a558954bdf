# SPDX-License-Identifier: GPL-3.0-or-later
"""From videos, shards or takes to a personal bundle: prepare, train, export in one go that may be killed.

The run's folder keeps what is needed to go on: shards (where videos were given), checkpoints, `config.json` with
settings and data digest, each network's curve as a table, pictures. Given the same files and settings, it goes on
where it was.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from ...core.errors import LipSyncError, OutputError
from ...core.files import written_beside
from ...core.types import Floats
from ...core.version import VERSION
from ...inference.bundle import open_bundle
from .card import CardFacts, card_of
from .clips import Clips
from .ear import Ear
from .export import PersonalModel, PersonalText, export_personal
from .geometry import TrainedGeometry, predict_clip, train_geometry
from .inputs import Report, RunData, read_inputs
from .loop import Checkpoint
from .pictures import draw_curves
from .selftalk import train_selftalk
from .settings import GeometrySettings, PersonalSettings
from .teaching import Teaching, fingerprint, teacher_for
from .texture import train_texture


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of a run."""

    bundle: Path
    clips: int
    minutes: float
    has_texture: bool
    from_curves: bool
    """An artist's curves were learnt: the bundle gives blendshape weights."""


def train(
    inputs: Sequence[Path],
    bundle: Path,
    run: Path,
    settings: PersonalSettings,
    report: Report | None = None,
    teaching: Teaching | None = None,
) -> Trained:
    """Train a personal model.

    Args:
        inputs: videos of one speaker or folders of them; one folder of shards; or an artist's takes (see `takes`),
            from which no texture is learnt.
        bundle: folder to write.
        run: folder of this run, made where missing.
        settings: of the training.
        report: told the share done and what is being done.
        teaching: what SelfTalk is taught by, beyond the universal speech encoder.

    Raises:
        LipSyncError: nothing to learn from, or the run's folder holds another run.
        OutputError: a folder cannot be written to.
    """
    tell = report or _silent
    _check_device(settings.device)
    _make(run)
    data = read_inputs(inputs, run, tell)
    every, held_out, begun = data.learnt, data.held_out, data.begun
    if data.speaker is None:
        settings = replace(settings, texture=None)
    speech = open_bundle()
    ear = Ear(speech, settings.geometry.network.front)
    learner = _learner(data, ear, settings, teaching or Teaching())
    learnt = [every.digest, asdict(replace(settings, terms="")), speech.name, *learner.taught]  # not the card's words
    key = hashlib.sha256(json.dumps(learnt, sort_keys=True).encode()).hexdigest()
    _write_json(run / "config.json", {"settings": asdict(settings), "data": every.digest, "lipsync3d": VERSION})
    rest = 1.0 - begun
    checkpoint = Checkpoint(run / "geometry.safetensors", key)
    geometry = learner.learn(checkpoint, _part(tell, begun, rest * 0.3, "geometry"))
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
    facts = _facts(bundle, data, settings, figures)
    provenance = {"settings": asdict(settings), "data": every.digest, "lipsync3d": VERSION, "held_out": figures}
    model = PersonalModel(geometry, texture, ear.graph, data.speaker)
    export_personal(model, PersonalText(card_of(facts), provenance), bundle)
    tell(1.0, "done")
    return Trained(bundle, len(every.clips), facts.minutes, texture is not None, facts.from_curves)


@dataclass(frozen=True)
class _Learner:
    """The way to the geometry of the kind that is trained."""

    learn: Callable[[Checkpoint, Report], TrainedGeometry]
    taught: tuple[str, ...] = ()
    """What else the result depends on."""


def _learner(data: RunData, ear: Ear, settings: PersonalSettings, teaching: Teaching) -> _Learner:
    geometry = settings.geometry
    if isinstance(geometry, GeometrySettings):
        return _Learner(lambda run, tell: train_geometry(data.learnt, ear, geometry, data.held_out, run, tell))
    teacher = teacher_for(data.learnt, teaching)
    return _Learner(
        lambda run, tell: train_selftalk(data.learnt, (ear, teacher), geometry, data.held_out, run, tell),
        (fingerprint(teacher),),
    )


def _latents(geometry: TrainedGeometry, ear: Ear, clips: Clips) -> list[Floats]:
    return [predict_clip(geometry, ear, clip)[1] for clip in clips.clips]


def _silent(_share: float, _stage: str) -> None:
    """Tell nobody."""


def _part(tell: Report, begin: float, share: float, name: str) -> Report:
    return lambda done, line: tell(begin + share * done, f"{name}: {line}")


def _facts(bundle: Path, data: RunData, settings: PersonalSettings, figures: dict[str, float]) -> CardFacts:
    clips = data.learnt.clips
    return CardFacts(
        name=bundle.name,
        speech=open_bundle().name,
        has_texture=settings.texture is not None,
        from_curves=data.speaker is None,
        minutes=sum(float(np.ptp(clip.times_s)) for clip in clips) / 60,
        clips=len(clips),
        frames=sum(len(clip.times_s) for clip in clips),
        held_out=len(data.held_out.clips) if data.held_out is not None else 0,
        sources=data.sources,
        terms=settings.terms,
        preset=settings.preset,
        kind=settings.kind,
        seed=settings.geometry.loop.seed,
        device=settings.device,
        digest=data.learnt.digest,
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
