# SPDX-License-Identifier: GPL-3.0-or-later
"""The triangles that close mouth and eyes, so that a texture has somewhere to show teeth, tongue and eyeballs."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .face import CanonicalFace, canonical_face

HOLES = (
    ("lip_inner_upper", "lip_inner_lower"),
    ("eye_upper_right", "eye_lower_right"),
    ("eye_upper_left", "eye_lower_left"),
)
"""Landmark groups on either side of each hole, corner to corner; the mouth comes first."""


@lru_cache(maxsize=1)
def closed_triangles() -> NDArray[np.int32]:
    """Return the triangles [898, 3] of the face without holes: the face's, then the mouth's 18, then the eyes' 28."""
    face = canonical_face()
    triangles = np.concatenate([face.triangles, *(hole_triangles(face, *groups) for groups in HOLES)]).astype(np.int32)
    triangles.setflags(write=False)
    return triangles


def hole_triangles(face: CanonicalFace, upper_name: str, lower_name: str) -> NDArray[np.int32]:
    """Return the triangles [F, 3] that close a hole, as a strip between its upper and lower edge, facing out."""
    upper, lower = face.landmarks[upper_name], face.landmarks[lower_name]
    strip: list[tuple[int, int, int]] = []
    for index in range(len(upper) - 1):
        above, above_next, below, below_next = upper[index], upper[index + 1], lower[index], lower[index + 1]
        if above != below:
            strip.append((above, below, below_next))
        if above_next != below_next:
            strip.append((above, below_next, above_next))
    faces = np.array(strip, np.int32)
    corners = face.uv[faces]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    outward = (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]).sum() > 0
    return faces if outward else faces[:, ::-1]
