# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips made ready to learn from, and the pieces of them that a step sees."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from .clips import Clips, TrainClip
from .ear import Ear, quiet
from .targets import MotionBasis

QUIET_S = 3.0
QUIET_VOICES = 8


@dataclass(frozen=True)
class Lesson:
    """One clip, ready to learn from."""

    voices: tuple[Tensor, ...]
    """Features [..., S] of its own voice, then of changed ones."""
    steps: Tensor
    """[T] places of the frames among the features."""
    wanted: Tensor
    """[T, K] coefficients."""
    joined: Tensor
    """[T - 1] 1 where a frame follows the one before it in the same shot."""


@dataclass(frozen=True)
class Piece:
    """A part of a lesson."""

    heard: Tensor
    """[..., S]"""
    steps: Tensor
    """[T] places among the features of the piece."""
    wanted: Tensor
    joined: Tensor
    lesson: int = -1
    """Which lesson it is of; -1: none, silence."""
    first: int = 0
    """Step of the lesson at which it begins."""


@dataclass(frozen=True)
class Batch:
    """Pieces side by side; the short ones are filled up."""

    heard: Tensor
    """[B, ..., S]"""
    steps: Tensor
    """[B, T]"""
    wanted: Tensor
    """[B, T, K]"""
    there: Tensor
    """[B, T] 1 where a frame is, 0 where it fills up."""
    joined: Tensor
    """[B, T - 1]"""


@dataclass(frozen=True, slots=True)
class Cut:
    """How pieces are cut."""

    steps: int
    """Length that is learnt from."""
    margin: int
    """Steps on either side that are heard only."""
    columns: int = 1
    """Of the features in a step."""


def make_lesson(clip: TrainClip, ear: Ear, basis: MotionBasis, voices: int, rng: np.random.Generator) -> Lesson:
    """Return the lesson of a clip, with as many changed voices."""
    heard = [ear.hear(clip), *(ear.hear_changed(clip, rng) for _ in range(voices))]
    gaps_s = np.diff(clip.times_s)
    joined = (np.diff(clip.shot) == 0) & (gaps_s < 1.5 * np.median(gaps_s))
    return Lesson(
        tuple(torch.from_numpy(one) for one in heard),
        torch.from_numpy(clip.steps).float(),
        torch.from_numpy(basis.wanted(clip)),
        torch.from_numpy(joined.astype(np.float32)),
    )


def quiet_voices(ear: Ear, rng: np.random.Generator) -> list[Tensor]:
    """Return the features [F, S] of rooms in which nobody speaks."""
    if ear.front == "spectrogram":
        return []
    return [torch.from_numpy(ear.of_log_mel(quiet(round(QUIET_S * 100), rng))) for _ in range(QUIET_VOICES)]


def rest_of(basis: MotionBasis, clips: Clips) -> Tensor:
    """Return the coefficients [K] of the resting face."""
    return torch.from_numpy(basis.rest(clips))


def standard(heard: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return mean and spread of the training features, each [F]."""
    flat = torch.cat([one.flatten(1) for one in heard], dim=1)
    return flat.mean(dim=1), flat.std(dim=1) + 0.05


class School:
    """Draws pieces of lessons."""

    def __init__(self, lessons: Sequence[Lesson], quiet: Sequence[Tensor], rest: Tensor, cut: Cut) -> None:
        self._lessons, self._quiet, self._rest, self._cut = lessons, quiet, rest, cut

    def draw(self, rng: np.random.Generator, batch: int, resting: float) -> list[Piece]:
        """Return the pieces of one step.

        Args:
            rng: of the step.
            batch: pieces, at most.
            resting: share of the steps with a piece of silence.
        """
        count = min(batch, len(self._lessons))
        drawn = rng.choice(len(self._lessons), count, replace=False)
        pieces = [self._piece(int(index), rng) for index in drawn]
        if self._quiet and rng.random() < resting:
            pieces[0] = self._resting(rng)
        return pieces

    def _piece(self, index: int, rng: np.random.Generator) -> Piece:
        lesson, cut = self._lessons[index], self._cut
        own = rng.random() < 0.5 or len(lesson.voices) == 1
        heard = lesson.voices[0 if own else int(rng.integers(1, len(lesson.voices)))]
        each, margin = cut.columns, cut.margin
        size, length = cut.steps + 2 * margin, heard.shape[-1] // each
        first = int(rng.integers(0, max(0, length - size) + 1))
        seen = heard[..., first * each : (first + size) * each]
        left = margin if first > 0 else 0
        right = seen.shape[-1] // each - (margin if first + size < length else 0)
        inside = (lesson.steps >= first + left) & (lesson.steps <= first + right - 1)
        inside = inside if bool(inside.any()) else torch.ones_like(inside)
        frames = torch.nonzero(inside)[:, 0]
        low, high = int(frames[0]), int(frames[-1]) + 1
        there = slice(low, high)
        return Piece(
            seen, lesson.steps[there] - first, lesson.wanted[there], lesson.joined[low : high - 1], index, first
        )

    def _resting(self, rng: np.random.Generator) -> Piece:
        heard = self._quiet[int(rng.integers(len(self._quiet)))]
        steps = torch.arange(0, heard.shape[-1], 2).float()
        return Piece(heard, steps, self._rest.expand(len(steps), -1), torch.ones(len(steps) - 1))


def batched(pieces: Sequence[Piece], device: str) -> Batch:
    """Return pieces side by side; what is heard goes on as it ended where a piece is short."""
    heard = [piece.heard for piece in pieces]
    longest = max(one.shape[-1] for one in heard)
    flat = [nn.functional.pad(one.flatten(0, -2), (0, longest - one.shape[-1]), mode="replicate") for one in heard]
    there = [torch.ones(len(piece.steps)) for piece in pieces]
    tracks = ([p.steps for p in pieces], [p.wanted for p in pieces], there, [p.joined for p in pieces])
    padded = [nn.utils.rnn.pad_sequence(parts, batch_first=True).to(device) for parts in tracks]
    return Batch(torch.stack(flat).unflatten(1, heard[0].shape[:-1]).to(device), *padded)
