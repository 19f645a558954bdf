# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours of a picture at a list of places, and beyond its edge."""

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
    return np.asarray(taken, np.float32).reshape(len(places[0]) * FOLD, -1)[:count]


def extended(picture: Floats, known: NDArray[np.bool_], texels: int = 2) -> Floats:
    """Return a picture [H, W, C] with the colours where it is `known` [H, W] carried `texels` outwards.

    What samples it near the edge of a face then takes no colour from beyond.
    """
    reach = (2 * texels + 1, 2 * texels + 1)
    weight = known.astype(np.float32)
    spread = cv2.boxFilter(picture * weight[..., None], -1, reach, normalize=False, borderType=cv2.BORDER_CONSTANT)
    count = cv2.boxFilter(weight, -1, reach, normalize=False, borderType=cv2.BORDER_CONSTANT)
    return np.where(known[..., None], picture, spread / np.maximum(count, 1.0)[..., None]).astype(np.float32)
