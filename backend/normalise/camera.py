# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real lens does that a weak-perspective tracker ignores, and taking it out.

The tracker says where a point lies in the picture (px) and how deep (px, of its own scale). A lens a short way off
shows near points larger: x_picture = X · f / (f - Z), measured from the centre of the picture, with Z towards the
camera in pixels at the head's distance and f the focal length in pixels. Both f and the tracker's depth scale are
those with which one rigid face explains the whole clip best.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..core.face import canonical_face
from ..core.types import Floats
from .rigid import STABLE_POINTS, STABLE_WEIGHTS, Doubles, fit_similarity

USUAL_FOCAL = 50 / 36
"""Focal length in longer picture sides of a 50 mm lens before a 36 mm frame: what faces are usually filmed with."""
FOCALS = (1.0, USUAL_FOCAL, 2.0, 3.0, 6.0, np.inf)
"""Candidates, in longer picture sides; infinity is weak perspective."""
DEPTH_SCALES = tuple(float(scale) for scale in np.linspace(0.6, 1.6, 21))
LIKELY_BEND, BEND_SPREAD, PRIOR = 0.6, 0.25, 0.1
"""Faces are filmed with about this bend (longer side over focal length), give or take; and how much that counts."""
FRAMES_FOR_CAMERA = 150
LEAST_TURN_RAD = 0.12
"""A head that turns less than this shows nothing of the lens; the usual one is assumed."""


@dataclass(frozen=True, slots=True)
class Camera:
    """A lens, as corrections of tracked landmarks."""

    centre_px: tuple[float, float]
    """Centre of the picture in landmark coordinates: (W/2, -H/2)."""
    focal_px: float = np.inf
    """Focal length; infinity corrects nothing."""
    depth_scale: float = 1.0
    """True depth over tracked depth."""

    def straighten(self, points_px: Floats | Doubles) -> Doubles:
        """Return points [..., 3] as an infinitely distant camera would have seen them."""
        points = np.asarray(points_px, np.float64)
        depth = points[..., 2:] * self.depth_scale
        flat = (points[..., :2] - self.centre_px) * (1.0 - depth / self.focal_px) + self.centre_px
        return np.concatenate([flat, depth], axis=-1)

    def bend(self, points: Floats | Doubles) -> Doubles:
        """Return points [..., 3] as this camera sees them: the exact inverse of `straighten`."""
        straight = np.asarray(points, np.float64)
        depth = straight[..., 2:]
        flat = (straight[..., :2] - self.centre_px) / (1.0 - depth / self.focal_px) + self.centre_px
        return np.concatenate([flat, depth / self.depth_scale], axis=-1)


def fit_camera(landmarks: Floats, width: int, height: int) -> Camera:
    """Return the camera that makes the stable points of a clip most rigid.

    Args:
        landmarks: [T, 468+, 3] px as `tracking.Track`; frames with NaN are ignored.
        width: of the picture, px.
        height: of the picture, px.
    """
    usual = Camera((width / 2, -height / 2), USUAL_FOCAL * max(width, height))
    points = landmarks[np.isfinite(landmarks).all(axis=(1, 2))][:, STABLE_POINTS].astype(np.float64)
    points = points[:: max(1, len(points) // FRAMES_FOR_CAMERA)]
    if len(points) < 3 or _turn_rad(points) < LEAST_TURN_RAD:
        return usual
    best = _best_focal(points, usual, max(width, height))
    depths = [replace(best, depth_scale=scale) for scale in DEPTH_SCALES]
    best = min(depths, key=lambda camera: _loose(points, camera))
    return _best_focal(points, best, max(width, height))


def _best_focal(points: Doubles, camera: Camera, side_px: int) -> Camera:
    """Return the camera with the focal length that the points and the prior agree on."""
    cameras = [replace(camera, focal_px=focal * side_px) for focal in FOCALS]
    loose = np.array([_loose(points, candidate) for candidate in cameras])
    unlikely = ((1 / np.array(FOCALS) - LIKELY_BEND) / BEND_SPREAD) ** 2
    return cameras[int(np.argmin(loose / max(loose.min(), 1e-12) + PRIOR * unlikely))]


def _turn_rad(points: Doubles) -> float:
    _, rotation, _ = fit_similarity(points, canonical_face().neutral_cm[STABLE_POINTS], STABLE_WEIGHTS)
    directions = rotation[:, 2]  # where the face looks, in camera space
    return float(np.sqrt(directions.var(axis=0).sum()))


def _loose(points: Doubles, camera: Camera) -> float:
    """Return the mean squared distance (cm²) of the points from one rigid shape, whatever the shape is."""
    straight = camera.straighten(points)
    target: NDArray[np.float64] = canonical_face().neutral_cm[STABLE_POINTS].astype(np.float64)
    aligned = straight
    for _ in range(3):
        scale, rotation, translation = fit_similarity(straight, target, STABLE_WEIGHTS)
        aligned = scale[:, None, None] * straight @ rotation.swapaxes(1, 2) + translation[:, None]
        target = aligned.mean(axis=0)
    return float(((aligned - target) ** 2).sum(axis=-1).mean(axis=0) @ STABLE_WEIGHTS)
