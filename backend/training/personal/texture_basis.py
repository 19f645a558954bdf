# SPDX-License-Identifier: GPL-3.0-or-later
"""Principal components of a speaker's mouth pictures: what the texture network's basis starts as."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...core.types import Floats

MOST_PICTURES = 1000
UNSEEN, AROUND = 0.1, 0.1
"""Weight of texels that are out of sight, and of those outside the mouth region, on top of their own."""


def fit_pictures(
    pictures: Sequence[NDArray[np.uint8]],
    seen: Sequence[NDArray[np.uint8]],
    reference: NDArray[np.uint8],
    mouth: Floats,
    count: int,
) -> tuple[Floats, Floats]:
    """Return mean [3 h w] and components [count, 3 h w] of pictures less a reference, sRGB 0-1.

    A component is scaled so that its coefficients over the pictures have a mean square of 1; there are zeros where
    there are fewer pictures than components.

    Args:
        pictures: [T, 3, h, w] of each clip.
        seen: [T, h, w] visibility of each, 0-255.
        reference: [3, h, w].
        mouth: [h, w] 1 in the mouth region.
        count: of components.
    """
    every = max(1, sum(len(one) for one in pictures) // MOST_PICTURES)
    some = np.concatenate([one[::every] for one in pictures])
    visible = np.concatenate([one[::every] for one in seen]).mean(axis=0) / 255
    weights = np.sqrt((visible + UNSEEN) * (mouth + AROUND)).astype(np.float32)
    off = (some.astype(np.float32) - reference) / np.float32(255) * weights
    flat = off.reshape(len(off), -1)
    mean = flat.mean(axis=0)
    flat -= mean
    strengths, vectors = np.linalg.eigh((flat @ flat.T).astype(np.float64))
    kept = np.argsort(strengths)[::-1][: min(count, len(flat) - 1)]
    turned = (vectors[:, kept] / np.sqrt(len(flat))).astype(np.float32)
    components = np.zeros((count, flat.shape[1]), np.float32)
    components[: len(kept)] = turned.T @ flat
    back = np.broadcast_to(weights, reference.shape).reshape(-1)
    return mean / back, components / back
