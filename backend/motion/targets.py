# SPDX-License-Identifier: GPL-3.0-or-later
"""What lips and jaw aim at in each phone, and how strongly: the table behind the coarticulation.

Openings follow what is measured of running speech: open vowels 8–12 mm between the inner lips, close vowels 3–5,
sibilants 3–4 with the teeth nearly shut. Consonants made by the tongue alone (t d n k ɡ ŋ l) hardly claim the lips;
w u y ʃ claim them strongly (Edwards et al. 2016, JALI). Lip contacts are not here: `contacts` guarantees them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..speech.phones import PHONES

GAP, JAW, PUCKER, FUNNEL, SMILE, STRETCH, TONGUE = range(7)
"""Channels: inner-lip gap in millimetres, then blendshape weights."""
CHANNELS = ("gap_mm", "jaw", "pucker", "funnel", "smile", "stretch", "tongue")
"""Their names, in order."""
SHAPE_BLENDSHAPES: dict[int, tuple[str, ...]] = {
    JAW: ("jawOpen",),
    PUCKER: ("mouthPucker",),
    FUNNEL: ("mouthFunnel",),
    SMILE: ("mouthSmileLeft", "mouthSmileRight"),
    STRETCH: ("mouthStretchLeft", "mouthStretchRight"),
    TONGUE: ("tongueOut",),
}
"""The blendshapes that a channel drives directly; the gap is met by `aperture`."""
TIERS: tuple[tuple[int, ...], ...] = ((GAP,), (JAW,), (PUCKER, FUNNEL, SMILE, STRETCH), (TONGUE,))
"""Channels that move as one articulator: lip opening, jaw, lip shape, tongue tip."""


@dataclass(frozen=True, slots=True)
class Articulation:
    """The aim of one phone and how strongly each articulator holds to it."""

    gap_mm: float
    """Distance of the inner lips at their middle."""
    jaw: float
    """`jawOpen` weight."""
    pucker: float = 0.0
    funnel: float = 0.0
    smile: float = 0.0
    stretch: float = 0.0
    tongue: float = 0.0
    strength: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Dominance of (lip opening, jaw, lip shape) over the neighbours, 0 = none; 1 = an ordinary vowel."""


WEAK = (0.5, 0.6, 0.05)
BACK = (0.35, 0.35, 0.05)
LABIAL = (0.45, 1.2, 0.05)
SIBILANT = (1.0, 1.5, 0.35)
ROUNDED_SIBILANT = (1.1, 1.5, 1.3)
GLIDE = (0.8, 0.8, 0.6)
STRONG_ROUND = (1.4, 1.1, 1.6)
NEUTRAL_VOWEL = (0.5, 0.5, 0.3)

ARTICULATIONS: dict[str, Articulation] = {
    "sil": Articulation(2.0, 0.04, strength=(0.4, 0.4, 0.06)),
    "p": Articulation(3.2, 0.07, strength=LABIAL),
    "b": Articulation(3.2, 0.07, strength=LABIAL),
    "m": Articulation(3.2, 0.07, strength=LABIAL),
    "f": Articulation(2.4, 0.055, strength=(0.8, 1.0, 0.25)),
    "v": Articulation(2.4, 0.055, strength=(0.8, 1.0, 0.25)),
    "w": Articulation(2.0, 0.045, pucker=0.6, funnel=0.03, strength=(2.2, 1.2, 1.6)),
    "t": Articulation(3.8, 0.08, strength=WEAK),
    "d": Articulation(3.9, 0.085, strength=WEAK),
    "n": Articulation(4.2, 0.095, strength=WEAK),
    "k": Articulation(5.2, 0.135, strength=BACK),
    "ɡ": Articulation(5.2, 0.135, strength=BACK),
    "ŋ": Articulation(5.2, 0.135, strength=BACK),
    "θ": Articulation(3.5, 0.085, tongue=0.15, strength=(0.9, 0.9, 0.15)),
    "ð": Articulation(3.3, 0.08, tongue=0.12, strength=(0.8, 0.7, 0.1)),
    "s": Articulation(3.9, 0.05, smile=0.06, stretch=0.12, strength=SIBILANT),
    "z": Articulation(3.9, 0.05, smile=0.06, stretch=0.12, strength=SIBILANT),
    "ʃ": Articulation(4.6, 0.045, pucker=0.35, funnel=0.22, strength=ROUNDED_SIBILANT),
    "ʒ": Articulation(4.6, 0.045, pucker=0.35, funnel=0.22, strength=ROUNDED_SIBILANT),
    "tʃ": Articulation(4.4, 0.045, pucker=0.35, funnel=0.22, strength=ROUNDED_SIBILANT),
    "dʒ": Articulation(4.4, 0.045, pucker=0.35, funnel=0.22, strength=ROUNDED_SIBILANT),
    "x": Articulation(4.5, 0.11, strength=BACK),
    "h": Articulation(5.0, 0.13, strength=(0.15, 0.15, 0.05)),
    "l": Articulation(4.3, 0.11, strength=(0.5, 0.5, 0.1)),
    "r": Articulation(2.8, 0.06, pucker=0.28, funnel=0.08, strength=(1.3, 0.9, 0.7)),
    "j": Articulation(4.0, 0.08, smile=0.15, stretch=0.1, strength=GLIDE),
    "i": Articulation(5.4, 0.1, smile=0.28, stretch=0.18),
    "y": Articulation(3.3, 0.06, pucker=0.6, funnel=0.05, strength=STRONG_ROUND),
    "ɪ": Articulation(6.4, 0.155, smile=0.12, stretch=0.08, strength=(0.9, 0.8, 0.7)),
    "e": Articulation(7.4, 0.185, smile=0.2, stretch=0.1),
    "ø": Articulation(5.0, 0.1, pucker=0.4, funnel=0.12, strength=(1.1, 1.0, 1.3)),
    "ɛ": Articulation(9.8, 0.265, smile=0.1, stretch=0.08),
    "œ": Articulation(6.8, 0.14, pucker=0.25, funnel=0.18, strength=(1.0, 1.0, 1.2)),
    "æ": Articulation(11.2, 0.31, smile=0.08, stretch=0.16, strength=(1.1, 1.2, 1.0)),
    "a": Articulation(12.0, 0.33, strength=(1.2, 1.2, 0.8)),
    "ɑ": Articulation(12.0, 0.33, strength=(1.2, 1.2, 0.8)),
    "ɔ": Articulation(8.0, 0.15, pucker=0.22, funnel=0.26, strength=(1.1, 1.1, 1.2)),
    "o": Articulation(5.4, 0.09, pucker=0.4, funnel=0.18, strength=(1.2, 1.0, 1.4)),
    "ʊ": Articulation(4.2, 0.08, pucker=0.3, funnel=0.1, strength=(1.1, 0.9, 1.0)),
    "u": Articulation(3.5, 0.06, pucker=0.58, funnel=0.08, strength=STRONG_ROUND),
    "ʌ": Articulation(9.2, 0.25, strength=(1.0, 1.0, 0.5)),
    "ə": Articulation(6.0, 0.15, strength=NEUTRAL_VOWEL),
    "ɜ": Articulation(6.2, 0.13, pucker=0.12, funnel=0.1, strength=(0.9, 0.9, 0.6)),
}


def target_table() -> NDArray[np.float64]:
    """Return the aims [43, 7] in `PHONES` order; columns are the channels GAP … TONGUE."""
    rows = [ARTICULATIONS[phone] for phone in PHONES]
    return np.array([[r.gap_mm, r.jaw, r.pucker, r.funnel, r.smile, r.stretch, r.tongue] for r in rows])


def strength_table() -> NDArray[np.float64]:
    """Return the dominance [43, 4] of each phone over each tier, in `PHONES` and `TIERS` order."""
    return np.array([[*ARTICULATIONS[phone].strength, 1.0] for phone in PHONES])
