# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies behind the face's openings: the bag of the mouth, and the rims of the eyelids."""

from dataclasses import dataclass

import numpy as np

from ..face import CanonicalFace
from .parts import Indices, Points


@dataclass(frozen=True)
class Lining:
    """Rings of vertices that continue an opening's edge loop inwards."""

    loop: Indices
    """[L] face vertices of the opening's edge, in order around it."""
    rings_cm: Points
    """[R, L, 3] the rings, outermost first."""
    follow: tuple[float, ...]
    """How far each ring goes with the edge."""

    def displaced(self, face_displacement_cm: Points) -> Points:
        """Return the displacement [R, L, ...] of the rings when the face moves by [468, ...]."""
        edge = face_displacement_cm[self.loop]
        return np.stack([share * edge for share in self.follow])


BACK_CM = (0.3, 0.45, 1.3, 3.0, 4.6)
"""How far behind the lips each ring of the mouth's bag lies."""
TALL_CM = (0.12, 1.25, 1.9, 2.3, 1.2)
"""How far above or below the lip line."""
WIDE_CM = (0.05, 0.35, 0.6, 0.7, -0.6)
"""How far beyond the mouth corners."""

BAG_RINGS = len(BACK_CM)
LID_RINGS = 2


def mouth_bag(face: CanonicalFace) -> Lining:
    """Return the inside of lips and cheeks, open towards the throat, wide enough for teeth and tongue."""
    loop = opening_loop(face.landmarks["lip_inner_upper"], face.landmarks["lip_inner_lower"])
    edge = face.neutral_cm[loop].astype(np.float64)
    upper_count = len(face.landmarks["lip_inner_upper"])
    side = np.where(np.arange(len(loop)) < upper_count, 1.0, -1.0)
    along = edge[:, 0] / np.abs(edge[:, 0]).max()
    rise = side * np.sqrt(np.clip(1 - along**2, 0.0, 1.0))
    rings = [
        edge + np.column_stack([wide * np.sign(along) * np.abs(along) ** 1.5, tall * rise, np.full(len(loop), -back)])
        for back, tall, wide in zip(BACK_CM, TALL_CM, WIDE_CM, strict=True)
    ]
    return Lining(loop, np.stack(rings), (1.0, 0.92, 0.75, 0.5, 0.2))


def lid_rim(face: CanonicalFace, lids_cm: Points, side: str, globe: tuple[Points, float]) -> Lining:
    """Return the thickness of an eye's lids: a ring on the eyeball and one inside it.

    Args:
        face: for its landmarks.
        lids_cm: [468, 3] the neutral that the rims join.
        side: `left` or `right`.
        globe: centre [3] and radius of the eyeball.
    """
    loop = lid_loop(face, side)
    edge = lids_cm[loop]
    centre, radius = globe
    inward = edge - centre
    inward /= np.linalg.norm(inward, axis=1, keepdims=True)
    on_globe = centre + inward * (radius - 0.02)
    return Lining(loop, np.stack([0.4 * edge + 0.6 * on_globe, centre + inward * (radius - 0.3)]), (1.0, 1.0))


def lid_loop(face: CanonicalFace, side: str) -> Indices:
    """Return the lid edges of an eye, clockwise seen from the front like every loop here."""
    loop = opening_loop(face.landmarks[f"eye_upper_{side}"], face.landmarks[f"eye_lower_{side}"])
    return loop[::-1] if side == "left" else loop


def opening_loop(upper: Indices, lower: Indices) -> Indices:
    """Return the loop along the upper edge and back along the lower; both edges share their ends."""
    return np.concatenate([upper, lower[-2:0:-1]]).astype(np.int64)
