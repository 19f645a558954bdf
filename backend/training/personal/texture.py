# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of the texture network: atlases and the geometry network's latents in, a network out.

Pieces of clips are predicted frame after frame. What is fed back is now the true atlas, now the network's own, always
with noise, so that a long prediction neither freezes nor drifts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...core.types import Floats
from ...models.texture import BASIS_GAIN, TextureNet, feedback
from ...models.texture_graph import texture_graph, texture_weights
from ...normalise.mouth_window import mouth_window
from .clips import Clips
from .loop import Checkpoint, Report, train
from .texture_basis import fit_pictures
from .texture_clips import TextureClip, reference_atlas, texture_clips
from .texture_losses import PictureLoss
from .texture_settings import TextureSettings

LEAST_SPREAD = 0.05
"""Of a latent's channel, against the mean spread of all: less is treated as this, so that noise is not blown up."""
EXAMINED_CLIPS = 12
"""Held-out clips that are predicted from end to end at each validation."""
EXAMINED_FRAMES = 75


@dataclass(frozen=True)
class TrainedTexture:
    """A network with the atlas that its answers are differences to."""

    net: TextureNet
    reference_atlas: NDArray[np.uint8]
    """[S, S, 3] sRGB."""

    def graph(self) -> bytes:
        """Return the ONNX graph of one step."""
        size = len(self.reference_atlas)
        window = mouth_window(size)
        return texture_graph(self.net, window.row, window.column, size).SerializeToString()

    def weights(self) -> dict[str, NDArray[np.float16]]:
        """Return the weights as the graph holds them."""
        return texture_weights(self.net)


@dataclass(frozen=True)
class _Lesson:
    """One clip of T frames."""

    latents: Tensor
    """[T, L]"""
    pictures: NDArray[np.uint8]
    """[T, 3, h, w]"""
    seen: NDArray[np.uint8]
    """[T, h, w]"""
    stretches: NDArray[np.int64]
    """[R, 2] first frame and end of each stretch without a gap in time."""


@dataclass(frozen=True)
class _Piece:
    """B pieces of clips, S frames each."""

    latents: Tensor
    """[B, S, L]"""
    wanted: Tensor
    """[B, S, 3, h, w] true differences."""
    seen: Tensor
    """[B, S, h, w] visibility, 0-1."""
    before: Tensor
    """[B, 3, h, w] true differences of the frames before."""


def train_texture(
    clips: Clips,
    latents: Sequence[Floats],
    settings: TextureSettings,
    held_out: tuple[Clips, Sequence[Floats]] | None = None,
    run: Checkpoint | None = None,
    report: Report | None = None,
) -> TrainedTexture:
    """Train on clips.

    Args:
        clips: to learn from.
        latents: [T, L] of each clip at its frames: `geometry.predict_clip`.
        settings: of network, losses and loop.
        held_out: clips with their latents that choose when to stop.
        run: where to go on from.
        report: told the progress.
    """
    reference = reference_atlas(clips, settings.light_normalised)
    lessons = _lessons(texture_clips(clips, settings.light_normalised), latents)
    examined: list[_Lesson] = []
    if held_out is not None:
        some = held_out[0].only(range(min(EXAMINED_CLIPS, len(held_out[0].clips))))
        examined = _lessons(texture_clips(some, settings.light_normalised), held_out[1])
    net = _fresh_net(lessons, reference, settings)
    teacher = _Teacher(lessons, reference, settings)

    def judged(module: nn.Module) -> float:
        return float(np.mean([teacher.judged(module, lesson) for lesson in examined]))

    trained = train(net, teacher.batch_loss, judged if examined else None, settings.loop, run, report)
    assert isinstance(trained, TextureNet)
    with torch.no_grad():
        for parameter in trained.weighs.parameters():
            parameter.mul_(settings.contrast)
    return TrainedTexture(trained.cpu(), reference)


def predict_texture(model: TrainedTexture, latents: Floats) -> NDArray[np.uint8]:
    """Return the mouth windows [T, h, w, 3] sRGB of latents [T, L], each following the one before."""
    window = mouth_window(len(model.reference_atlas))
    base = model.reference_atlas[window.rows, window.columns].astype(np.float32) / 255
    previous = torch.zeros(1, *model.net.fed_back)
    pictures: list[NDArray[np.uint8]] = []
    with torch.inference_mode():
        for latent in torch.from_numpy(latents):
            difference = model.net(latent[None], previous)
            previous = feedback(difference)
            picture = np.clip(base + difference[0].permute(1, 2, 0).numpy(), 0, 1)
            pictures.append(np.round(picture * 255).astype(np.uint8))
    return np.stack(pictures)


def _lessons(mouths: Sequence[TextureClip], latents: Sequence[Floats]) -> list[_Lesson]:
    pairs = zip(mouths, latents, strict=False)
    return [_Lesson(torch.from_numpy(heard), m.pictures, m.seen, m.stretches) for m, heard in pairs]


def _fresh_net(lessons: Sequence[_Lesson], reference: NDArray[np.uint8], settings: TextureSettings) -> TextureNet:
    """Return a network whose basis are the principal components of the training pictures."""
    window = mouth_window(len(reference))
    heard = torch.cat([lesson.latents for lesson in lessons])
    config = replace(settings.network, latent=heard.shape[1], code=settings.network.code * settings.autoregressive)
    torch.manual_seed(settings.loop.seed)
    net = TextureNet(config, torch.from_numpy(window.blend.copy()))
    pictures = [lesson.pictures for lesson in lessons]
    seen = [lesson.seen for lesson in lessons]
    base = reference[window.rows, window.columns].transpose(2, 0, 1)
    mean, components = fit_pictures(pictures, seen, base, window.mouth, config.components)
    spread = heard.std(dim=0)
    with torch.no_grad():
        net.latent_mean.copy_(heard.mean(dim=0))
        net.latent_scale.copy_(spread + LEAST_SPREAD * spread.mean() + 1e-6)
        net.basis.weight.copy_(torch.from_numpy(components.T / BASIS_GAIN))
        net.basis.bias.copy_(torch.from_numpy(mean / BASIS_GAIN))
    return net


class _Teacher:
    """Draws batches and asks the network."""

    def __init__(self, lessons: Sequence[_Lesson], reference: NDArray[np.uint8], settings: TextureSettings) -> None:
        self._settings = settings
        self._device = torch.device(settings.loop.device)
        window = mouth_window(len(reference))
        base = reference[window.rows, window.columns].transpose(2, 0, 1).astype(np.float32) / 255
        self._base = torch.from_numpy(base).to(self._device)
        self._blend = torch.from_numpy(window.blend.copy()).to(self._device)
        self._measure = PictureLoss(self._base, torch.from_numpy(window.mouth.copy()).to(self._device), settings.losses)
        self._lessons = lessons
        longest = max(int((lesson.stretches[:, 1] - lesson.stretches[:, 0]).max()) for lesson in lessons)
        self._frames = min(settings.frames, longest)
        self._starts = [
            (index, int(start), int(end) - self._frames + 1)
            for index, lesson in enumerate(lessons)
            for start, end in lesson.stretches
            if end - start >= self._frames
        ]
        lengths = np.array([end - start for _, start, end in self._starts], np.float64)
        self._chances = lengths / lengths.sum()

    def batch_loss(self, net: nn.Module, rng: np.random.Generator) -> Tensor:
        """Return the loss of one batch of pieces."""
        piece = self._drawn(rng)
        previous = feedback(piece.before)
        shown: list[Tensor] = []
        for frame in range(self._frames):
            noise = self._settings.noise * torch.randn_like(previous)
            shown.append(net(piece.latents[:, frame], previous + noise).float())
            mine = torch.from_numpy(rng.random(len(previous)) < self._settings.own).to(self._device)
            previous = feedback(torch.where(mine[:, None, None, None], shown[-1], piece.wanted[:, frame]))
        return self._measure(torch.stack(shown, dim=1), piece.wanted, piece.seen)

    def judged(self, net: nn.Module, lesson: _Lesson) -> float:
        """Return the loss of a clip predicted from its start, each frame following the one before."""
        piece = self._cut(lesson, 0, min(EXAMINED_FRAMES, len(lesson.latents)))
        previous = torch.zeros_like(feedback(piece.before))
        shown: list[Tensor] = []
        for frame in range(piece.latents.shape[1]):
            shown.append(net(piece.latents[:, frame], previous).float())
            previous = feedback(shown[-1])
        return float(self._measure(torch.stack(shown, dim=1), piece.wanted, piece.seen))

    def _drawn(self, rng: np.random.Generator) -> _Piece:
        drawn = rng.choice(len(self._starts), self._settings.loop.batch, p=self._chances)
        pieces: list[_Piece] = []
        for index, start, last in (self._starts[place] for place in drawn):
            first = int(rng.integers(start, last))
            pieces.append(self._cut(self._lessons[index], first, self._frames, start))
        return _Piece(*(torch.cat([getattr(piece, field.name) for piece in pieces]) for field in fields(_Piece)))

    def _cut(self, lesson: _Lesson, first: int, frames: int, start: int = 0) -> _Piece:
        """Return a piece of a clip; the frame before it, or its own first where that is across a gap."""
        rows = [max(start, first - 1), *range(first, first + frames)]
        pictures = torch.from_numpy(lesson.pictures[rows]).to(self._device).float() / 255
        off = (pictures - self._base) * self._blend
        seen = torch.from_numpy(lesson.seen[first : first + frames]).to(self._device).float() / 255
        latents = lesson.latents[first : first + frames].to(self._device)
        return _Piece(latents[None], off[None, 1:], seen[None], off[:1])
