# SPDX-License-Identifier: GPL-3.0-or-later
"""Textured faces as pictures: one frame, a sheet of moments, two films side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from ...audio.features import SAMPLE_RATE
from ...core.types import Floats
from ...dataset.video_file import Footage, write_video
from ...normalise.mouth_window import mouth_window
from ...normalise.portrait import Pictures, Stage
from ..personal.clips import TrainClip

GAP_PX = 4


@dataclass(frozen=True)
class Looks:
    """One clip as it was and as predicted."""

    clip: TrainClip
    true_cm: Floats
    """[T, 468, 3]"""
    predicted_cm: Floats
    """[T, 468, 3]"""
    true_atlas: Pictures
    """[T, S, S, 3]"""
    predicted_atlas: Pictures
    """[T, S, S, 3]; one and the same throughout, [1, S, S, 3], where no texture is predicted."""

    def pair(self, stage: Stage, frame: int) -> tuple[Pictures, Pictures]:
        """Return (true, predicted) portraits of a frame; under one still texture where none is predicted."""
        painted = self.predicted_atlas[min(frame, len(self.predicted_atlas) - 1)]
        own = self.true_atlas[frame] if len(self.predicted_atlas) > 1 else painted
        return stage.portrait(self.true_cm[frame], own), stage.portrait(self.predicted_cm[frame], painted)


def sheet(looks: Looks, stage: Stage, frames: Sequence[int]) -> Pictures:
    """Return one picture of some frames of a clip: the truth above, the prediction below."""
    pairs = [looks.pair(stage, frame) for frame in frames]
    return np.concatenate([np.concatenate([pair[row] for pair in pairs], axis=1) for row in range(2)])


def mouths(looks: Looks, frames: Sequence[int]) -> Pictures:
    """Return the mouth regions of the atlases of some frames: the truth above, the prediction below."""
    window = mouth_window(looks.true_atlas.shape[1])
    last = len(looks.predicted_atlas) - 1
    true = [looks.true_atlas[frame][window.rows, window.columns] for frame in frames]
    predicted = [looks.predicted_atlas[min(frame, last)][window.rows, window.columns] for frame in frames]
    return np.concatenate([np.concatenate(row, axis=1) for row in (true, predicted)])


def write_side_by_side(target: Path, looks: Looks, stage: Stage, fps: float) -> None:
    """Write a film of a clip with its sound: the truth at the left, the prediction at the right.

    Raises:
        OutputError: the folder cannot be written to.
    """
    gap = np.full((stage.size, GAP_PX, 3), 255, np.uint8)
    times_s = looks.clip.times_s

    def joined(frame: int) -> Pictures:
        true, predicted = looks.pair(stage, frame)
        return np.concatenate([true, gap, predicted], axis=1)

    pictures = (joined(frame) for frame in range(len(times_s)))
    heard = looks.clip.samples / np.float32(32768)
    footage = Footage(times_s, pictures, Fraction(fps).limit_denominator(1001), heard, SAMPLE_RATE)
    write_video(target, footage)
