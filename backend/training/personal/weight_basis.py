# SPDX-License-Identifier: GPL-3.0-or-later
"""The blendshape head: a basis whose components are the 52 canonical blendshapes, so that coefficients are weights.

LipSync3D says that coefficients paired with the sound by an artist can be predicted as well; size and loss are not
given there. Here the same network learns them with the same losses on the face in mm, and one on the weights
themselves, since different weights can make nearly the same face and the tongue is not part of the face at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ...audio.features import FRAME_RATE_HZ
from ...core.blendshapes import within_limits
from ...core.face import canonical_face, vertices_from_weights
from ...core.lips import lip_vertices
from ...core.types import Floats
from ...models.lipsync3d import GeometryNet
from ...models.selftalk import Animator
from .clips import Clips, TrainClip
from .targets import MM, MotionBasis

WEIGHTS_MM2 = 20.0
"""What a mean squared error of the coefficients of 1 counts, beside the face's in mm^2."""
QUIETEST = 0.1
"""The frames from which the resting face is taken."""
NEAR_FRAMES = 15
"""Frames of 10 ms on each side that must be quiet too: longer than the silence within a p or t."""
LEAST_SPREAD = 0.02
"""Spread below which a weight's errors no longer count for more: curves that hardly move are not learnt to the bit."""


@dataclass(frozen=True)
class WeightBasis(MotionBasis):
    """Weight = centre + spread x coefficient."""

    centre: Floats
    """[52]"""
    spread: Floats
    """[52]"""

    def wanted(self, clip: TrainClip) -> Floats:
        """Return the coefficients [T, 52] of a clip's curves."""
        assert clip.weights is not None
        return (clip.weights - self.centre) / self.spread

    def rest(self, clips: Clips) -> Floats:
        """Return the coefficients [52] of the resting face: the median where it is quietest.

        The most closed frames, as with a speaker, would not do: lips that an artist presses in p, b, m close more.
        """
        every = np.concatenate([self.wanted(clip) for clip in clips.clips])
        loud = np.concatenate([_loudness(clip) for clip in clips.clips])
        return np.median(every[loud <= np.quantile(loud, QUIETEST)], axis=0).astype(np.float32)

    def weights(self, coefficients: Floats) -> Floats:
        """Return the weights [T, 52], within their limits, of coefficients [T, 52]."""
        return within_limits(coefficients * self.spread + self.centre)

    def displacement_cm(self, coefficients: Floats) -> Floats:
        """Return [T, V, 3] of coefficients [T, 52]."""
        return vertices_from_weights(self.weights(coefficients))


def weight_basis(clips: Sequence[TrainClip], lips: float) -> WeightBasis:
    """Return the basis for clips with curves.

    Args:
        clips: to learn from.
        lips: weight of a lip vertex over another's.
    """
    every = np.concatenate([clip.weights for clip in clips if clip.weights is not None])
    return _of(every.mean(axis=0), np.maximum(every.std(axis=0), LEAST_SPREAD), lips)


def plain(net: GeometryNet | Animator, basis: WeightBasis) -> tuple[GeometryNet | Animator, WeightBasis]:
    """Return network and basis with centre and spread moved into the head, which then answers the weights."""
    with torch.no_grad():
        spread, centre = torch.from_numpy(basis.spread), torch.from_numpy(basis.centre)
        net.head.weight.mul_(spread[:, None, None])
        assert net.head.bias is not None
        net.head.bias.mul_(spread).add_(centre)
    ones = np.ones_like(basis.spread)
    return net, _of(0 * ones, ones, 1.0)


def _loudness(clip: TrainClip) -> Floats:
    """Return the loudest level [T] around each frame, in log power below the loud parts of its clip."""
    level = clip.log_mel.mean(axis=1)
    around = np.pad(level, NEAR_FRAMES, mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(around, 2 * NEAR_FRAMES + 1).max(axis=1)
    places = np.clip(np.round(clip.times_s * FRAME_RATE_HZ).astype(int), 0, len(level) - 1)
    return around[places] - np.quantile(level, 0.9)


def _of(centre: Floats, spread: Floats, lips: float) -> WeightBasis:
    shapes_mm = canonical_face().basis_cm.reshape(len(centre), -1) * np.float32(MM)
    root = np.ones(shapes_mm.shape[1], np.float32).reshape(-1, 3)
    root[lip_vertices()] = np.sqrt(lips)
    components = shapes_mm * spread[:, None]
    weighted = components * root.ravel()
    metric = weighted @ weighted.T / np.sqrt(len(root)) + WEIGHTS_MM2 / len(centre) * np.eye(len(centre))
    values = centre @ shapes_mm, components, np.linalg.pinv(components), metric, centre, spread
    return WeightBasis(*(np.asarray(a, np.float32) for a in values))
