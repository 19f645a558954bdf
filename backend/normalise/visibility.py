# SPDX-License-Identifier: GPL-3.0-or-later
"""How well the camera sees each texel: which way it faces, and whether something stands before it."""

import numpy as np
from numpy.typing import NDArray

from ..core.raster import rasterise
from ..core.types import Floats
from .layout import AtlasLayout
from .sampling import sample_places

GRAZING_COSINES = (np.cos(np.radians(79.0)), np.cos(np.radians(60.0)))
"""Visibility rises from 0 to 1 between these angles of the surface to the camera."""
DEPTH_CELLS = 64
"""The depth buffer has this many cells along the longer side of the face."""
DEPTH_SLACK_CELLS = 1.0
"""How far (in cells) behind the buffer a texel may lie without being hidden; more where the surface is steep."""
OPEN_PX = (0.5, 2.0)
"""Inner-mouth and eye texels count as seen once their triangles are this high in the image, from 0 to 1."""


def facing(mesh_camera: Floats, triangles: NDArray[np.int32]) -> Floats:
    """Return the cosine [V] of each vertex's normal to the direction of the camera (far away, along +z)."""
    corners = mesh_camera[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.stack(
        [
            np.bincount(triangles.ravel(), np.repeat(normals[:, axis], 3), minlength=len(mesh_camera))
            for axis in range(3)
        ],
        axis=-1,
    )
    length = np.linalg.norm(total, axis=-1)
    return (total[:, 2] / np.maximum(length, 1e-9)).astype(np.float32)


def texel_visibility(
    layout: AtlasLayout, mesh_camera: Floats, place: tuple[Floats, Floats, Floats], cosine: Floats
) -> Floats:
    """Return 0-1 [N] of the layout's texels at image `place` (column, row, nearness), facing by `cosine`."""
    low, high = GRAZING_COSINES
    seen = np.clip((cosine - low) * (1 / (high - low)), 0.0, 1.0).astype(np.float32)
    seen *= _not_hidden(layout, mesh_camera, place, cosine)
    seen *= _opened(layout, mesh_camera)[layout.triangle]
    return seen


def _not_hidden(
    layout: AtlasLayout, mesh_camera: Floats, place: tuple[Floats, Floats, Floats], cosine: Floats
) -> Floats:
    """Return 1 [N] where nothing of the face stands before the texel, falling to 0 over two cells of depth."""
    x, y, z = place
    points = np.stack([mesh_camera[:, 0] - 0.5, -mesh_camera[:, 1] - 0.5], axis=-1)
    corner = points.min(axis=0)
    cell = float((points.max(axis=0) - corner).max()) / (DEPTH_CELLS - 1)
    if cell <= 0:
        return np.zeros_like(x)
    grid = (points - corner) / cell
    shape = tuple(int(side) for side in np.ceil(grid.max(axis=0))[::-1] + 1)
    coverage = rasterise(grid, layout.triangles, (shape[0], shape[1]), mesh_camera[:, 2])
    depth = np.einsum("hwk,hwk->hw", coverage.barycentric, mesh_camera[:, 2][layout.triangles[coverage.triangle]])
    nearest = np.where(coverage.triangle >= 0, depth, mesh_camera[:, 2].min()).astype(np.float32)
    front = sample_places(nearest[..., None], (x - corner[0]) / cell, (y - corner[1]) / cell)[:, 0]
    steep = np.sqrt(np.clip(1 / np.clip(cosine, 0.12, 1.0) ** 2 - 1, 0.0, None))
    behind = (front - z) / cell - (DEPTH_SLACK_CELLS + steep)
    return np.clip(1 - behind / 2, 0.0, 1.0).astype(np.float32)


def _opened(layout: AtlasLayout, mesh_camera: Floats) -> Floats:
    """Return 1 [F] for triangles of skin, and for those of mouth and eyes how far they are open in the image."""
    opened = np.ones(len(layout.triangles), np.float32)
    corners = mesh_camera[layout.triangles[layout.mouth_start :], :2]
    sides = corners - np.roll(corners, 1, axis=1)
    longest = np.linalg.norm(sides, axis=-1).max(axis=1)
    area = sides[:, 1, 0] * sides[:, 2, 1] - sides[:, 1, 1] * sides[:, 2, 0]
    height = area / np.maximum(longest, 1e-9)
    opened[layout.mouth_start :] = np.clip((height - OPEN_PX[0]) / (OPEN_PX[1] - OPEN_PX[0]), 0.0, 1.0)
    return opened
