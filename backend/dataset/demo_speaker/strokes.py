# SPDX-License-Identifier: GPL-3.0-or-later
"""Shapes drawn into the canonical UV layout: lips, lines along landmarks, brows hair by hair."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.face import CanonicalFace
from ...core.types import Floats

SHIFT = 4
"""Fractional bits of the drawing coordinates."""
BROW_HAIRS = 420


def texel_px(face: CanonicalFace, vertices: ArrayLike, size: int) -> NDArray[np.float64]:
    """Return where vertices lie in an atlas, [..., 2] texels, x right and y down, centres at half numbers."""
    uv = face.uv[np.asarray(vertices)].astype(np.float64)
    return np.stack([uv[..., 0], 1 - uv[..., 1]], axis=-1) * size


def lip_mask(face: CanonicalFace, size: int) -> Floats:
    """Return [S, S] 1 on the lips, with a soft edge."""
    upper, lower = face.landmarks["lip_outer_upper"], face.landmarks["lip_outer_lower"]
    loop = texel_px(face, np.concatenate([upper, lower[-2:0:-1]]), size)
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [_fixed(loop)], (255,), cv2.LINE_AA, SHIFT)
    return _soft(mask, size / 256 * 0.9)


def line_mask(face: CanonicalFace, vertices: NDArray[np.integer[Any]], size: int, width: float, blur: float) -> Floats:
    """Return [S, S] a soft line along vertices; width and blur in texels of a 256 atlas."""
    mask = np.zeros((size, size), np.uint8)
    thick = max(1, round(width * size / 256))
    cv2.polylines(mask, [_fixed(texel_px(face, vertices, size))], False, (255,), thick, cv2.LINE_AA, SHIFT)
    return _soft(mask, blur * size / 256)


def brow_mask(face: CanonicalFace, side: str, size: int, random: np.random.Generator) -> Floats:
    """Return [S, S] an eyebrow of single hairs, that rise at the nose and lie down towards the temple."""
    upper, lower = texel_px(face, face.landmarks[f"brow_{side}"].reshape(2, 5), size)
    along = random.uniform(0.0, 1.0, BROW_HAIRS)
    along = along ** np.where(random.random(BROW_HAIRS) < 0.3, 1.15, 1.0)
    thick = np.interp(along, [0, 0.3, 0.8, 0.93, 1], [0.35, 0.8, 0.95, 0.6, 0.15])
    across = 0.5 + thick * (random.beta(2, 2, BROW_HAIRS) - 0.5)
    # landmarks run from the temple to the nose
    top, bottom = _on_curve(upper, 4 * along), _on_curve(lower, 4 * along)
    root = bottom + (0.12 + 0.72 * across[:, None]) * (top - bottom)
    tangent = _on_curve(upper, np.maximum(4 * along - 0.5, 0)) - _on_curve(upper, 4 * along)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-6)
    rise = (top - bottom) / np.maximum(np.linalg.norm(top - bottom, axis=1, keepdims=True), 1e-6)
    lean = np.clip(0.15 + 0.9 * along**3 - 0.8 * (across - 0.5) * (along < 0.75), -0.5, 1)[:, None]
    length = (
        size / 256 * random.uniform(3.0, 5.5, (BROW_HAIRS, 1)) * np.interp(along, [0, 0.25, 1], [0.6, 1, 0.6])[:, None]
    )
    tip = root + length * ((1 - np.abs(lean)) * tangent + lean * rise)
    mask = np.zeros((size, size), np.uint8)
    segments = [_fixed(np.stack(ends)) for ends in zip(root, tip, strict=True)]
    cv2.polylines(mask, segments, False, (235,), max(1, round(size / 512)), cv2.LINE_AA, SHIFT)
    base = _soft(mask, 2.2 * size / 256)
    return np.maximum(_soft(mask, 0.25 * size / 256), 0.55 * base).astype(np.float32)


def _on_curve(points: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    knots = np.arange(len(points))
    return np.stack([np.interp(at, knots, points[:, axis]) for axis in (0, 1)], axis=1)


def _fixed(points: NDArray[np.float64]) -> NDArray[np.int32]:
    # OpenCV puts a texel's centre at a whole number
    return np.round((points - 0.5) * (1 << SHIFT)).astype(np.int32)


def _soft(mask: NDArray[np.uint8], blur: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), max(blur, 0.3)), np.float32)
