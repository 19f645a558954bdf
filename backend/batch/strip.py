# SPDX-License-Identifier: GPL-3.0-or-later
"""A strip of small pictures of a line: the predicted face at its widest, at rest and in between, for the report."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.face import canonical_face, lip_gap_cm
from ..core.fillers import closed_triangles
from ..core.png import png_bytes
from ..core.raster import rasterise
from ..core.types import Floats
from ..inference.predict import Clip

PICTURES, SIZE_PX = 6, 72
HALF_CM = 9.5
"""Half of what a picture shows, about the middle of the face."""
PAPER, SKIN = (246, 246, 244), np.array([206.0, 178.0, 160.0])
MOUTH, EYE = np.array([90.0, 40.0, 44.0]), np.array([235.0, 235.0, 235.0])
MOUTH_TRIANGLES = 18
"""Of the closed face, behind those of the skin; the eyes' come last."""
LIGHT = np.array([0.25, 0.35, 0.9]) / np.linalg.norm([0.25, 0.35, 0.9])
AHEAD = 0.35
"""Light that falls everywhere."""


def write_strip(clip: Clip, path: Path) -> None:
    """Write the pictures side by side as a PNG: equal parts of the clip, each at its widest opening."""
    times = clip.times_s()
    frames = [part[_widest(clip, part)] for part in np.array_split(times, min(PICTURES, len(times)))]
    neutral = canonical_face().neutral_cm if clip.look is None else clip.look.neutral_cm
    moved = clip.performance.displacement_cm(np.array(frames))
    path.write_bytes(png_bytes(np.concatenate([_picture(neutral + one) for one in moved], axis=1), level=9))


def _widest(clip: Clip, times_s: NDArray[np.float64]) -> int:
    return int(np.argmax(lip_gap_cm(canonical_face().neutral_cm + clip.performance.displacement_cm(times_s))))


def _picture(vertices_cm: Floats) -> NDArray[np.uint8]:
    """Return [S, S, 3] of a mesh [468, 3] from ahead, shaded; the mouth's inside is dark."""
    triangles = closed_triangles()
    order, skin = np.arange(len(triangles)), len(canonical_face().triangles)
    middle = canonical_face().neutral_cm[:, :2].mean(axis=0)
    points = (vertices_cm[:, :2] - middle) * (np.array([1, -1]) * SIZE_PX / (2 * HALF_CM)) + SIZE_PX / 2
    cover = rasterise(points.astype(np.float32), triangles, (SIZE_PX, SIZE_PX), vertices_cm[:, 2])
    corners = vertices_cm[triangles].astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    shade = AHEAD + (1 - AHEAD) * np.clip(normals @ LIGHT, 0, 1)
    hole = np.where((order < skin + MOUTH_TRIANGLES)[:, None], MOUTH, EYE)
    colours = np.where((order < skin)[:, None], SKIN * shade[:, None], hole)
    picture = np.full((SIZE_PX, SIZE_PX, 3), PAPER, np.uint8)
    covered = cover.triangle >= 0
    picture[covered] = np.clip(colours[cover.triangle[covered]], 0, 255).astype(np.uint8)
    return picture
