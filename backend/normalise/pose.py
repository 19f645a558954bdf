# SPDX-License-Identifier: GPL-3.0-or-later
"""Head pose out of tracked landmarks, and back in.

A weighted similarity brings the stable upper-face points of every frame to the canonical face; the pose alone is
smoothed over time, so that whatever the mouth does stays in the mesh without delay. Needs numpy only.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.face import canonical_face
from ..core.types import Floats
from .camera import Camera
from .rigid import (
    STABLE_POINTS,
    STABLE_WEIGHTS,
    Doubles,
    fit_similarity,
    refine_similarity,
    rotation_matrices,
    rotation_vectors,
    stable_trust,
)
from .smooth import smooth

NO_LENS = Camera((0.0, 0.0))


@dataclass(frozen=True, slots=True)
class PoseSettings:
    """How the pose is found."""

    sigma_s: float = 0.2
    """Width of the kernel that smooths the pose; a local parabola, so that slow turns are not flattened."""
    rounds: int = 3
    """Times that the speaker's own rigid shape and the pose are refined in turn."""
    forehead_trust: float = 0.1
    """How much the forehead's place in the picture counts; see `rigid.refine_similarity`."""
    nose_trust: float = 1.0
    """The same of the nose."""
    eye_corner_trust: float = 10.0
    """The same of the corners of the eyes."""
    temple_trust: float = 0.3
    """The same of the temples."""
    depth_trust: float = 0.5
    """How much the tracker's depth of all of them counts."""

    @property
    def plane_trust(self) -> tuple[float, float, float, float]:
        """What `rigid.stable_trust` wants."""
        return self.forehead_trust, self.nose_trust, self.eye_corner_trust, self.temple_trust


@dataclass(frozen=True)
class HeadPose:
    """Where the head is in each frame: canonical = scale · rotation @ straightened camera point + translation."""

    scale: Doubles
    """[T] cm per px."""
    rotation: Doubles
    """[T, 3, 3] canonical_from_camera."""
    translation: Doubles
    """[T, 3] cm."""
    lens: Camera
    """The lens that is taken out before."""

    def canonical(self, points_camera: Floats | Doubles) -> Doubles:
        """Return points [T, V, 3] of camera space (px) in canonical space (cm)."""
        straight = self.lens.straighten(points_camera)
        return self.scale[:, None, None] * straight @ self.rotation.swapaxes(1, 2) + self.translation[:, None]

    def camera(self, points_canonical: Floats | Doubles) -> Doubles:
        """Return points [T, V, 3] of canonical space (cm) in camera space (px): the exact inverse of `canonical`."""
        straight = (np.asarray(points_canonical, np.float64) - self.translation[:, None]) @ self.rotation
        return self.lens.bend(straight / self.scale[:, None, None])

    def at(self, frames: NDArray[np.int64]) -> "HeadPose":
        """Return the pose of some of the frames."""
        return HeadPose(self.scale[frames], self.rotation[frames], self.translation[frames], self.lens)


def fit_head_pose(
    landmarks: Floats,
    times_s: NDArray[np.float64],
    shots: NDArray[np.int64] | None = None,
    lens: Camera = NO_LENS,
    shape_cm: Doubles | None = None,
    settings: PoseSettings | None = None,
) -> HeadPose:
    """Return the smoothed head pose of a clip.

    Args:
        landmarks: [T, 468+, 3] px, x right, y up, z towards the camera; NaN where there is no face.
        times_s: [T] increasing.
        shots: [T] shot of each frame; the pose is not smoothed over cuts. One shot where absent.
        lens: from `camera.fit_camera`; weak perspective where absent.
        shape_cm: [N, 3] the speaker's `rigid_shape`, so that clips agree; found from this clip where absent.
        settings: how.

    Returns:
        HeadPose of T frames, NaN where the landmarks are.
    """
    settings = settings or PoseSettings()
    count = len(landmarks)
    pose = HeadPose(np.full(count, np.nan), np.full((count, 3, 3), np.nan), np.full((count, 3), np.nan), lens)
    found = np.flatnonzero(np.isfinite(landmarks).all(axis=(1, 2)))
    if len(found):
        points = lens.straighten(landmarks[np.ix_(found, STABLE_POINTS)])
        shape_cm = rigid_shape(points, settings.rounds) if shape_cm is None else shape_cm
        shot = np.zeros(len(found), np.int64) if shots is None else shots[found]
        trust = stable_trust(settings.plane_trust, settings.depth_trust)
        rough = refine_similarity(points, shape_cm, STABLE_WEIGHTS, trust)
        pose.scale[found], pose.rotation[found], pose.translation[found] = _smoothed(
            rough, times_s[found], shot, settings.sigma_s
        )
    return pose


def rigid_shape(points: Doubles, rounds: int = 3) -> Doubles:
    """Return the shape [N, 3] in cm that straightened `STABLE_POINTS` [T, N, 3] keep while the head moves."""
    canonical = canonical_face().neutral_cm[STABLE_POINTS].astype(np.float64)
    shape_cm = canonical
    for _ in range(rounds):
        scale, rotation, translation = fit_similarity(points, shape_cm, STABLE_WEIGHTS)
        aligned = scale[:, None, None] * points @ rotation.swapaxes(1, 2) + translation[:, None]
        shape_cm = _anchored(np.median(aligned, axis=0), canonical)
    return shape_cm


def _anchored(shape: Doubles, canonical: Doubles) -> Doubles:
    """Return a shape moved, turned and scaled to lie on the canonical one as well as it can."""
    scale, rotation, translation = fit_similarity(shape[None], canonical, STABLE_WEIGHTS)
    return scale[0] * shape @ rotation[0].T + translation[0]


def _smoothed(
    pose: tuple[Doubles, Doubles, Doubles], times_s: Doubles, shots: NDArray[np.int64], sigma_s: float
) -> tuple[Doubles, Doubles, Doubles]:
    """Smooth log scale, rotation vector and the place of the face's middle; the translation follows from them."""
    scale, rotation, translation = pose
    pivot = STABLE_WEIGHTS @ canonical_face().neutral_cm[STABLE_POINTS].astype(np.float64)
    left, _, right = np.linalg.svd(rotation.sum(axis=0))
    mean = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right
    turned = rotation_vectors(rotation @ mean.T)
    place = np.einsum("tji,tj->ti", rotation, pivot - translation) / scale[:, None]
    values = np.concatenate([np.log(scale)[:, None], turned, place], axis=1)
    values = smooth(values, times_s, sigma_s, shots)
    scale, rotation = np.exp(values[:, 0]), rotation_matrices(values[:, 1:4]) @ mean
    return scale, rotation, pivot - scale[:, None] * np.einsum("tij,tj->ti", rotation, values[:, 4:])
