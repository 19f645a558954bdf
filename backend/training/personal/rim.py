# SPDX-License-Identifier: GPL-3.0-or-later
"""The rim of a speaker's atlas, which the camera hardly ever sees: what lies there in the pictures is the background.

At the outline a surface turns away from the camera, and a tracked outline is a pixel or two off. Texels there that are
out of sight in most frames are grown over from the skin that is in sight, as a stretched membrane would (the Laplace
equation, solved over the texels), so that a head seen from the side has skin and no wall behind it.
"""

from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_matrix, diags
from scipy.sparse.linalg import splu

from ...core.types import Floats
from ...normalise.layout import atlas_layout

OFTEN = 0.5
"""Part of the frames in which a texel must be in sight to keep what was seen."""
STEP_BACK = 0.02
"""Width, as a share of the atlas, by which the grown rim reaches into what is in sight: trackers err by so much."""
NEIGHBOURS = ((0, 1), (1, 0), (0, -1), (-1, 0))


def grown_over(atlas: NDArray[np.uint8], seen_share: Floats) -> NDArray[np.uint8]:
    """Return an atlas [S, S, 3] whose rim, where seldom in sight, continues what lies further in.

    Args:
        atlas: sRGB.
        seen_share: [S, S] the part of the frames in which each texel is in sight, 0-1.
    """
    rim = hidden_rim(seen_share)
    if not rim.any():
        return atlas
    grown = atlas.copy()
    grown[rim] = np.clip(np.round(_membrane(atlas, rim)), 0, 255).astype(np.uint8)
    return grown


def hidden_rim(seen_share: Floats) -> NDArray[np.bool_]:
    """Return which texels [S, S] of the face are seldom seen and hang together with its outline.

    Nostrils, which are hidden too, stay: what is seen in their place is of the face. So does a face that nobody saw.
    """
    face = _face(len(seen_share))
    often = face & (seen_share >= OFTEN)
    if not often.any():
        return np.zeros_like(face)
    labels, _ = cast("tuple[NDArray[np.int32], int]", ndimage.label(~often))
    rim = face & (labels == labels[0, 0])
    steps = max(1, round(STEP_BACK * len(face)))
    grown = np.asarray(ndimage.binary_dilation(rim, iterations=steps), np.bool_) & face
    return grown if (often & ~grown).any() else rim


def _face(size: int) -> NDArray[np.bool_]:
    layout = atlas_layout(size)
    return layout.picture(np.ones(len(layout.texels), np.float32)) > 0


def _membrane(atlas: NDArray[np.uint8], rim: NDArray[np.bool_]) -> Floats:
    """Return the colours [N, 3] of the rim's texels: each the mean of its neighbours in the face."""
    face = np.pad(_face(len(atlas)), 1)
    count = int(rim.sum())
    number = np.full(face.shape, -1)
    number[1:-1, 1:-1][rim] = np.arange(count)
    colours = np.pad(atlas.astype(np.float64), ((1, 1), (1, 1), (0, 0)))
    rows, columns = np.nonzero(number >= 0)
    near, given, degree = [], np.zeros((count, 3)), np.zeros(count)
    for down, right in NEIGHBOURS:
        y, x = rows + down, columns + right
        inside, other = face[y, x], number[y, x]
        degree += inside
        near.append(np.stack([np.flatnonzero(other >= 0), other[other >= 0]]))
        edge = inside & (other < 0)
        given[edge] += colours[y[edge], x[edge]]
    pairs = np.concatenate(near, axis=1)
    # the little pull keeps texels that hang together with nothing known from making the system singular
    links = coo_matrix((np.ones(pairs.shape[1]), (pairs[0], pairs[1])), shape=(count, count))
    system = diags(degree + 1e-9) - links
    return np.asarray(splu(system.tocsc()).solve(given), np.float32)
