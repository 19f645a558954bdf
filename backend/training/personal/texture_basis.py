# SPDX-License-Identifier: GPL-3.0-or-later
"""Principal components of a speaker's mouth pictures: the space that the texture is learnt in.

Pictures are weighed by how well each texel is seen, on the average, and by whether it lies in the mouth region. In
these weights the components are at right angles, so that an error of coefficients is an error of pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.types import Floats

MOST_PICTURES = 1000
UNSEEN, AROUND = 0.1, 0.1
"""Weight of texels that are out of sight, and of those outside the mouth region, on top of their own."""
TINY = 1e-12


@dataclass(frozen=True)
class PictureBasis:
    """Pictures less a reference = mean + coefficients @ components, sRGB 0-1."""

    reference: NDArray[np.uint8]
    """[3, h, w]"""
    mean: Floats
    """[3 h w]"""
    components: Floats
    """[K, 3 h w], scaled so that coefficients have a mean square of 1; zeros where there are fewer pictures."""
    weights: Floats
    """[3 h w] roots of the texels' weights."""

    @property
    def strengths(self) -> Floats:
        """[K] root of the weighted mean square of the picture that a coefficient of 1 makes."""
        return np.sqrt(((self.components * self.weights) ** 2).sum(axis=1) / (self.weights**2).sum())

    def coefficients(self, pictures: NDArray[np.uint8]) -> Floats:
        """Return the coefficients [T, K] of pictures [T, 3, h, w]."""
        off = (pictures.astype(np.float32) - self.reference).reshape(len(pictures), -1) / np.float32(255) - self.mean
        weighed = self.components * self.weights**2
        norms = (weighed * self.components).sum(axis=1)
        return off @ weighed.T / np.maximum(norms, np.float32(TINY))


def fit_pictures(
    pictures: Sequence[NDArray[np.uint8]],
    seen: Sequence[NDArray[np.uint8]],
    reference: NDArray[np.uint8],
    mouth: Floats,
    count: int,
) -> PictureBasis:
    """Return the principal components of pictures.

    Args:
        pictures: [T, 3, h, w] of each clip.
        seen: [T, h, w] visibility of each, 0-255.
        reference: [3, h, w] picture that differences are from.
        mouth: [h, w] 1 in the mouth region.
        count: of components.
    """
    every = max(1, sum(len(one) for one in pictures) // MOST_PICTURES)
    some = np.concatenate([one[::every] for one in pictures])
    visible = np.concatenate([one[::every] for one in seen]).mean(axis=0) / 255
    weights = np.sqrt((visible + UNSEEN) * (mouth + AROUND)).astype(np.float32)
    weights = np.broadcast_to(weights, reference.shape).reshape(-1)
    flat = (some.astype(np.float32) - reference).reshape(len(some), -1) / np.float32(255) * weights
    mean = flat.mean(axis=0)
    flat -= mean
    strengths, vectors = np.linalg.eigh((flat @ flat.T).astype(np.float64))
    kept = np.argsort(strengths)[::-1][: min(count, len(flat) - 1)]
    components = np.zeros((count, flat.shape[1]), np.float32)
    components[: len(kept)] = (vectors[:, kept] / np.sqrt(len(flat))).astype(np.float32).T @ flat
    return PictureBasis(reference, mean / weights, components / weights, weights)
