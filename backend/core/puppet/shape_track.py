# SPDX-License-Identifier: GPL-3.0-or-later
"""Dense motion as a few shapes and their weights: principal components of one clip, as many as an error bound asks for.

The components are those of the displacements themselves, not of their deviation from a mean, so that all weights at
zero is the speaker's neutral face. Game engines and importers keep morph weights within 0 and 1, so a component that
goes both ways becomes two shapes, one for each way, of which one rests at any time: what lies between two keys stays
the same to the last bit, and fading the weights out still ends at the neutral face.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import OutputError
from ..types import Floats

MM = 10.0
DEFAULT_LIMIT_MM = 0.2
SMALLEST_LIMIT_MM, LARGEST_LIMIT_MM = 0.005, 10.0
FRAMES_AT_ONCE = 4096
PLUS, MINUS = "plus", "minus"
"""Endings of the names of one-sided shapes; the stronger way is plus."""


@dataclass(frozen=True)
class ShapeTrack:
    """A clip's motion as shapes."""

    shapes_cm: Floats
    """[K, V, 3] displacement at weight 1, the one that moves most first; K may be 0."""
    weights: Floats
    """[T, K], each within -1 and 1 and reaching 1; within 0 and 1 once `one_sided`."""
    max_mm: float
    """Largest distance of any vertex in any frame from where it should be."""
    mean_mm: float
    names: tuple[str, ...]
    """[K] of letters, digits and underscores, which every file format keeps."""

    def displacement_cm(self, frames: slice = slice(None)) -> Floats:
        """Return the motion [t, V, 3] that the shapes make."""
        _, vertices, axes = self.shapes_cm.shape
        flat = self.weights[frames] @ self.shapes_cm.reshape(-1, vertices * axes)
        return flat.reshape(len(flat), vertices, axes)


def one_sided(track: ShapeTrack) -> ShapeTrack:
    """Return the same motion by shapes whose weights lie within 0 and 1: a component that goes both ways as two."""
    shapes: list[Floats] = []
    weights: list[Floats] = []
    names: list[str] = []
    for shape, weight, name in zip(track.shapes_cm, track.weights.T, track.names, strict=True):
        for sign, ending in ((1, PLUS), (-1, MINUS)):
            side = np.maximum(sign * weight, 0.0)
            peak = side.max(initial=0.0)
            if peak > 0.0:
                shapes.append(shape * (sign * peak))
                weights.append(side / peak)
                names.append(f"{name}_{ending}")
    return ShapeTrack(
        np.array(shapes, np.float32).reshape(-1, *track.shapes_cm.shape[1:]),
        np.array(weights, np.float32).reshape(-1, len(track.weights)).T,
        track.max_mm,
        track.mean_mm,
        tuple(names),
    )


def compress(displacement_cm: Floats, limit_mm: float = DEFAULT_LIMIT_MM) -> ShapeTrack:
    """Return the fewest principal components that keep every vertex within a bound in every frame.

    Args:
        displacement_cm: [T, V, 3] finite.
        limit_mm: largest distance allowed.

    Raises:
        OutputError: a bound outside `SMALLEST_LIMIT_MM` to `LARGEST_LIMIT_MM`.
    """
    if not SMALLEST_LIMIT_MM <= limit_mm <= LARGEST_LIMIT_MM:
        raise OutputError(
            f"largest error {limit_mm:g} mm: choose {SMALLEST_LIMIT_MM:g} to {LARGEST_LIMIT_MM:g}, e.g. 0.2"
        )
    frames, *shape = displacement_cm.shape
    residual = displacement_cm.reshape(frames, -1).astype(np.float32)
    shapes: list[Floats] = []
    weights: list[Floats] = []
    for axis in _axes(residual):
        if _worst_mm(residual) <= limit_mm:
            break
        weight = residual @ axis
        for start in range(0, frames, FRAMES_AT_ONCE):
            part = slice(start, start + FRAMES_AT_ONCE)
            residual[part] -= weight[part, None] * axis
        peak = weight[np.abs(weight).argmax()]
        if peak == 0.0:
            break
        shapes.append(axis * peak)
        weights.append(weight / peak)
    track = ShapeTrack(
        np.array(shapes, np.float32).reshape(-1, *shape),
        np.array(weights, np.float32).reshape(-1, frames).T,
        _worst_mm(residual),
        _mean_mm(residual),
        tuple(f"motion_{index + 1:02d}" for index in range(len(shapes))),
    )
    return track


def _axes(flat: Floats) -> Floats:
    """Return the principal axes [N, 3V] of rows [T, 3V], the strongest first; from the smaller Gram matrix."""
    if flat.shape[0] >= flat.shape[1]:
        gram = sum(
            (part.T @ part for part in _pieces(flat)), start=np.zeros((flat.shape[1], flat.shape[1]), np.float64)
        )
        _, vectors = np.linalg.eigh(gram)
        return vectors.T[::-1].astype(np.float32)
    values, vectors = np.linalg.eigh(flat.astype(np.float64) @ flat.T.astype(np.float64))
    kept = values > values.max(initial=0.0) * 1e-12
    axes = (vectors[:, kept].T[::-1] @ flat) / np.sqrt(values[kept][::-1])[:, None]
    return axes.astype(np.float32)


def _pieces(flat: Floats) -> list[NDArray[np.float64]]:
    return [flat[start : start + FRAMES_AT_ONCE].astype(np.float64) for start in range(0, len(flat), FRAMES_AT_ONCE)]


def _distances_mm(residual: Floats) -> Floats:
    return np.sqrt(np.square(residual).reshape(len(residual), -1, 3).sum(axis=-1)) * np.float32(MM)


def _worst_mm(residual: Floats) -> float:
    starts = range(0, len(residual), FRAMES_AT_ONCE)
    return max((float(_distances_mm(residual[at : at + FRAMES_AT_ONCE]).max()) for at in starts), default=0.0)


def _mean_mm(residual: Floats) -> float:
    starts = range(0, len(residual), FRAMES_AT_ONCE)
    total = sum(float(_distances_mm(residual[at : at + FRAMES_AT_ONCE]).sum(dtype=np.float64)) for at in starts)
    return total / max(1, residual.size // 3)
