# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a demo speaker is: shape, colours and voice, drawn from a seed."""

from dataclasses import dataclass

import numpy as np

from ...core.types import Floats

Colour = tuple[float, float, float]

SKINS: tuple[Colour, ...] = (
    (0.60, 0.37, 0.27),
    (0.52, 0.30, 0.20),
    (0.67, 0.45, 0.35),
    (0.34, 0.18, 0.11),
    (0.44, 0.26, 0.16),
    (0.20, 0.10, 0.06),
)
"""Linear RGB, in the order of the seeds."""
IRISES: tuple[Colour, ...] = ((0.06, 0.13, 0.20), (0.10, 0.05, 0.02), (0.08, 0.11, 0.05), (0.05, 0.025, 0.012))
HAIRS: tuple[Colour, ...] = ((0.055, 0.027, 0.014), (0.016, 0.011, 0.009), (0.20, 0.11, 0.05), (0.10, 0.045, 0.02))
CLOTHS: tuple[Colour, ...] = ((0.05, 0.09, 0.16), (0.22, 0.05, 0.05), (0.06, 0.12, 0.09), (0.12, 0.12, 0.13))
VOICES = ("en-us+m3", "en-us+f3", "en-us+m1", "en-us+f2", "en-us+m7", "en-us+f4")


@dataclass(frozen=True)
class Identity:
    """One speaker."""

    seed: int
    skin: Colour
    """Linear RGB albedo, before variation."""
    iris: Colour
    hair: Colour
    cloth: Colour
    freckles: float
    """0 none to 1 many."""
    stubble: float
    """0 shaved to 1 dark."""
    blush: float
    """Strength of the red of cheeks, nose and lips, about 1."""
    stretch: tuple[float, float, float]
    """Scale of the head along x, y and z, about 1."""
    jaw_width: float
    """Extra width at the chin's height, as a share."""
    nose_depth: float
    """Extra depth of the nose, as a share."""
    long_hair: bool
    voice: str
    """Of the speech synthesiser."""
    pitch: int
    """0-99."""
    articulation: float
    """Gain of the face's motion."""

    def shaped(self, points_cm: Floats) -> Floats:
        """Return canonical points [..., 3] on this speaker's head: smooth in place, so that nothing tears."""
        x, y, z = (points_cm[..., axis] for axis in range(3))
        width = 1 + self.jaw_width / (1 + np.exp((y + 5.0) / 1.5)) / (1 + np.exp((-y - 13.0) / 1.0))
        at_nose = np.exp(-((x / 1.6) ** 2) - ((y + 0.4) / 2.0) ** 2)
        depth = z + self.nose_depth * at_nose * np.maximum(z - 4.0, 0)
        return np.stack([x * width, y, depth], axis=-1).astype(np.float32) * np.array(self.stretch, np.float32)


def identity(seed: int) -> Identity:
    """Return the speaker of a seed; neighbouring seeds differ in everything."""
    random = np.random.default_rng((seed, 11))
    man = VOICES[seed % len(VOICES)].split("+")[1].startswith("m")
    skin = SKINS[seed % len(SKINS)]
    dark = skin[0] < 0.4
    hairs = HAIRS[:2] if dark else HAIRS
    irises = IRISES[1::2] if dark else IRISES
    stretch = random.uniform((0.965, 0.97, 0.97), (1.03, 1.035, 1.03))
    return Identity(
        seed=seed,
        skin=skin,
        iris=irises[int(random.integers(len(irises)))],
        hair=hairs[int(random.integers(len(hairs)))],
        cloth=CLOTHS[int(random.integers(len(CLOTHS)))],
        freckles=0.0 if dark else float(random.uniform(0, 1)),
        stubble=float(random.uniform(0.3, 1.0)) if man else 0.0,
        blush=float(random.uniform(0.8, 1.25)),
        stretch=(float(stretch[0]), float(stretch[1]), float(stretch[2])),
        jaw_width=float(random.uniform(0.0, 0.06) if man else random.uniform(-0.07, 0.0)),
        nose_depth=float(random.uniform(-0.15, 0.2)),
        long_hair=not man,
        voice=VOICES[seed % len(VOICES)],
        pitch=int(random.integers(38, 62)),
        articulation=float(random.uniform(1.0, 1.2)),
    )
