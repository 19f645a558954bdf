# SPDX-License-Identifier: GPL-3.0-or-later
"""Which vertex of the 468 lies where: lip rings, eye loops, brows, chin; the mirror; the triangles.

Indices are those of the MediaPipe face mesh (Google, Apache-2.0). Column order of every ring runs from the
subject's right corner (-X) to the left one (+X).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import LipSyncError

VERTEX_COUNT = 468

UPPER_RINGS = np.array(
    [
        [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308],
        [62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292],
        [76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306],
        [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291],
    ]
)
"""[4, 11] upper lip, from the inner edge to the outer; first and last columns are the corners."""

LOWER_RINGS = np.array(
    [
        [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308],
        [62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292],
        [76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306],
        [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291],
    ]
)
"""[4, 11] lower lip, from the inner edge to the outer."""

EYE_UPPER_RIGHT = np.array([33, 246, 161, 160, 159, 158, 157, 173, 133])
EYE_LOWER_RIGHT = np.array([33, 7, 163, 144, 145, 153, 154, 155, 133])
EYE_UPPER_LEFT = np.array([263, 466, 388, 387, 386, 385, 384, 398, 362])
EYE_LOWER_LEFT = np.array([263, 249, 390, 373, 374, 380, 381, 382, 362])
"""Lid edges, from the outer corner to the inner one."""

BROW_RIGHT = np.array([70, 63, 105, 66, 107, 46, 53, 52, 65, 55])
BROW_LEFT = np.array([300, 293, 334, 296, 336, 276, 283, 282, 295, 285])
"""Upper then lower edge, each from the outer end to the inner one."""

FACE_OVAL = np.array(
    [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
     152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]
)  # fmt: skip

NOSE = np.array([168, 6, 197, 195, 5, 4, 1, 19, 94, 2, 98, 97, 326, 327, 48, 278, 64, 294])

IBUG_68 = np.array(
    [162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389,
     71, 63, 105, 66, 107, 336, 296, 334, 293, 301, 168, 197, 5, 4, 75, 97, 2, 326, 305,
     33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
     61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87]
)  # fmt: skip
"""[68] the vertex nearest to each landmark of the iBUG order (jaw, brows, nose, eyes, lips)."""


def landmark_groups() -> dict[str, NDArray[np.int32]]:
    """Return the named vertex groups that are written beside the face."""
    groups = {
        "lip_inner_upper": UPPER_RINGS[0],
        "lip_inner_lower": LOWER_RINGS[0],
        "lip_outer_upper": UPPER_RINGS[3],
        "lip_outer_lower": LOWER_RINGS[3],
        "mouth_corners": np.array([61, 291]),
        "eye_upper_right": EYE_UPPER_RIGHT,
        "eye_lower_right": EYE_LOWER_RIGHT,
        "eye_upper_left": EYE_UPPER_LEFT,
        "eye_lower_left": EYE_LOWER_LEFT,
        "brow_right": BROW_RIGHT,
        "brow_left": BROW_LEFT,
        "face_oval": FACE_OVAL,
        "nose": NOSE,
        "chin": np.array([152, 175, 199, 200]),
        "ibug_68": IBUG_68,
    }
    return {name: np.asarray(indices, np.int32) for name, indices in groups.items()}


@dataclass(frozen=True)
class RawFace:
    """The published canonical face as its file has it."""

    vertices_cm: NDArray[np.float64]
    """[468, 3]."""
    uv: NDArray[np.float64]
    """[468, 2] in 0-1, one per vertex."""
    triangles: NDArray[np.int64]
    """[898, 3], with mouth and eyes filled in."""


def read_canonical(path: Path) -> RawFace:
    """Read the published canonical face (Wavefront OBJ, centimetres).

    Raises:
        LipSyncError: the file is not that mesh.
    """
    rows: dict[str, list[list[str]]] = {"v": [], "vt": [], "f": []}
    for line in path.read_text(encoding="utf-8").splitlines():
        kind, *fields = line.split() or [""]
        if kind in rows:
            rows[kind].append(fields)
    vertices = np.array(rows["v"], np.float64)
    corners = np.array([[corner.split("/")[:2] for corner in face] for face in rows["f"]], np.int64) - 1
    if vertices.shape != (VERTEX_COUNT, 3) or corners.shape[1:] != (3, 2):
        raise LipSyncError(f"{path}: expected 468 vertices and triangles with UVs; give canonical_face_model.obj")
    uv = np.zeros((VERTEX_COUNT, 2))
    uv[corners[..., 0]] = np.array(rows["vt"], np.float64)[corners[..., 1]][..., :2]
    return RawFace(vertices, uv, corners[..., 0])


def open_triangles(triangles: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the [852, 3] triangles that leave the mouth and both eyes open."""
    loops = (
        np.union1d(UPPER_RINGS[0], LOWER_RINGS[0]),
        np.union1d(EYE_UPPER_RIGHT, EYE_LOWER_RIGHT),
        np.union1d(EYE_UPPER_LEFT, EYE_LOWER_LEFT),
    )
    filled = np.any([np.isin(triangles, loop).all(axis=1) for loop in loops], axis=0)
    return triangles[~filled]


def mirror_map(vertices_cm: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return [468]: for each vertex, the one at its mirror image across the x = 0 plane."""
    reflected = vertices_cm * (-1.0, 1.0, 1.0)
    return np.linalg.norm(vertices_cm[None] - reflected[:, None], axis=-1).argmin(axis=1)
