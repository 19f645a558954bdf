# SPDX-License-Identifier: GPL-3.0-or-later
"""How the lower jaw's bone, and all that is fixed to it (teeth, tongue root), moves at each jaw blendshape."""

import numpy as np
from numpy.typing import NDArray

HINGE_CM = np.array([0.0, -2.4, -4.4])
"""Axis of jaw opening: behind and below the ear; a jaw slides forward as it opens, so it is not the joint itself."""
OPEN_RAD = float(np.deg2rad(22.0))
"""Rotation of the bone at jawOpen 1."""
FORWARD_CM = (0.0, 0.0, 0.92)
LEFT_CM = (0.9, -0.12, 0.25)
"""A jaw that goes sideways also drops a little: one joint slides down its slope."""


def opened(points_cm: NDArray[np.float64], angle_rad: float = OPEN_RAD) -> NDArray[np.float64]:
    """Return the displacement [N, 3] of points [N, 3] that turn with the opening jaw."""
    arm = points_cm - HINGE_CM
    sine, versine = np.sin(angle_rad), 1 - np.cos(angle_rad)
    up = -versine * arm[:, 1] - sine * arm[:, 2]
    forward = sine * arm[:, 1] - versine * arm[:, 2]
    return np.stack([np.zeros(len(arm)), up, forward], axis=1)


def bone_shapes(points_cm: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return the displacements [N, 3] of points fixed to the bone, for each blendshape that moves it."""
    ones = np.ones((len(points_cm), 1))
    return {
        "jawForward": ones * FORWARD_CM,
        "jawLeft": ones * LEFT_CM,
        "jawRight": ones * LEFT_CM * (-1, 1, 1),
        "jawOpen": opened(points_cm),
    }
