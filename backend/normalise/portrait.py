# SPDX-License-Identifier: GPL-3.0-or-later
"""A textured face as a picture, from ahead."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.types import Floats
from .atlas import render
from .layout import atlas_layout

BACKGROUND = 0.16
MARGIN = 0.06
"""Space around the face, as a share of the picture."""

Pictures = NDArray[np.uint8]


@dataclass(frozen=True)
class Stage:
    """Where a face stands in its pictures; the same for truth and prediction, so that they can be compared."""

    size: int
    scale: float
    """Pixels a centimetre."""
    middle_cm: Floats
    """[2] x and y at the picture's middle."""

    def portrait(self, mesh_cm: Floats, atlas: Pictures) -> Pictures:
        """Return a picture [size, size, 3] of a mesh [468, 3] under an atlas [S, S, 3], from ahead."""
        placed = np.array(mesh_cm, np.float32) * np.float32(self.scale)
        placed[:, 0] += self.size / 2 - self.middle_cm[0] * self.scale
        placed[:, 1] -= self.size / 2 + self.middle_cm[1] * self.scale
        empty = np.full((self.size, self.size, 3), BACKGROUND, np.float32)
        drawn = render(atlas_layout(len(atlas)), atlas.astype(np.float32) / 255, placed, empty)
        return (np.clip(drawn, 0, 1) * 255 + 0.5).astype(np.uint8)


def stage_for(neutral_cm: Floats, size: int) -> Stage:
    """Return the stage on which a face [468, 3] with an open mouth fills a picture of `size` pixels."""
    low, high = neutral_cm[:, :2].min(axis=0), neutral_cm[:, :2].max(axis=0)
    low = low - (0.0, 0.12 * (high[1] - low[1]))  # the chin goes down
    extent = float((high - low).max())
    return Stage(size, size * (1 - 2 * MARGIN) / extent, ((low + high) / 2).astype(np.float32))
