# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a frame: no face, two faces, a cut, blur. Every frame gets one status; only `OK` is learnt from.

Must not import mediapipe.
"""

from dataclasses import dataclass
from enum import IntEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from ..core.types import Floats

SHARPNESS_SIDE_PX = 96
"""Faces are compared for sharpness at this size, so that walking to the camera does not look like focus."""
HISTOGRAM_BINS = 8
LEFT_EYE, RIGHT_EYE = 263, 33
"""Outer eye corners: their distance is the size of a face."""


class Status(IntEnum):
    """What became of a frame."""

    OK = 0
    NO_FACE = 1
    TWO_FACES = 2
    CUT = 3
    BLURRED = 4


@dataclass(frozen=True, slots=True)
class QualitySettings:
    """When a frame is left out."""

    sharpness: float = 0.2
    """Share of the clip's median sharpness (Laplacian variance in the face) below which a frame is blurred."""
    jump: float = 0.35
    """Mean landmark movement between frames, in eye distances, above which the picture was cut."""
    jump_a_second: float = 3.0
    """Added to `jump` for every second between the frames: slow cameras see faster heads."""
    colour_change: float = 0.45
    """Hellinger distance of the colour histograms of consecutive frames above which the picture was cut."""
    second_face: float = 0.3
    """Size relative to the first, from which a second face counts; smaller ones are people in pictures."""


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured on each frame of a clip."""

    times_s: NDArray[np.float64]
    """[T]."""
    landmarks: Floats
    """[T, V, 3]; NaN where there is no face."""
    faces: NDArray[np.uint8]
    """[T] faces that count."""
    sharpness: Floats
    """[T] Laplacian variance of the face; NaN where there is none."""
    histograms: Floats
    """[T, B] colour histogram of the picture, summing to 1."""


def judge(measures: Measures, settings: QualitySettings) -> NDArray[np.uint8]:
    """Return the `Status` [T] of each frame; the first reason that applies wins."""
    status = np.full(len(measures.times_s), Status.OK, np.uint8)
    with_face = np.isfinite(measures.sharpness)
    if with_face.any():
        usual = np.median(measures.sharpness[with_face])
        status[with_face & (measures.sharpness < settings.sharpness * usual)] = Status.BLURRED
    status[cuts(measures, settings)] = Status.CUT
    status[measures.faces > 1] = Status.TWO_FACES
    status[measures.faces == 0] = Status.NO_FACE
    return status


def cuts(measures: Measures, settings: QualitySettings) -> NDArray[np.bool_]:
    """Return [T] whether the camera changed between the frame before and this one."""
    cut = np.zeros(len(measures.times_s), bool)
    if len(cut) < 2:
        return cut
    eyes = measures.landmarks[:, LEFT_EYE, :2] - measures.landmarks[:, RIGHT_EYE, :2]
    size = np.linalg.norm(np.nan_to_num(eyes), axis=-1)
    moved = np.linalg.norm(np.diff(measures.landmarks[..., :2], axis=0), axis=-1).mean(axis=-1)
    limit = settings.jump + settings.jump_a_second * np.diff(measures.times_s)
    jumped = np.nan_to_num(moved) > limit * np.maximum(size[1:], 1.0)
    overlap = np.sqrt(measures.histograms[1:] * measures.histograms[:-1]).sum(axis=-1)
    changed = np.sqrt(np.maximum(0.0, 1.0 - overlap)) > settings.colour_change
    cut[1:] = jumped | changed
    return cut


def sharpness(rgb: NDArray[np.uint8], points_px: Floats) -> float:
    """Return the variance of the Laplacian of a face, scaled to one size and to its own contrast.

    Args:
        rgb: [H, W, 3] picture.
        points_px: [V, 2] landmarks in pixels, y down.
    """
    low = np.maximum(points_px.min(axis=0), 0).astype(int)
    high = np.minimum(points_px.max(axis=0), np.array(rgb.shape[1::-1]) - 1).astype(int)
    if (high - low < 8).any():
        return 0.0
    face = cv2.cvtColor(rgb[low[1] : high[1], low[0] : high[0]], cv2.COLOR_RGB2GRAY)
    if max(face.shape) > SHARPNESS_SIDE_PX:
        face = cv2.resize(face, (SHARPNESS_SIDE_PX, SHARPNESS_SIDE_PX), interpolation=cv2.INTER_AREA)
    grey = face.astype(np.float32)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var() / (grey.var() + 1.0))


def histogram(rgb: NDArray[np.uint8]) -> Floats:
    """Return the colour histogram [6 · bins] of the upper and lower half of a picture, summing to 1."""
    small = cv2.resize(rgb, (64, 64), interpolation=cv2.INTER_AREA)
    counts = [
        cv2.calcHist([small[rows]], [channel], None, [HISTOGRAM_BINS], [0, 256]).ravel()
        for rows in (slice(0, 32), slice(32, 64))
        for channel in range(3)
    ]
    flat = np.concatenate(counts).astype(np.float32)
    return flat / flat.sum()
