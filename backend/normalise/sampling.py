# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours of a picture at a list of places."""

import cv2
import numpy as np
from numpy.typing import NDArray

from ..core.types import Floats

FOLD = 1024
"""OpenCV maps pictures of under 32,768 pixels a side only, so the list is folded into rows of this many."""


def sample_places(picture: NDArray[np.generic], x: Floats, y: Floats) -> Floats:
    """Return bilinear samples [N, C] of a picture [H, W, C] at places [N] (pixel centres at whole numbers).

    Places outside take the colour of the edge.
    """
    count = len(x)
    folded = np.zeros((2, -(-count // FOLD) * FOLD), np.float32)
    folded[0, :count], folded[1, :count] = x, y
    places = folded.reshape(2, -1, FOLD)
    values = np.asarray(picture, np.float32)
    taken = cv2.remap(values, places[0], places[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return taken.reshape(len(places[0]) * FOLD, -1)[:count]
