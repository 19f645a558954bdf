# SPDX-License-Identifier: GPL-3.0-or-later
"""The judge of lips: an interpreter that learnt to read phones from TRUE lips, frozen, and how often it errs on others.

SelfTalk (Peng et al. 2023) trains its interpreter on the very lips it then judges. This one never sees a predicted
lip while it learns. It is small and hears nothing: what it cannot read from true lips (t, k and n look alike) it
cannot read from any, so its phone error is to be compared with that on true lips and on another clip's lips.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ...core.types import Floats, PhoneSpan
from ...models.lipsync3d import STEP_S
from ...models.selftalk import Interpreter, InterpreterConfig
from ...speech.phones import PHONE_INDEX, SILENCE
from ..personal.loop import Checkpoint, Report, train
from ..personal.loop_settings import LoopSettings
from .lip_motion import Doubles, at_50_hz, lips_mm, mirrored

BLANK = PHONE_INDEX[SILENCE]
LEAST_PHONES = 100
"""Phones to learn from below which nobody learns to read lips."""


@dataclass(frozen=True, slots=True)
class ReaderSettings:
    """How the judge learns."""

    network: InterpreterConfig = field(default_factory=lambda: InterpreterConfig(axes=12, width=96))
    loop: LoopSettings = field(default_factory=lambda: LoopSettings(steps=600, batch=12, learning_rate=4e-3))
    frames: float = 1.0
    """Weight of naming the phone of each step beside that of the text (CTC)."""
    warp: float = 0.15
    """Largest change of speed, as a share."""
    amplitude: float = 0.25
    """Largest change of the lips' excursion, as a share."""
    noise_mm: float = 0.15

    def of_seed(self, seed: int) -> "ReaderSettings":
        """Return the same with another seed."""
        return replace(self, loop=replace(self.loop, seed=seed))


@dataclass(frozen=True)
class ReadClip:
    """True lips with what they say."""

    lips_mm: Floats
    """[S, 3 L] at 50 Hz."""
    labels: NDArray[np.int64]
    """[S] phone of each step."""
    text: NDArray[np.int64]
    """[N] phones without silence."""


@dataclass(frozen=True, slots=True)
class PhoneErrors:
    """Edits between what is read and what is said; of one clip, or of many added up."""

    edits: int = 0
    phones: int = 0

    def __add__(self, other: "PhoneErrors") -> "PhoneErrors":
        """Return both together."""
        return PhoneErrors(self.edits + other.edits, self.phones + other.phones)

    @property
    def rate(self) -> float:
        """Phone error rate; NaN where nothing is said."""
        return self.edits / self.phones if self.phones else float("nan")


def read_clip(displacement_cm: Floats, times_s: Doubles, spans: Sequence[PhoneSpan]) -> ReadClip:
    """Return a clip to learn from or to be judged on.

    Args:
        displacement_cm: [T, 468, 3].
        times_s: [T] of them.
        spans: phones of the sound, without gaps.
    """
    lips = at_50_hz(lips_mm(displacement_cm), times_s, float(times_s[0]))
    middles_s = times_s[0] + STEP_S * np.arange(len(lips))
    starts_s = np.array([span.start_s for span in spans])
    names = np.array([PHONE_INDEX[span.phone] for span in spans], np.int64)
    seen = [s for s in spans if s.phone != SILENCE and times_s[0] <= (s.start_s + s.end_s) / 2 <= times_s[-1]]
    labels = names[np.clip(np.searchsorted(starts_s, middles_s, side="right") - 1, 0, len(names) - 1)]
    return ReadClip(lips, labels, np.array([PHONE_INDEX[span.phone] for span in seen], np.int64))


class LipReader:
    """Reads phones from lips."""

    def __init__(self, net: Interpreter) -> None:
        self._net = net.eval()

    def read(self, displacement_cm: Floats, times_s: Doubles) -> NDArray[np.int64]:
        """Return the phones [N] read from a face [T, 468, 3] at times [T]."""
        lips = at_50_hz(lips_mm(displacement_cm), times_s, float(times_s[0]))
        with torch.inference_mode():
            _, likely = self._net(torch.from_numpy(lips)[None])
        best = likely[0].argmax(dim=-1).numpy()
        kept = best[np.flatnonzero(np.diff(best, prepend=-1))]
        return kept[kept != BLANK]

    def errors(self, displacement_cm: Floats, times_s: Doubles, text: NDArray[np.int64]) -> PhoneErrors:
        """Return how a face is read against the phones [N] that are said."""
        return PhoneErrors(edits(self.read(displacement_cm, times_s), text), len(text))


def edits(found: NDArray[np.int64], said: NDArray[np.int64]) -> int:
    """Return the least number of insertions, deletions and replacements from one text to another (Levenshtein 1966)."""
    row = np.arange(len(said) + 1)
    for index, symbol in enumerate(found, 1):
        best = np.minimum(row[1:] + 1, row[:-1] + (said != symbol))
        row = np.concatenate([[index], best])
        row = np.minimum.accumulate(row - np.arange(len(row))) + np.arange(len(row))
    return int(row[-1])


def train_reader(
    clips: Sequence[ReadClip],
    held_out: Sequence[ReadClip] = (),
    settings: ReaderSettings | None = None,
    run: Checkpoint | None = None,
    report: Report | None = None,
) -> LipReader:
    """Teach a reader true lips.

    Args:
        clips: to learn from.
        held_out: choose when to stop.
        settings: of network and loop.
        run: where to go on from.
        report: told the progress.
    """
    settings = settings or ReaderSettings()
    torch.manual_seed(settings.loop.seed)
    net = Interpreter(settings.network, clips[0].lips_mm.shape[1])
    net.look(torch.from_numpy(np.concatenate([clip.lips_mm for clip in clips])))

    def batch_loss(module: nn.Module, rng: np.random.Generator) -> Tensor:
        drawn = rng.choice(len(clips), min(settings.loop.batch, len(clips)), replace=False)
        return _loss(module, [changed(clips[index], settings, rng) for index in drawn], settings.frames)

    def judged(module: nn.Module) -> float:
        return float(np.mean([float(_loss(module, [clip], 0.0)) for clip in held_out]))

    trained = train(net, batch_loss, judged if held_out else None, settings.loop, run, report)
    assert isinstance(trained, Interpreter)
    return LipReader(trained)


def changed(clip: ReadClip, settings: ReaderSettings, rng: np.random.Generator) -> ReadClip:
    """Return a clip said faster or slower, by a smaller or larger mouth, tracked worse, perhaps mirrored."""
    count = len(clip.lips_mm)
    speed = 1 + rng.uniform(-settings.warp, settings.warp)
    places = np.linspace(0, count - 1, max(2, round(count / speed)))
    bend = 1.5 * rng.normal() * np.sin(np.pi * places / count * rng.uniform(1, 4))
    places = np.maximum.accumulate(np.clip(places + bend, 0, count - 1))
    low = np.minimum(places.astype(int), count - 2)
    share = (places - low).astype(np.float32)[:, None]
    lips = clip.lips_mm[low] * (1 - share) + clip.lips_mm[low + 1] * share
    lips = lips * np.float32(1 + rng.uniform(-settings.amplitude, settings.amplitude))
    lips = mirrored(lips) if rng.random() < 0.5 else lips
    lips = lips + settings.noise_mm * rng.standard_normal(lips.shape).astype(np.float32)
    return replace(clip, lips_mm=lips, labels=clip.labels[np.round(places).astype(int)])


def _loss(net: nn.Module, clips: Sequence[ReadClip], frames: float) -> Tensor:
    lengths = [len(clip.lips_mm) for clip in clips]
    lips = nn.utils.rnn.pad_sequence([torch.from_numpy(clip.lips_mm) for clip in clips], batch_first=True)
    labels = [torch.from_numpy(clip.labels) for clip in clips]
    _, likely = net(lips)
    texts = [torch.from_numpy(clip.text) for clip in clips]
    sizes = [len(text) for text in texts]
    total = functional.ctc_loss(
        likely.transpose(0, 1), torch.cat(texts), torch.tensor(lengths), torch.tensor(sizes),
        BLANK, reduction="sum", zero_infinity=True,
    ) / max(1, sum(sizes))  # fmt: skip
    if frames == 0:
        return total
    each = nn.utils.rnn.pad_sequence(labels, batch_first=True, padding_value=-100)
    return total + frames * functional.nll_loss(likely.flatten(0, 1), each.flatten(), ignore_index=-100)
