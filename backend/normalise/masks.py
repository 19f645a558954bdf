# SPDX-License-Identifier: GPL-3.0-or-later
"""Which texels are skin whose colour stays the same: where light can be read.

Left out are the whole mouth (lips and all between them, with a border for what a wide opening stretches), eyes, brows,
nostrils, and the rim of the face, where hair, ears and background come in. Leaving the mouth out matters most: without
that, the teeth count as light and normalising does more harm than good (measured in `benchmarks/lighting.py`).
"""

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..core.face import canonical_face
from ..core.types import Floats
from .layout import AtlasLayout, atlas_layout

BORDER = {"mouth": 0.03, "eyes": 0.02, "brows": 0.015, "nostrils": 0.01, "rim": 0.03}
"""How far each region reaches beyond its outline, as a share of the atlas."""
NOSTRILS = ((98, 97, 2, 326, 327),)
"""The base of the nose, where the nostrils open."""
REGIONS = tuple(BORDER)


def region(layout: AtlasLayout, name: str) -> Floats:
    """Return 1 [S, S] inside one of `REGIONS`, 0 outside."""
    landmarks = canonical_face().landmarks
    rings: dict[str, list[NDArray[Any]]] = {
        "mouth": [_ring(landmarks["lip_outer_upper"], landmarks["lip_outer_lower"])],
        "eyes": [_ring(landmarks[f"eye_upper_{side}"], landmarks[f"eye_lower_{side}"]) for side in ("right", "left")],
        "brows": [landmarks["brow_right"], landmarks["brow_left"]],
        "nostrils": [np.array(ring) for ring in NOSTRILS],
        "rim": [landmarks["face_oval"]],
    }
    places = layout.uv_px()
    filled = np.zeros((layout.size, layout.size), np.uint8)
    for ring in rings[name]:
        outline = places[ring]
        if name in ("brows", "nostrils"):
            outline = cv2.convexHull(outline)[:, 0]
        cv2.fillPoly(filled, [np.round(outline).astype(np.int32)], (1,))
    if name == "rim":
        filled = 1 - filled
    reach = 2 * round(BORDER[name] * layout.size) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    # A border of zeros, so that the rim does not grow in from the edge of the picture more than elsewhere.
    return cv2.dilate(filled, kernel, borderType=cv2.BORDER_REPLICATE).astype(np.float32)


@lru_cache(maxsize=8)
def skin_mask(size: int, without: tuple[str, ...] = REGIONS) -> Floats:
    """Return 1 [S, S] on stable skin, 0 elsewhere; `without` names the regions left out. Read-only, shared."""
    layout = atlas_layout(size)
    mask = layout.picture(np.ones(len(layout.texels), np.float32))
    for name in without:
        mask *= 1 - region(layout, name)
    mask.setflags(write=False)
    return mask


def _ring(upper: NDArray[Any], lower: NDArray[Any]) -> NDArray[Any]:
    """Return a closed outline from an upper and a lower edge that share their ends."""
    return np.concatenate([upper, lower[::-1]])
