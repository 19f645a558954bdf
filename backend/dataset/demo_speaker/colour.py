# SPDX-License-Identifier: GPL-3.0-or-later
"""Linear light and sRGB (IEC 61966-2-1)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.types import Floats


def srgb(linear: NDArray[np.floating[Any]]) -> Floats:
    """Return sRGB in 0-1 of linear light, clipped to 0-1."""
    light = np.clip(linear, 0.0, 1.0).astype(np.float32)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.power(light, np.float32(1 / 2.4)) - 0.055).astype(
        np.float32
    )


def linear(encoded: NDArray[np.floating[Any]]) -> Floats:
    """Return linear light of sRGB in 0-1."""
    code = np.asarray(encoded, np.float32)
    return np.where(code <= 0.04045, code / 12.92, np.power((code + 0.055) / 1.055, np.float32(2.4))).astype(np.float32)
