# SPDX-License-Identifier: GPL-3.0-or-later
"""A collar and shoulders, so that the neck comes out of something."""

import numpy as np
from numpy.typing import NDArray

from ...core.head.parts import grid_faces

RINGS = (
    (-18.5, 5.6, 5.4, -5.2),
    (-15.4, 6.1, 5.8, -5.2),
    (-14.9, 6.3, 6.0, -5.2),
    (-15.1, 6.8, 6.5, -5.2),
    (-16.0, 7.0, 6.6, -5.4),
    (-17.0, 8.2, 7.2, -5.6),
    (-18.2, 12.0, 8.3, -5.8),
    (-19.6, 16.5, 9.3, -6.0),
    (-22.0, 20.0, 10.0, -6.2),
    (-27.0, 21.5, 10.5, -6.2),
    (-40.0, 21.5, 11.5, -6.2),
)
"""Height, half width, half depth and middle in z of each ring, cm, from inside the collar over its edge and down."""
AROUND = 72
BETWEEN = 4


def clothes() -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return vertices [N, 3] (canonical space) and triangles [F, 3] of collar and shoulders."""
    at = np.linspace(0, len(RINGS) - 1, BETWEEN * (len(RINGS) - 1) + 1)
    height, width, depth, middle = (
        np.interp(at, np.arange(len(RINGS)), column)[:, None] for column in np.array(RINGS).T
    )
    angle = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)[None]
    sine, cosine = np.sin(angle), np.cos(angle)
    # squarer than an ellipse, with shallow folds that fade towards the collar
    fold = 1 + 0.012 * np.sin(7 * angle + 0.5 * height) * np.clip((-height - 17) / 4, 0, 1)
    x = width * np.sign(sine) * np.abs(sine) ** 0.85 * fold
    z = middle + depth * np.sign(cosine) * np.abs(cosine) ** 0.9 * fold
    dip = 1.2 * np.clip(cosine, 0, 1) * np.clip((height + 22) / 7, 0, 1)
    y = np.broadcast_to(height, x.shape) - dip
    vertices = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    return vertices, grid_faces(len(at), AROUND, wrap=True)[:, ::-1].astype(np.int32)
