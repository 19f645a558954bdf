# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of the texture network: atlases and the geometry network's latents in, a network out.

What is learnt are coefficients of the speaker's mouth pictures, whose errors are errors of pictures (`texture_basis`);
learning the pictures themselves, by absolute difference and structural similarity and with the basis set free, takes
five times as long, measures worse and overfits. Pieces of clips are predicted frame after frame. What is fed back is
the network's own answer (a share of the truth can be had), with noise, so that a long prediction neither freezes nor
drifts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...core.types import Floats
from ...models.texture import TextureNet, feedback
from ...models.texture_graph import texture_graph, texture_weights
from ...normalise.mouth_window import mouth_window
from .clips import Clips
from .loop import Checkpoint, Report, train
from .texture_basis import PictureBasis, fit_pictures
from .texture_clips import TextureClip, reference_atlas, texture_clips
from .texture_settings import TextureSettings

LEAST_SPREAD = 0.05
"""Of a latent's channel, against the mean spread of all: less is treated as this, so that noise is not blown up."""
LEAST_ERROR = 1e-3
"""Of a picture, sRGB 0-1: below this the loss is rounded off."""


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
    wanted: Tensor
    """[T, K] coefficients."""
    stretches: NDArray[np.int64]
    """[R, 2] first frame and end of each stretch without a gap in time."""


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
    light_out = settings.light_normalised
    reference = reference_atlas(clips, light_out)
    mouths = texture_clips(clips, light_out)
    basis = _fitted(mouths, reference, settings)
    lessons = _lessons(mouths, latents, basis)
    examined = [] if held_out is None else _lessons(texture_clips(held_out[0], light_out), held_out[1], basis)
    net = _fresh_net(lessons, basis, settings, mouth_window(len(reference)).blend)
    teacher = _Teacher(lessons, net, basis.strengths, settings)

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


def _fitted(mouths: Sequence[TextureClip], reference: NDArray[np.uint8], settings: TextureSettings) -> PictureBasis:
    window = mouth_window(len(reference))
    pictures, seen = [mouth.pictures for mouth in mouths], [mouth.seen for mouth in mouths]
    base = reference[window.rows, window.columns].transpose(2, 0, 1)
    return fit_pictures(pictures, seen, base, window.mouth, settings.network.components)


def _lessons(mouths: Sequence[TextureClip], latents: Sequence[Floats], basis: PictureBasis) -> list[_Lesson]:
    return [
        _Lesson(torch.from_numpy(heard), torch.from_numpy(basis.coefficients(mouth.pictures)), mouth.stretches)
        for mouth, heard in zip(mouths, latents, strict=True)
    ]


def _fresh_net(lessons: Sequence[_Lesson], basis: PictureBasis, settings: TextureSettings, blend: Floats) -> TextureNet:
    """Return a network that draws with a basis, untrained."""
    heard = torch.cat([lesson.latents for lesson in lessons])
    config = replace(settings.network, latent=heard.shape[1], code=settings.network.code * settings.autoregressive)
    torch.manual_seed(settings.loop.seed)
    net = TextureNet(config, torch.from_numpy(blend.copy()))
    spread = heard.std(dim=0)
    net.latent_mean.copy_(heard.mean(dim=0))
    net.latent_scale.copy_(spread + LEAST_SPREAD * spread.mean() + 1e-6)
    net.basis.copy_(torch.from_numpy(basis.components))
    net.mean.copy_(torch.from_numpy(basis.mean))
    return net


class _Teacher:
    """Draws batches and asks the network."""

    def __init__(
        self, lessons: Sequence[_Lesson], net: TextureNet, strengths: Floats, settings: TextureSettings
    ) -> None:
        self._settings = settings
        self._device = torch.device(settings.loop.device)
        self._strengths = torch.from_numpy(strengths).to(self._device)
        drawn = feedback(net.draw(torch.cat([torch.zeros(1, len(strengths)), torch.eye(len(strengths))])))
        self._fed_mean = drawn[0].to(self._device)
        self._fed_basis = (drawn[1:] - drawn[0]).to(self._device)
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
        """Return the loss of one batch of pieces, each frame after the one before."""
        assert isinstance(net, TextureNet)
        latents, wanted, before = self._drawn(rng)
        previous = self._fed_back(before)
        found: list[Tensor] = []
        for frame in range(self._frames):
            noise = self._settings.noise * torch.randn_like(previous)
            found.append(net.coefficients(latents[:, frame], previous + noise).float())
            mine = torch.from_numpy(rng.random(len(previous)) < self._settings.own).to(self._device)[:, None]
            previous = self._fed_back(torch.where(mine, found[-1], wanted[:, frame]))
        return self._error(torch.stack(found, dim=1), wanted)

    def judged(self, net: nn.Module, lesson: _Lesson) -> float:
        """Return the loss of a clip predicted from its start, each frame following the network's own answer."""
        assert isinstance(net, TextureNet)
        previous = torch.zeros(1, *net.fed_back, device=self._device)
        found: list[Tensor] = []
        for latent in lesson.latents.to(self._device):
            found.append(net.coefficients(latent[None], previous).float())
            previous = self._fed_back(found[-1])
        return float(self._error(torch.cat(found), lesson.wanted.to(self._device)))

    def _error(self, found: Tensor, wanted: Tensor) -> Tensor:
        """Return the mean over frames of the picture's root mean square error, which a few bad frames do not rule."""
        return (((found - wanted) * self._strengths) ** 2).sum(dim=-1).add(LEAST_ERROR**2).sqrt().mean()

    def _fed_back(self, coefficients: Tensor) -> Tensor:
        """Return `feedback` [B, 3, h / 4, w / 4] of the pictures of coefficients [B, K]."""
        return torch.einsum("bk,kcij->bcij", coefficients, self._fed_basis) + self._fed_mean

    def _drawn(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Return (latents [B, S, L], coefficients [B, S, K], those of the frames before [B, K]) of B pieces of clips.

        Where a piece begins a stretch, its own first frame stands for the one before.
        """
        latents: list[Tensor] = []
        wanted: list[Tensor] = []
        before: list[Tensor] = []
        for place in rng.choice(len(self._starts), self._settings.loop.batch, p=self._chances):
            index, start, last = self._starts[place]
            first = int(rng.integers(start, last))
            lesson = self._lessons[index]
            latents.append(lesson.latents[first : first + self._frames])
            wanted.append(lesson.wanted[first : first + self._frames])
            before.append(lesson.wanted[max(start, first - 1)])
        return tuple(torch.stack(parts).to(self._device) for parts in (latents, wanted, before))  # pyright: ignore[reportReturnType] - three in, three out
