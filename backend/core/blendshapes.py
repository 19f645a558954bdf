# SPDX-License-Identifier: GPL-3.0-or-later
"""The 52 ARKit blendshape names, in Apple's order, their left/right structure, and the limits of their weights."""

import numpy as np

from .types import Floats

ARKIT_NAMES: tuple[str, ...] = (
    "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft", "eyeSquintLeft",
    "eyeWideLeft", "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight", "eyeLookOutRight", "eyeLookUpRight",
    "eyeSquintRight", "eyeWideRight", "jawForward", "jawLeft", "jawRight", "jawOpen", "mouthClose", "mouthFunnel",
    "mouthPucker", "mouthLeft", "mouthRight", "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft",
    "mouthFrownRight", "mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthPressLeft", "mouthPressRight",
    "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "browDownLeft",
    "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff", "cheekSquintLeft",
    "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip

ARKIT_INDEX: dict[str, int] = {name: index for index, name in enumerate(ARKIT_NAMES)}

DIRECTIONS: frozenset[str] = frozenset({"mouthLeft", "mouthRight", "jawLeft", "jawRight"})
"""Names whose Left/Right is a direction of motion, not a side of the face."""


def mirrored(name: str) -> str:
    """Return the name of the mirror image of a blendshape (itself where it is symmetric)."""
    for here, there in (("Left", "Right"), ("Right", "Left")):
        if name.endswith(here):
            return name.removesuffix(here) + there
    return name


def within_limits(weights: Floats) -> Floats:
    """Return weights [..., 52] cut to 0-1, with mouthClose at or below jawOpen, which it undoes."""
    cut = np.clip(weights, 0.0, 1.0)
    close, jaw = ARKIT_INDEX["mouthClose"], ARKIT_INDEX["jawOpen"]
    cut[..., close] = np.minimum(cut[..., close], cut[..., jaw])
    return cut
