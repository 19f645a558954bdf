# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the atlas that speech changes: a window around the mouth, and how a picture in it blends into the rest.

The paper predicts the lower half of the atlas. Of what is in sight and changes there in speech, 84 % lies in the mouth
region; most of the rest is the nose and the rim, which turn in and out of sight with the head and not with the sound.
So the window is the mouth region with room for a soft edge, a tenth of the atlas's texels.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from ..core.types import Floats
from .layout import atlas_layout
from .masks import region

MARGIN = 0.03
"""Width of the soft edge around the mouth region, as a share of the atlas."""
MULTIPLE = 16
"""Rows and columns come in multiples of this, so that networks can halve them four times."""


@dataclass(frozen=True)
class MouthWindow:
    """A rectangle of the atlas [S, S]."""

    row: int
    """Of its first texel, from the top."""
    column: int
    height: int
    width: int
    blend: Floats
    """[height, width] 1 in the mouth region, falling to 0 at the window's border."""
    mouth: Floats
    """[height, width] 1 in the mouth region, 0 elsewhere."""

    @property
    def rows(self) -> slice:
        """Where it lies among the atlas's rows."""
        return slice(self.row, self.row + self.height)

    @property
    def columns(self) -> slice:
        """Where it lies among the atlas's columns."""
        return slice(self.column, self.column + self.width)


@lru_cache(maxsize=4)
def mouth_window(size: int) -> MouthWindow:
    """Return the window of atlases of `size` texels a side, at least 64."""
    if size < 4 * MULTIPLE:
        raise ValueError(f"atlas size {size}: a mouth needs at least {4 * MULTIPLE} texels a side")
    mouth = region(atlas_layout(size), "mouth")
    margin = max(2, round(MARGIN * size))
    places = [np.flatnonzero(mouth.any(axis=axis)) for axis in (1, 0)]
    row, height = _span(int(places[0][0]) - margin, int(places[0][-1]) + 1 + margin, size)
    column, width = _span(int(places[1][0]) - margin, int(places[1][-1]) + 1 + margin, size)
    inside = mouth[row : row + height, column : column + width]
    off = cv2.distanceTransform((inside == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # distances are roots of whole numbers; what lies between those depends on where the picture lies in memory
    exact = np.sqrt(np.round(off.astype(np.float64) ** 2))
    share = np.clip(1 - exact / margin, 0, 1).astype(np.float32)
    blend = share * share * (3 - 2 * share)
    for array in (blend, inside):
        array.setflags(write=False)
    return MouthWindow(row, column, height, width, blend, inside)


def _span(first: int, end: int, size: int) -> tuple[int, int]:
    """Return (start, length) of a stretch that holds first to end, its length a multiple of `MULTIPLE`."""
    length = min(size // MULTIPLE, -(-(end - first) // MULTIPLE)) * MULTIPLE
    start = (first + end - length) // 2
    return max(0, min(start, size - length)), length
