# SPDX-License-Identifier: GPL-3.0-or-later
"""A mood held over a clip: blendshapes laid over the motion of speech.

None of them moves the inner lips on the mesh, so every closure and every opening stays what speech made it.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..core.blendshapes import ARKIT_INDEX, ARKIT_NAMES
from ..core.errors import TimingError
from ..core.face import vertices_from_weights
from ..core.types import Floats

Doubles = NDArray[np.float64]
NEUTRAL = "neutral"
EXPRESSIONS: dict[str, dict[str, float]] = {
    NEUTRAL: {},
    "happy": {"mouthSmileLeft": 0.4, "mouthSmileRight": 0.4, "cheekSquintLeft": 0.3, "cheekSquintRight": 0.3,
              "eyeSquintLeft": 0.2, "eyeSquintRight": 0.2, "browOuterUpLeft": 0.1, "browOuterUpRight": 0.1},
    "sad": {"mouthFrownLeft": 0.4, "mouthFrownRight": 0.4, "browInnerUp": 0.6, "eyeSquintLeft": 0.15,
            "eyeSquintRight": 0.15},
    "angry": {"browDownLeft": 0.7, "browDownRight": 0.7, "eyeSquintLeft": 0.3, "eyeSquintRight": 0.3,
              "noseSneerLeft": 0.3, "noseSneerRight": 0.3, "mouthFrownLeft": 0.2, "mouthFrownRight": 0.2},
    "surprised": {"browInnerUp": 0.6, "browOuterUpLeft": 0.6, "browOuterUpRight": 0.6, "eyeWideLeft": 0.5,
                  "eyeWideRight": 0.5},
    "afraid": {"browInnerUp": 0.7, "browDownLeft": 0.2, "browDownRight": 0.2, "eyeWideLeft": 0.4,
               "eyeWideRight": 0.4, "mouthStretchLeft": 0.3, "mouthStretchRight": 0.3},
}  # fmt: skip
"""Moods and their ARKit weights at intensity 1."""
MOST_INTENSE = 2.0
ROUNDING = [ARKIT_INDEX["mouthPucker"], ARKIT_INDEX["mouthFunnel"]]
"""Rounded lips cannot be drawn out: the mood leaves the mouth as far as these are on."""


class Moving(Protocol):
    """A face in motion; see `inference.predict.Motion`."""

    def displacement_cm(self, times_s: Doubles) -> Floats:
        """Return [T, 468, 3] from the neutral."""
        ...

    def weights(self, times_s: Doubles) -> Floats:
        """Return the ARKit weights [T, 52]."""
        ...


@dataclass(frozen=True)
class Expressive:
    """A motion with a mood laid over it."""

    motion: Moving
    mood: Floats
    """[52] weights that are added."""

    def weights(self, times_s: Doubles) -> Floats:
        """Return the ARKit weights [T, 52] in 0-1."""
        return self._with_mood(self.motion.weights(times_s))

    def displacement_cm(self, times_s: Doubles) -> Floats:
        """Return [T, 468, 3] from the neutral."""
        plain = self.motion.weights(times_s)
        return self.motion.displacement_cm(times_s) + vertices_from_weights(self._with_mood(plain) - plain)

    def _with_mood(self, plain: Floats) -> Floats:
        of_mouth = np.array([name.startswith("mouth") for name in ARKIT_NAMES])
        room = 1 - np.clip(plain[:, ROUNDING].sum(axis=1, keepdims=True), 0, 1)
        added = np.where(of_mouth, room * self.mood, self.mood)
        return np.clip(plain + added, 0, np.maximum(plain, 1)).astype(np.float32)


def mood_of(expression: str, intensity: float) -> Floats:
    """Return the weights [52] of an expression.

    Raises:
        TimingError: no such expression, or an intensity out of 0 to `MOST_INTENSE`.
    """
    if expression not in EXPRESSIONS:
        raise TimingError(f"no expression {expression!r}; there are {', '.join(EXPRESSIONS)}")
    if not 0 <= intensity <= MOST_INTENSE:
        raise TimingError(f"intensity {intensity:g}: expected 0 to {MOST_INTENSE:g}")
    mood = np.zeros(len(ARKIT_NAMES), np.float32)
    for name, weight in EXPRESSIONS[expression].items():
        mood[ARKIT_INDEX[name]] = min(1.0, intensity * weight)
    return mood
