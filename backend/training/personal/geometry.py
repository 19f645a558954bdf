# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of the geometry network: pieces of clips in, a network and the basis its head ends in out.

Losses in the speaker's millimetres: vertex positions (lips weighing more), their change from frame to frame, the lip
opening, more so where it is closed (as in Audio2Face-3D, arXiv 2508.16401), the mouth's width; and silence that rests.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ...core.face import lip_gap_cm
from ...core.types import Floats
from ...models.lipsync3d import STEP_S, GeometryNet, at_times
from .clips import Clips, TrainClip
from .ear import Ear, quiet
from .loop import Checkpoint, Report, train
from .settings import GeometryLosses, GeometrySettings
from .targets import MM, MotionBasis, fit_basis, gap_weights, rest_cm, width_weights

QUIET_S = 3.0


@dataclass(frozen=True)
class TrainedGeometry:
    """A network with what turns its answer into a face."""

    net: GeometryNet
    basis: MotionBasis
    neutral_cm: Floats
    """[468, 3]"""


@dataclass(frozen=True)
class _Lesson:
    """One clip, ready to learn from."""

    voices: tuple[Tensor, ...]
    """Features [..., S] of its own voice, then of changed ones."""
    steps: Tensor
    """[T] places of the frames among the features."""
    wanted: Tensor
    """[T, K] coefficients."""
    joined: Tensor
    """[T - 1] 1 where a frame follows the one before it in the same shot."""


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
    moves = [clip.displacement_cm for clip in clips.clips]
    basis = fit_basis(moves, settings.network.components, settings.losses.lips)
    rng = np.random.default_rng(settings.loop.seed)
    lessons = [_lesson(clip, ear, basis, settings.voices, rng) for clip in clips.clips]
    rest = torch.from_numpy(basis.coefficients(rest_cm(moves, clips.neutral_cm)[None])[0])
    torch.manual_seed(settings.loop.seed)
    net = GeometryNet(settings.network)
    _standardise(net, [lesson.voices[0] for lesson in lessons])
    measure = _Measure(basis, clips.neutral_cm, settings.losses, settings.loop.device)
    teacher = _Teacher(lessons, _quiet_voices(ear, rng), rest, measure, settings)
    examined = [_lesson(clip, ear, basis, 0, rng) for clip in held_out.clips] if held_out is not None else []

    def judged(module: nn.Module) -> float:
        return _judged(module, examined, measure, settings.loop.device)

    trained = train(net, teacher.batch_loss, judged if examined else None, settings.loop, run, report)
    assert isinstance(trained, GeometryNet)
    return TrainedGeometry(trained.cpu(), basis, clips.neutral_cm)


def predict_clip(model: TrainedGeometry, ear: Ear, clip: TrainClip) -> tuple[Floats, Floats]:
    """Return (displacement [T, 468, 3] cm, latent [T, L]) of a clip at its frames."""
    with torch.inference_mode():
        latent, coefficients = model.net(torch.from_numpy(ear.hear(clip))[None])
        steps = torch.from_numpy(clip.steps).float()[None]
        moved = model.basis.displacement_cm(at_times(coefficients, steps)[0].numpy())
        return moved, at_times(latent, steps)[0].numpy()


def _lesson(clip: TrainClip, ear: Ear, basis: MotionBasis, voices: int, rng: np.random.Generator) -> _Lesson:
    heard = [ear.hear(clip), *(ear.hear_changed(clip, rng) for _ in range(voices))]
    gaps_s = np.diff(clip.times_s)
    joined = (np.diff(clip.shot) == 0) & (gaps_s < 1.5 * np.median(gaps_s))
    return _Lesson(
        tuple(torch.from_numpy(one) for one in heard),
        torch.from_numpy(clip.steps).float(),
        torch.from_numpy(basis.coefficients(clip.displacement_cm)),
        torch.from_numpy(joined.astype(np.float32)),
    )


def _quiet_voices(ear: Ear, rng: np.random.Generator) -> list[Tensor]:
    if ear.front == "spectrogram":
        return []
    return [torch.from_numpy(ear.of_log_mel(quiet(round(QUIET_S * 100), rng))) for _ in range(8)]


def _standardise(net: GeometryNet, heard: Sequence[Tensor]) -> None:
    """Let the network take mean and spread of the training features out of what it hears."""
    flat = torch.cat([one.flatten(1) for one in heard], dim=1)
    net.feature_mean.copy_(flat.mean(dim=1))
    net.feature_scale.copy_(flat.std(dim=1) + 0.05)


class _Measure:
    """The losses of predicted coefficients against true ones."""

    def __init__(self, basis: MotionBasis, neutral_cm: Floats, losses: GeometryLosses, device: str) -> None:
        self._losses = losses
        self._metric = torch.from_numpy(basis.metric).to(device)
        gap, width = gap_weights(len(neutral_cm)), width_weights(len(neutral_cm))
        self._gap = torch.from_numpy(basis.readout(gap)).to(device)
        self._width = torch.from_numpy(basis.readout(width)).to(device)
        self._mean_gap_mm = float(basis.mean_mm @ gap + lip_gap_cm(neutral_cm) * MM)

    def __call__(self, found: Tensor, wanted: Tensor, there: Tensor, joined: Tensor) -> Tensor:
        """Return the loss of [B, T, K] where frames are `there` [B, T] and `joined` [B, T - 1] to the one before."""
        losses, off = self._losses, (found - wanted) * there[..., None]
        frames = there.sum()
        place = ((off @ self._metric) * off).sum()
        change = (off[:, 1:] - off[:, :-1]) * joined[..., None]
        velocity = ((change @ self._metric) * change).sum()
        gap_off = (off @ self._gap) ** 2
        true_gap = (wanted @ self._gap + self._mean_gap_mm).clamp(min=0)
        closure = torch.exp(-true_gap / losses.closure_mm)
        gap = ((losses.gap + losses.closure * closure) * gap_off).sum()
        width = ((off @ self._width) ** 2).sum()
        return (place + losses.velocity * velocity + gap + losses.width * width) / frames


class _Teacher:
    """Draws batches and asks the network."""

    def __init__(
        self,
        lessons: Sequence[_Lesson],
        quiet_voices: Sequence[Tensor],
        rest: Tensor,
        measure: _Measure,
        settings: GeometrySettings,
    ) -> None:
        self._lessons = lessons
        self._quiet = quiet_voices
        self._rest = rest
        self._measure = measure
        self._settings = settings
        self._device = settings.loop.device

    def batch_loss(self, net: nn.Module, rng: np.random.Generator) -> Tensor:
        """Return the loss of one batch of pieces."""
        count = min(self._settings.loop.batch, len(self._lessons))
        drawn = rng.choice(len(self._lessons), count, replace=False)
        pieces = [self._piece(self._lessons[index], rng) for index in drawn]
        if self._quiet and rng.random() < self._settings.losses.rest:
            pieces[0] = self._resting(rng)
        voices, *tracks = zip(*pieces, strict=True)
        heard = _batched(voices).to(self._device)
        padded = (nn.utils.rnn.pad_sequence(list(parts), batch_first=True).to(self._device) for parts in tracks)
        steps, wanted, there, joined = padded
        assert isinstance(net, GeometryNet)
        scale = net.feature_scale.view(1, -1, *(1,) * (heard.dim() - 2))
        heard = heard + self._settings.noise * scale * torch.randn_like(heard)
        _, coefficients = net(heard)
        return self._measure(at_times(coefficients.float(), steps), wanted, there, joined)

    def _piece(self, lesson: _Lesson, rng: np.random.Generator) -> tuple[Tensor, ...]:
        own = rng.random() < 0.5 or len(lesson.voices) == 1
        heard = lesson.voices[0 if own else int(rng.integers(1, len(lesson.voices)))]
        each = 2 if self._settings.network.front == "spectrogram" else 1
        margin = self._settings.network.context_steps
        size = round(self._settings.crop_s / STEP_S) + 2 * margin
        first = int(rng.integers(0, max(0, heard.shape[-1] // each - size) + 1))
        seen = heard[..., first * each : (first + size) * each]
        left = margin if first > 0 else 0
        right = seen.shape[-1] // each - (margin if first + size < heard.shape[-1] // each else 0)
        inside = (lesson.steps >= first + left) & (lesson.steps <= first + right - 1)
        inside = inside if bool(inside.any()) else torch.ones_like(inside)
        frames = torch.nonzero(inside)[:, 0]
        low, high = int(frames[0]), int(frames[-1]) + 1
        there = torch.ones(high - low)
        return seen, lesson.steps[low:high] - first, lesson.wanted[low:high], there, lesson.joined[low : high - 1]

    def _resting(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        heard = self._quiet[int(rng.integers(len(self._quiet)))]
        steps = torch.arange(0, heard.shape[-1], 2).float()
        count = len(steps)
        return heard, steps, self._rest.expand(count, -1), torch.ones(count), torch.ones(count - 1)


def _batched(heard: Sequence[Tensor]) -> Tensor:
    """Return features of unequal length as one batch; the short ones go on as they ended."""
    longest = max(one.shape[-1] for one in heard)
    flat = [nn.functional.pad(one.flatten(0, -2), (0, longest - one.shape[-1]), mode="replicate") for one in heard]
    return torch.stack(flat).unflatten(1, heard[0].shape[:-1])


def _judged(module: nn.Module, lessons: Sequence[_Lesson], measure: _Measure, device: str) -> float:
    """Return the mean loss over held-out clips."""
    values = []
    for lesson in lessons:
        _, coefficients = module(lesson.voices[0][None].to(device))
        found = at_times(coefficients.float(), lesson.steps[None].to(device))
        there = torch.ones(found.shape[:2], device=device)
        values.append(float(measure(found, lesson.wanted[None].to(device), there, lesson.joined[None].to(device))))
    return float(np.mean(values))
