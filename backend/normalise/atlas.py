# SPDX-License-Identifier: GPL-3.0-or-later
"""Image to texture atlas through the tracked mesh, and back.

LipSync3D projects image colours through the mesh into fixed UVs (Lahiri et al. 2021; `layout` has ours). Each texel
knows its triangle beforehand, so a frame costs an interpolation of the landmarks, one `cv2.remap` and the visibility.
The light is taken out elsewhere (`lighting`).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..core.errors import LipSyncError
from ..core.raster import rasterise
from ..core.types import Floats
from .layout import AtlasLayout
from .sampling import extended, sample_places
from .visibility import facing, texel_visibility

SOFT = 0.5
"""Standard deviation, in texels, of what each texel averages: it sees its own area, so that nothing aliases and the
sensor's noise falls, and it sees so much of it whatever the size of the face."""
SHRINK_FROM = 2.0
"""Image pixels to a texel above which the image is first shrunk to one (by area), which is quicker than a wide blur."""
BOX_VARIANCE = 1 / 12
"""Of that shrinking, in texels squared."""
MARGIN_PX = 6
"""Enough for the blur: three deviations of one texel of `SHRINK_FROM`, and more."""


@dataclass(frozen=True, slots=True)
class Atlas:
    """One frame's face texture."""

    rgb: Floats
    """[S, S, 3] sRGB 0-1; zero outside the face."""
    visibility: Floats
    """[S, S] 0-1: how well the camera sees each texel; zero outside the face."""


def unwrap(layout: AtlasLayout, rgb: NDArray[np.uint8], landmarks_camera: Floats) -> Atlas:
    """Return the atlas of one frame.

    Args:
        layout: of `atlas_layout(size)`.
        rgb: [H, W, 3] the frame, in the very pixels the landmarks count.
        landmarks_camera: [468 or more, 3] x right, y up (so minus the row), z towards the camera, all in pixels; the
            first pixel's centre lies at (0.5, -0.5).

    Raises:
        LipSyncError: landmarks that are not all finite (a frame with no face has no atlas).
    """
    if not np.isfinite(landmarks_camera).all():
        raise LipSyncError("no landmarks in this frame: leave frames without a face out of the atlas")
    mesh = landmarks_camera[: len(layout.uv)]
    cosine = facing(mesh, layout.triangles)
    x, y, z, cosine_texel = layout.interpolate(np.column_stack([*image_places(mesh).T, mesh[:, 2], cosine]))
    seen = texel_visibility(layout, mesh, (x, y, z), cosine_texel)
    seen *= (x > -0.5) & (y > -0.5) & (x < rgb.shape[1] - 0.5) & (y < rgb.shape[0] - 0.5)
    colours = _sample(rgb, x, y, _pixels_per_texel(layout, mesh))
    return Atlas(layout.picture(colours), layout.picture(seen))


def render(layout: AtlasLayout, atlas: Floats, landmarks_camera: Floats, image: Floats) -> Floats:
    """Return `image` [H, W, 3] with the atlas [S, S, 3] drawn over it, where the mesh at `landmarks_camera` lies."""
    mesh = landmarks_camera[: len(layout.uv)]
    coverage = rasterise(image_places(mesh), layout.triangles, (image.shape[0], image.shape[1]), mesh[:, 2])
    rows, columns = np.nonzero(coverage.triangle >= 0)
    corners = layout.triangles[coverage.triangle[rows, columns]]
    place = np.einsum("nk,nkc->nc", coverage.barycentric[rows, columns], layout.uv_px()[corners])
    known = layout.picture(np.ones(len(layout.texels), np.float32)) > 0
    drawn = image.astype(np.float32).copy()
    drawn[rows, columns] = sample_places(extended(atlas, known), place[:, 0], place[:, 1])
    return drawn


def image_places(points_camera: Floats) -> Floats:
    """Return camera points [N, 3] as array places [N, 2], column and row; trackers count pixels from their corner."""
    return np.stack([points_camera[:, 0] - 0.5, -points_camera[:, 1] - 0.5], axis=-1)


def _pixels_per_texel(layout: AtlasLayout, mesh: Floats) -> float:
    """Return the image pixels along one texel, as the root of the ratio of the mesh's areas."""
    skin = layout.triangles[: layout.mouth_start]
    image_area = _areas(mesh[:, :2], skin)
    return float(np.sqrt(np.abs(image_area).sum() / np.abs(_areas(layout.uv_px(), skin)).sum()))


def _areas(points: Floats, triangles: NDArray[np.int32]) -> Floats:
    first, second = points[triangles[:, 1]] - points[triangles[:, 0]], points[triangles[:, 2]] - points[triangles[:, 0]]
    return (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / 2


def _sample(rgb: NDArray[np.uint8], x: Floats, y: Floats, density: float) -> Floats:
    """Return colours [N, 3] 0-1 of the frame at image places, each the mean of a texel's area."""
    height, width = rgb.shape[:2]
    left, right = np.clip([x.min() - MARGIN_PX, x.max() + MARGIN_PX + 1], 0, width).astype(int)
    top, bottom = np.clip([y.min() - MARGIN_PX, y.max() + MARGIN_PX + 1], 0, height).astype(int)
    if right - left < 1 or bottom - top < 1:
        return np.zeros((len(x), 3), np.float32)
    piece = np.ascontiguousarray(rgb[top:bottom, left:right])
    x, y = x - left, y - top
    if density > SHRINK_FROM:
        small = (max(1, round((right - left) / density)), max(1, round((bottom - top) / density)))
        x = (x + 0.5) * (small[0] / (right - left)) - 0.5
        y = (y + 0.5) * (small[1] / (bottom - top)) - 0.5
        piece = cv2.resize(piece, small, interpolation=cv2.INTER_AREA)
    blur_px = np.sqrt(SOFT**2 - BOX_VARIANCE) if density > SHRINK_FROM else SOFT * density
    piece = cv2.GaussianBlur(piece, (0, 0), float(blur_px), borderType=cv2.BORDER_REPLICATE)
    return sample_places(piece, x, y) * np.float32(1 / 255)
