# SPDX-License-Identifier: GPL-3.0-or-later
"""The camera: perspective, a 50 mm lens on a 36 x 24 mm picture whose height is the frame.

Camera space: centimetres, +X image right, +Y up, +Z towards the camera, which is at the origin; what it sees has z < 0.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.types import Floats

Reals = NDArray[np.floating[Any]]

LENS_MM, PICTURE_HEIGHT_MM = 50.0, 24.0


@dataclass(frozen=True)
class Camera:
    """A pinhole in front of the picture's centre."""

    width: int
    """Pixels."""
    height: int
    """Pixels."""
    distance_cm: float
    """From the lens to the origin of canonical space, when the head has not moved."""

    @property
    def focal_px(self) -> float:
        """Focal length in pixels."""
        return LENS_MM / PICTURE_HEIGHT_MM * min(self.height, self.width)

    def project(self, points_camera: Floats) -> Floats:
        """Return pixels [..., 2], x right and y down, the first pixel's centre at (0.5, 0.5)."""
        scale = self.focal_px / -points_camera[..., 2]
        x = self.width / 2 + scale * points_camera[..., 0]
        y = self.height / 2 - scale * points_camera[..., 1]
        return np.stack([x, y], axis=-1).astype(np.float32)

    def landmarks(self, points_camera: Floats) -> Floats:
        """Return points [..., V, 3] as a perfect tracker would give them: [x px, -y px, z px], y up, +z to the camera.

        Depth is relative to the mean point and scaled like the picture is there (weak perspective).
        """
        middle = points_camera[..., 2].mean(axis=-1, keepdims=True)
        depth = (points_camera[..., 2] - middle) * self.focal_px / -middle
        picture = self.project(points_camera)
        return np.stack([picture[..., 0], -picture[..., 1], depth], axis=-1).astype(np.float32)


def rotation(yaw_rad: Reals, pitch_rad: Reals, roll_rad: Reals) -> Floats:
    """Return rotations [T, 3, 3] = Ry(yaw) Rx(pitch) Rz(roll) of angles [T].

    Positive yaw turns the face to image right, positive pitch bows it, positive roll tilts the crown to image left.
    """
    turns: list[NDArray[np.float64]] = []
    for angle, (p, q) in ((yaw_rad, (2, 0)), (pitch_rad, (1, 2)), (roll_rad, (0, 1))):
        matrix = np.tile(np.eye(3), (len(angle), 1, 1))
        cosine, sine = np.cos(angle), np.sin(angle)
        matrix[:, p, p], matrix[:, p, q] = cosine, -sine
        matrix[:, q, p], matrix[:, q, q] = sine, cosine
        turns.append(matrix)
    return (turns[0] @ turns[1] @ turns[2]).astype(np.float32)
