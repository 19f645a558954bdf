# SPDX-License-Identifier: GPL-3.0-or-later
"""Which part of a face a dub may touch: how far each vertex moves, and where the predicted texture shows.

Lahiri et al. 2021 warp the target's face so that its silhouette fits the new jaw; the rule is not known to us. Ours:
lips and chin go all the way, the nose, the eyes and the outline from the ear lobes up stay, and all between follows as
a membrane stretched over these would. The outline moves up and down alone: sideways it is where the tracker sees the
edge of the face, which is no matter of speech.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..core.face import canonical_face
from ..core.lips import lip_vertices
from ..core.types import Floats
from ..normalise.layout import AtlasLayout, atlas_layout
from ..normalise.mouth_window import mouth_window

JAW_BELOW_CM, EAR_LOBE_CM = -7.0, -3.0
"""Heights in the canonical face: the outline moves fully below the one and stays above the other."""
ALL_OR_NONE = 0.1
"""Shares this near to 0 or 1 are taken for that, so that what hardly moves stays exactly."""


@dataclass(frozen=True)
class DubRegion:
    """The part of a face that a dub may touch."""

    share: Floats
    """[468, 3] 0-1: how far each vertex goes to its predicted place along each axis of canonical space."""
    layout: AtlasLayout
    """Of the atlas, with the triangles alone that show predicted texture."""
    cover: Floats
    """[S, S] 0-1: how much of the predicted texture each texel shows."""


@lru_cache(maxsize=4)
def dub_region(size: int) -> DubRegion:
    """Return the region for atlases of `size` texels a side."""
    layout = atlas_layout(size)
    window = mouth_window(size)
    cover = np.zeros((size, size), np.float32)
    cover[window.rows, window.columns] = window.blend
    shows = np.zeros(len(layout.triangles), bool)
    shows[layout.triangle[cover.ravel()[layout.texels] > 0]] = True
    return DubRegion(moving_share(), replace(layout, triangles=layout.triangles[shows]), cover)


@lru_cache(maxsize=1)
def moving_share() -> Floats:
    """Return how far each vertex goes to its predicted place, 0-1, along each axis of canonical space [468, 3]."""
    face = canonical_face()
    height, outline = face.neutral_cm[:, 1], face.landmarks["face_oval"]
    known = np.full(len(height), np.nan)
    held = [face.landmarks[name] for name in face.landmarks if name.startswith(("eye_", "brow_", "nose"))]
    known[np.concatenate([*held, outline[height[outline] > EAR_LOBE_CM]])] = 0.0
    known[np.concatenate([lip_vertices(), face.landmarks["chin"]])] = 1.0
    sideways, upright = known.copy(), known.copy()
    sideways[outline] = 0.0
    upright[outline[height[outline] < JAW_BELOW_CM]] = 1.0
    across, up = (_rounded(_membrane(face.triangles, one)) for one in (sideways, upright))
    return np.stack([across, up, across], axis=-1)


def _rounded(share: NDArray[np.float64]) -> Floats:
    """Return shares that leave 0 and reach 1 softly."""
    inner = np.clip((share - ALL_OR_NONE) / (1 - 2 * ALL_OR_NONE), 0.0, 1.0)
    return (inner * inner * (3 - 2 * inner)).astype(np.float32)


def _membrane(triangles: NDArray[np.int32], known: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fill the NaN of a vertex field [V] so that each is the mean of its neighbours; never beyond what is known."""
    beside = np.zeros((len(known), len(known)))
    for side in range(3):
        first, second = triangles[:, side], triangles[:, (side + 1) % 3]
        beside[first, second] = beside[second, first] = 1.0
    laplacian = beside / beside.sum(axis=1, keepdims=True) - np.eye(len(known))
    free = np.isnan(known)
    filled = np.where(free, 0.0, known)
    filled[free] = np.linalg.solve(laplacian[np.ix_(free, free)], -laplacian[np.ix_(free, ~free)] @ known[~free])
    return filled
