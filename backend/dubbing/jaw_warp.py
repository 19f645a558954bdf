# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture bent so that the face in it takes another shape: inside the face by its mesh, outside fading to nothing.

For each pixel of the new picture the field says where in the old one its colour lies. It is made on a coarse grid, as
it is smooth, and beyond the face it is that of the nearest point of the outline, times a falloff.
"""

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ..core.raster import rasterise
from ..core.types import Floats

Kind = TypeVar("Kind", bound=np.generic)

REACH = 0.22
"""How far beyond the outline the picture still moves, as a share of the face's height."""
CELLS = 56
"""Cells of the coarse grid along the face's height."""
LEAST_PX = 0.05
"""Smaller movements than this are none."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of a picture."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.bottom - self.top, self.right - self.left

    def of(self, picture: NDArray[Kind]) -> NDArray[Kind]:
        """Return the piece of a picture, not copied."""
        return picture[self.top : self.bottom, self.left : self.right]


def box_around(points: Floats, reach: float, shape: tuple[int, ...]) -> Box:
    """Return the box of points [N, 2] (column, row) and `reach` pixels around, inside a picture; may be empty."""
    low, high = np.floor(points.min(axis=0) - reach), np.ceil(points.max(axis=0) + reach) + 1
    left, top = np.clip(low, 0, (shape[1], shape[0])).astype(int).tolist()
    right, bottom = np.clip(high, 0, (shape[1], shape[0])).astype(int).tolist()
    return Box(left, top, max(left, right), max(top, bottom))


def bend_field(old: Floats, new: Floats, triangles: NDArray[np.int32], box: Box, height_px: float) -> Floats:
    """Return the field [h, w, 2] of a box: what to add to a new place (column, row) to find its old one.

    Args:
        old: [V, 2] places of the vertices in the picture as it is.
        new: [V, 2] where they shall be.
        triangles: [F, 3].
        box: of the picture.
        height_px: of the face.
    """
    cell = max(1.0, height_px / CELLS)
    rows, columns = (int(np.ceil(side / cell)) + 1 for side in box.shape)
    places = (new - (box.left, box.top)) / cell
    covered = rasterise(places.astype(np.float32), triangles, (rows, columns))
    inside = covered.triangle >= 0
    if not inside.any():
        return np.zeros((*box.shape, 2), np.float32)
    moved = (old - new)[triangles[covered.triangle]]
    field = np.einsum("hwk,hwkc->hwc", covered.barycentric, moved).astype(np.float32)
    field, distance = _carried_out(field, inside)
    field = cv2.GaussianBlur(field, (0, 0), 1.0, borderType=cv2.BORDER_REPLICATE)
    field *= _falloff(distance * cell / (REACH * height_px))[..., None]  # last: a blur would carry it beyond its reach
    whole = np.indices(box.shape, np.float32) / np.float32(cell)
    return np.asarray(cv2.remap(field, whole[1], whole[0], cv2.INTER_LINEAR), np.float32)


def _carried_out(field: Floats, inside: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return (a field [h, w, 2] with the values of the nearest cell inside, how far [h, w] that cell is)."""
    outside = (~inside).astype(np.uint8)
    distance, labels = cv2.distanceTransformWithLabels(
        outside, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    label = np.asarray(labels, np.int64)
    nearest = np.zeros(int(label.max()) + 1, np.int64)
    nearest[label[inside]] = np.flatnonzero(inside)
    return field.reshape(-1, 2)[nearest[label]], np.asarray(distance, np.float32)


def _falloff(share: Floats) -> Floats:
    """Return 1 at 0, 0 from 1 on, and smoothly between."""
    left = np.clip(1 - share, 0, 1)
    return left * left * (3 - 2 * left)


def bent(picture: NDArray[np.uint8], field: Floats, box: Box) -> tuple[Floats, NDArray[np.bool_]]:
    """Return a box's piece of a picture [h, w, 3] bent by its field, and where it [h, w] is not as it was."""
    moved = np.abs(field).max(axis=-1) > LEAST_PX
    places = np.indices(box.shape, np.float32)
    x, y = places[1] + field[..., 0] + box.left, places[0] + field[..., 1] + box.top
    taken = cv2.remap(picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.where(moved[..., None], taken, box.of(picture)).astype(np.float32), moved
