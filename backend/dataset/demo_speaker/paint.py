# SPDX-License-Identifier: GPL-3.0-or-later
"""The skin's colour: tone over the whole head, and the painted albedo of the face in the canonical UV layout.

Everything is a function of the place on the neutral canonical face, so that face, skull and neck agree at their seams.
Colours are linear RGB until the atlas is read out.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...core.face import CanonicalFace, canonical_face
from ...core.types import Floats
from .colour import srgb
from .identity import Identity
from .noise import mottle
from .raster import rasterise
from .strokes import brow_mask, line_mask, lip_mask

TRUTH_SIZE = 256
"""Edge of the albedo atlas that a clip reports, texels."""
FINE = 3
"""The renderer's own atlas is this much finer."""


@dataclass(frozen=True)
class Paint:
    """The albedo of a face in the canonical UV layout: row 0 is v = 1, column 0 is u = 0."""

    albedo: Floats
    """[S, S, 3] linear RGB, continued beyond the face's edge."""
    gloss: Floats
    """[S, S] strength of specular light, about 1."""
    covered: NDArray[np.bool_]
    """[S, S] texels that lie on the face."""

    def truth(self) -> Floats:
        """Return the albedo [256, 256, 3] in sRGB 0-1, averaged over each texel; 0 off the face."""
        size = (TRUTH_SIZE, TRUTH_SIZE)
        small = cv2.resize(self.albedo, size, interpolation=cv2.INTER_AREA)
        share = cv2.resize(self.covered.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        return np.where(share[..., None] > 0.5, srgb(np.asarray(small, np.float32)), 0.0).astype(np.float32)


def face_paint(who: Identity) -> Paint:
    """Return the painted face of a speaker."""
    face = canonical_face()
    size = FINE * TRUTH_SIZE
    place, covered = texel_places(face, size)
    flat = place.reshape(-1, 3)
    random = np.random.default_rng((who.seed, 12))
    colour = skin_tone(who, flat) * (1 + _marks(who, random, flat))[:, None]
    colour = colour.reshape(size, size, 3)
    lips = lip_mask(face, size)[..., None]
    lip_colour = (
        np.array(who.skin) * (0.86, 0.55, 0.58) * (1 + 0.06 * mottle(random, flat, 0.35).reshape(size, size))[..., None]
    )
    colour = colour + 0.85 * lips * (lip_colour * (1.0 - 0.1 * (who.blush - 1)) - colour)
    for mask, ink, strength in _lines(who, face, size, random):
        colour = colour + strength * mask[..., None] * (np.array(ink) - colour)
    gloss = (0.5 + 0.5 * _bump(flat, (0, -0.5, 7), 1.6) + 0.35 * _bump(flat, (0, 6, 5), 2.5)).reshape(size, size)
    gloss = gloss * (1 + 0.25 * random.normal(size=(size, size))) + 0.7 * lips[..., 0]
    return Paint(_continued(colour.astype(np.float32), covered), np.clip(gloss, 0, 3).astype(np.float32), covered)


def skin_tone(who: Identity, points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return the skin's colour [N, 3] at canonical neutral points [N, 3]: blotches, blush, shadows of hair roots."""
    random = np.random.default_rng((who.seed, 13))
    tone = (
        np.array(who.skin)[None]
        * (1 + 0.035 * mottle(random, points, 2.2) + 0.02 * mottle(random, points, 0.5))[:, None]
    )
    left, right = random.uniform(0.85, 1.15, 2)
    red = 0.9 * left * _bump(points, (4.4, -1.0, 4), 1.9) + 0.9 * right * _bump(points, (-4.4, -1.0, 4), 1.9)
    red += 0.9 * _bump(points, (0, -1.2, 7.4), 1.0) + 0.4 * _bump(points, (0, -7.6, 5.5), 1.2)
    red += 0.9 * (np.abs(points[:, 0]) > 8.0)
    red += 0.25 * mottle(random, points, 1.3) * _bump(points, (0, -2, 5), 6)
    tone *= 1 + who.blush * red[:, None] * (0.0, -0.14, -0.11)
    for side in (-1.0, 1.0):
        socket = _bump(points, (side * 3.1, 1.5, 4), 1.05) + 0.7 * _bump(points, (side * 1.9, 2.2, 4), 0.8)
        tone *= 1 - np.clip(socket, 0, 1)[:, None] * (0.13, 0.17, 0.13)
    beard = _beard(points) * who.stubble
    return tone * (1 - beard[:, None] * (0.34, 0.3, 0.24))


def texel_places(face: CanonicalFace, size: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Return where on the neutral face each texel lies [S, S, 3] (nearest place off the face), and which lie on it."""
    points = np.column_stack([face.uv[:, 0], 1 - face.uv[:, 1]]).astype(np.float32) * size
    hits = rasterise(points, np.ones(len(points), np.float32), face.triangles, (size, size))
    place = np.zeros((size * size, 3), np.float32)
    place[hits.pixel] = np.einsum("nc,ncd->nd", hits.barycentric, face.neutral_cm[face.triangles[hits.face]])
    covered = np.zeros(size * size, bool)
    covered[hits.pixel] = True
    covered = covered.reshape(size, size)
    return _continued(place.reshape(size, size, 3), covered), covered


def _continued(values: Floats, covered: NDArray[np.bool_]) -> Floats:
    """Return values [S, S, C] with each texel off the face like the nearest one on it."""
    _, label = cv2.distanceTransformWithLabels(
        (~covered).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    source = np.zeros(label.max() + 1, np.int64)
    source[label[covered]] = np.flatnonzero(covered)
    return values.reshape(-1, values.shape[-1])[source[np.asarray(label, np.int64)]]


def _bump(points: NDArray[np.floating[Any]], centre: tuple[float, float, float], width: float) -> NDArray[np.float64]:
    return np.exp(-0.5 * (((points - np.array(centre)) / (width, width, 2 * width)) ** 2).sum(axis=-1))


def _beard(points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return where a beard grows [N], 0-1: jaw, chin and upper lip."""
    x, y = np.abs(points[:, 0]), points[:, 1]
    jaw = 1 / (1 + np.exp((y + 4.2 - 0.45 * np.maximum(x - 2.6, 0)) * 3.0)) / (1 + np.exp(-(y + 12.5)))
    lip = np.exp(-((y + 2.95) ** 2) / 0.16) / (1 + np.exp((x - 2.2) * 4))
    return np.clip(np.maximum(jaw, 0.9 * lip), 0, 1)


def _marks(who: Identity, random: np.random.Generator, points: Floats) -> NDArray[np.float64]:
    """Return the relative darkening [N] of freckles, moles, stubble's single hairs and pores."""
    marks = 0.018 * random.normal(size=len(points))
    spots = [
        (random.normal((0, -0.5), (3.4, 1.4)), random.uniform(0.04, 0.1), 0.22) for _ in range(int(140 * who.freckles))
    ]
    spots += [(random.uniform((-6, -8), (6, 7)), random.uniform(0.08, 0.14), 0.55) for _ in range(5)]
    for place, width, depth in spots:
        marks -= depth * random.uniform(0.4, 1) * np.exp(-0.5 * ((points[:, :2] - place) ** 2).sum(axis=1) / width**2)
    hairs = (random.random(len(points)) < 0.22) * _beard(points)
    return np.maximum(marks - 0.3 * who.stubble * hairs, -0.8)


def _lines(
    who: Identity, face: CanonicalFace, size: int, random: np.random.Generator
) -> list[tuple[Floats, tuple[float, ...], float]]:
    """Return (mask [S, S], colour, strength) of brows, lash lines, the lips' seam, nostrils and creases."""
    dark = tuple(0.25 * value for value in who.skin)
    hair = tuple(0.8 * value for value in who.hair)
    red = (who.skin[0] * 0.55, who.skin[1] * 0.28, who.skin[2] * 0.28)
    lines: list[tuple[Floats, tuple[float, ...], float]] = []
    for side in ("left", "right"):
        lines.append((brow_mask(face, side, size, random), hair, 0.85))
        lines.append(
            (line_mask(face, face.landmarks[f"eye_upper_{side}"], size, 1.6, 0.8), (0.012, 0.009, 0.008), 0.85)
        )
        lines.append((line_mask(face, face.landmarks[f"eye_lower_{side}"], size, 0.8, 1.0), red, 0.7))
    for nostril in ((20, 60), (250, 290)):
        lines.append((line_mask(face, np.array(nostril), size, 3.4, 1.6), dark, 0.85))
    for edge in ("lip_inner_upper", "lip_inner_lower"):
        lines.append((line_mask(face, face.landmarks[edge], size, 0.8, 1.6), red, 0.75))
    return lines
