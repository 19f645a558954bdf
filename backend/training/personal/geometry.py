# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of the geometry network: pieces of clips in, a network and the basis its head ends in out.

The losses are those of `measure`; silence is learnt to rest.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from ...core.types import Floats
from ...models.lipsync3d import STEP_S, GeometryNet, at_times
from ...models.selftalk import Animator
from .clips import Clips, TrainClip
from .ear import Ear
from .lessons import Cut, School, batched, make_lesson, quiet_voices, rest_of, standard
from .loop import Checkpoint, Report, train
from .measure import FaceMeasure, held_out_loss
from .settings import GeometrySettings
from .targets import MotionBasis, fit_basis
from .weight_basis import WeightBasis, plain, weight_basis


@dataclass(frozen=True)
class TrainedGeometry:
    """A network with what turns its answer into a face."""

    net: GeometryNet | Animator
    basis: MotionBasis
    neutral_cm: Floats
    """[468, 3]"""


def train_geometry(
    clips: Clips,
    ear: Ear,
    settings: GeometrySettings,
    held_out: Clips | None = None,
    run: Checkpoint | None = None,
    report: Report | None = None,
) -> TrainedGeometry:
    """Train on clips.

    Args:
        clips: to learn from.
        ear: of the network's front.
        settings: of network, losses and loop.
        held_out: clips that choose when to stop.
        run: where to go on from.
        report: told the progress.
    """
    basis = basis_of(clips, settings.network.components, settings.losses.lips)
    rng = np.random.default_rng(settings.loop.seed)
    lessons = [make_lesson(clip, ear, basis, settings.voices, rng) for clip in clips.clips]
    torch.manual_seed(settings.loop.seed)
    net = GeometryNet(replace(settings.network, components=len(basis.components_mm)))
    for known, found in zip(
        (net.feature_mean, net.feature_scale), standard([x.voices[0] for x in lessons]), strict=True
    ):
        known.copy_(found)
    measure = FaceMeasure(basis, clips.neutral_cm, settings.losses, settings.loop.device)
    columns = 2 if settings.network.front == "spectrogram" else 1
    cut = Cut(round(settings.crop_s / STEP_S), settings.network.context_steps, columns)
    school = School(lessons, quiet_voices(ear, rng), rest_of(basis, clips), cut)
    examined = [make_lesson(clip, ear, basis, 0, rng) for clip in held_out.clips] if held_out is not None else []

    def batch_loss(module: nn.Module, rng: np.random.Generator) -> Tensor:
        assert isinstance(module, GeometryNet)
        batch = batched(school.draw(rng, settings.loop.batch, settings.losses.rest), settings.loop.device)
        scale = module.feature_scale.view(1, -1, *(1,) * (batch.heard.dim() - 2))
        _, coefficients = module(batch.heard + settings.noise * scale * torch.randn_like(batch.heard))
        return measure.of(coefficients, batch)

    def judged(module: nn.Module) -> float:
        return held_out_loss(module, examined, measure, settings.loop.device)

    trained = train(net, batch_loss, judged if examined else None, settings.loop, run, report)
    assert isinstance(trained, GeometryNet)
    return finished(trained.cpu(), basis, clips.neutral_cm)


def finished(net: GeometryNet | Animator, basis: MotionBasis, neutral_cm: Floats) -> TrainedGeometry:
    """Return a trained network as it is used; one that learnt an artist's curves answers the weights themselves."""
    if isinstance(basis, WeightBasis):
        return TrainedGeometry(*plain(net, basis), neutral_cm)
    return TrainedGeometry(net, basis, neutral_cm)


def predict_clip(model: TrainedGeometry, ear: Ear, clip: TrainClip) -> tuple[Floats, Floats]:
    """Return (displacement [T, 468, 3] cm, latent [T, L]) of a clip at its frames."""
    with torch.inference_mode():
        latent, coefficients = model.net(torch.from_numpy(ear.hear(clip))[None])
        steps = torch.from_numpy(clip.steps).float()[None]
        moved = model.basis.displacement_cm(at_times(coefficients, steps)[0].numpy())
        return moved, at_times(latent, steps)[0].numpy()


def basis_of(clips: Clips, components: int, lips: float) -> MotionBasis:
    """Return the basis that a head ends in: a speaker's principal components, or an artist's blendshapes."""
    if all(clip.weights is not None for clip in clips.clips):
        return weight_basis(clips.clips, lips)
    return fit_basis([clip.displacement_cm for clip in clips.clips], components, lips)
