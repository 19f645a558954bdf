# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of SelfTalk (Peng et al. 2023): animator and interpreter together, against a frozen recogniser.

Sound to face to lips to text must agree with sound to text: the interpreter's latents of the predicted lips are likened
to how the recogniser hears the sound, its text to what the recogniser reads (or to a transcript).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from ...core.lips import lip_vertices
from ...models.lipsync3d import STEP_S
from ...models.selftalk import Animator, Interpreter
from .clips import Clips
from .ear import Ear
from .geometry import TrainedGeometry, basis_of, finished
from .lessons import Batch, Cut, Lesson, Piece, School, batched, make_lesson, quiet_voices, rest_of, standard
from .loop import Checkpoint, Report, train
from .measure import FaceMeasure, held_out_loss
from .recogniser import Reading, Recogniser
from .settings import TRUE, SelfTalkSettings
from .targets import MotionBasis


class SelfTalk(nn.Module):
    """Animator and interpreter; what stands between them is linear."""

    lip_components: Tensor
    lip_mean: Tensor

    def __init__(self, animator: Animator, interpreter: Interpreter, basis: MotionBasis) -> None:
        super().__init__()
        self.animator, self.interpreter = animator, interpreter
        components = basis.components_mm.reshape(len(basis.components_mm), -1, 3)[:, lip_vertices()]
        self.register_buffer("lip_components", torch.from_numpy(components.reshape(len(components), -1).copy()))
        self.register_buffer("lip_mean", torch.from_numpy(basis.mean_mm.reshape(-1, 3)[lip_vertices()].ravel().copy()))

    def forward(self, heard: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the animator does."""
        return self.animator(heard)

    def lips_mm(self, coefficients: Tensor) -> Tensor:
        """Return the displacements [..., 3 L] of the lips of coefficients [..., K]."""
        return coefficients @ self.lip_components + self.lip_mean


def train_selftalk(
    clips: Clips,
    taught_by: tuple[Ear, "Teacher"],
    settings: SelfTalkSettings,
    held_out: Clips | None = None,
    run: Checkpoint | None = None,
    report: Report | None = None,
) -> TrainedGeometry:
    """Train on clips.

    Args:
        clips: to learn from.
        taught_by: the ear of the animator's front; the recogniser, with transcripts where there are some.
        settings: of networks, losses and loop.
        held_out: clips that choose when to stop.
        run: where to go on from.
        report: told the progress.
    """
    ear, teacher = taught_by
    basis = basis_of(clips, settings.network.components, settings.losses.lips)
    rng = np.random.default_rng(settings.loop.seed)
    lessons = [make_lesson(clip, ear, basis, settings.voices, rng) for clip in clips.clips]
    net = _network(lessons, basis, teacher.recogniser, settings)
    measure = FaceMeasure(basis, clips.neutral_cm, settings.losses, settings.loop.device)
    cut = Cut(round(settings.crop_s / STEP_S), settings.network.context_steps)
    school = School(lessons, quiet_voices(ear, rng), rest_of(basis, clips), cut)
    diagram = Diagram(teacher.readings(clips), teacher.recogniser.blank, settings)
    examined = [make_lesson(clip, ear, basis, 0, rng) for clip in held_out.clips] if held_out is not None else []

    def batch_loss(module: nn.Module, rng: np.random.Generator) -> Tensor:
        assert isinstance(module, SelfTalk)
        pieces = school.draw(rng, settings.loop.batch, settings.losses.rest)
        batch = batched(pieces, settings.loop.device)
        scale = module.animator.feature_scale[:, None]
        _, coefficients = module(batch.heard + settings.noise * scale * torch.randn_like(batch.heard))
        loss = measure.of(coefficients, batch)
        return loss + diagram.loss(module, coefficients, batch, pieces) if diagram.matters else loss

    def judged(module: nn.Module) -> float:
        return held_out_loss(module, examined, measure, settings.loop.device)

    trained = train(net, batch_loss, judged if examined else None, settings.loop, run, report)
    assert isinstance(trained, SelfTalk)
    return finished(trained.animator.cpu(), basis, clips.neutral_cm)


def _network(
    lessons: Sequence[Lesson], basis: MotionBasis, recogniser: Recogniser, settings: SelfTalkSettings
) -> SelfTalk:
    torch.manual_seed(settings.loop.seed)
    animator = Animator(replace(settings.network, components=len(basis.components_mm)))
    found = standard([lesson.voices[0] for lesson in lessons])
    for known, value in zip((animator.feature_mean, animator.feature_scale), found, strict=True):
        known.copy_(value)
    config = replace(settings.interpreter, width=recogniser.width, symbols=recogniser.symbols)
    net = SelfTalk(animator, Interpreter(config, 3 * len(lip_vertices())), basis)
    net.interpreter.look(net.lips_mm(torch.cat([lesson.wanted for lesson in lessons])))
    return net


@dataclass(frozen=True)
class Teacher:
    """A recogniser, and what is known of the texts."""

    recogniser: Recogniser
    texts: tuple[str, ...] = ()
    """Of the clips to learn from, in their order; empty where not known."""

    def readings(self, clips: Clips) -> list[Reading]:
        """Return what is said in each clip."""
        texts = self.texts or ("",) * len(clips.clips)
        return [self.recogniser.read(clip, text) for clip, text in zip(clips.clips, texts, strict=True)]


class Diagram:
    """The losses of the two ways from sound to text against each other."""

    def __init__(self, readings: Sequence[Reading], blank: int, settings: SelfTalkSettings) -> None:
        every = np.concatenate([reading.hidden for reading in readings])
        mean, spread = every.mean(axis=0), every.std(axis=0) + 0.05
        self._hidden = [torch.from_numpy(((r.hidden - mean) / spread).astype(np.float32)) for r in readings]
        self._readings = readings
        self._blank = blank
        self._settings = settings

    @property
    def matters(self) -> bool:
        """Whether any of the losses is on."""
        return self._settings.latent > 0 or self._settings.text > 0

    def loss(self, net: SelfTalk, coefficients: Tensor, batch: Batch, pieces: Sequence[Piece]) -> Tensor:
        """Return the loss of coefficients [B, K, S] that a batch was answered with; silence is left out."""
        said = [index for index, piece in enumerate(pieces) if piece.lesson >= 0]
        spoken = [pieces[index] for index in said]
        lips = net.lips_mm(coefficients[said].float().transpose(1, 2))
        if self._settings.learns_from != TRUE:
            return self._agreement(net.interpreter(lips), spoken)
        true = net.lips_mm(_at_steps(batch.wanted[said], spoken, coefficients.shape[-1]))
        taught = self._agreement(net.interpreter(true), spoken)
        frozen = {name: value.detach() for name, value in net.interpreter.state_dict(keep_vars=True).items()}
        return taught + self._agreement(functional_call(net.interpreter, frozen, (lips,)), spoken)

    def _agreement(self, read: tuple[Tensor, Tensor], pieces: Sequence[Piece]) -> Tensor:
        latents, log_probabilities = read
        loss = latents.new_zeros(())
        if self._settings.latent > 0:
            loss = loss + self._settings.latent * self._likeness(latents, pieces)
        if self._settings.text > 0:
            loss = loss + self._settings.text * self._text(log_probabilities, pieces)
        return loss

    def _likeness(self, latents: Tensor, pieces: Sequence[Piece]) -> Tensor:
        """Return the mean squared difference of lip latents [B, W, S] from what the recogniser hears by."""
        total, count = latents.new_zeros(()), 0
        for found, piece in zip(latents, pieces, strict=True):
            first, last = _span(piece)
            true = self._hidden[piece.lesson][piece.first + first : piece.first + last].to(latents.device)
            total = total + ((found[:, first : first + len(true)].T.float() - true) ** 2).sum()
            count += true.numel()
        return total / max(1, count)

    def _text(self, log_probabilities: Tensor, pieces: Sequence[Piece]) -> Tensor:
        """Return the negative log-probability of the text a symbol."""
        texts, lengths, rows = [], [], []
        for row, piece in zip(log_probabilities, pieces, strict=True):
            first, last = _span(piece)
            reading = self._readings[piece.lesson]
            inside = (reading.places >= piece.first + first) & (reading.places < piece.first + last)
            texts.append(torch.from_numpy(reading.text[inside]))
            lengths.append(last - first)
            rows.append(row[first:last])
        symbols = sum(len(text) for text in texts)
        if symbols == 0:
            return log_probabilities.new_zeros(())
        total = functional.ctc_loss(
            nn.utils.rnn.pad_sequence(rows), torch.cat(texts).to(log_probabilities.device), torch.tensor(lengths),
            torch.tensor([len(text) for text in texts]), self._blank, reduction="sum", zero_infinity=True,
        )  # fmt: skip
        return total / symbols


def _span(piece: Piece) -> tuple[int, int]:
    """Return the steps of a piece between its first and its last frame."""
    first = max(0, int(np.ceil(float(piece.steps[0]))))
    return first, min(piece.heard.shape[-1], int(float(piece.steps[-1])) + 1)


def _at_steps(wanted: Tensor, pieces: Sequence[Piece], count: int) -> Tensor:
    """Return the frames' coefficients [B, T, K] at the steps [B, S, K], linearly between frames."""
    rows: list[Tensor] = []
    for frames, piece in zip(wanted, pieces, strict=True):
        places = piece.steps
        steps = torch.arange(count, dtype=places.dtype).clamp(float(places[0]), float(places[-1]))
        after = torch.searchsorted(places, steps, right=True).clamp(1, len(places) - 1)
        share = ((steps - places[after - 1]) / (places[after] - places[after - 1])).to(frames.device)[:, None]
        rows.append(torch.lerp(frames[after - 1], frames[after], share))
    return torch.stack(rows)
