# SPDX-License-Identifier: GPL-3.0-or-later
"""The jaw blendshapes, and the mouthClose that undoes jawOpen at the lips."""

import numpy as np

from ..jaw import opened
from .fields import Field, Skin, even_profile
from .mouth import SUPPORTS, at_rest
from .topology import LOWER_RINGS, UPPER_RINGS

LIP_DROP_CM = 0.5
"""How much further than the bone the lower lip goes."""
MEETING = 0.36
"""Where between the opened lips mouthClose brings them together: 0 at the upper, 1 at the lower."""


def jaw_follow(skin: Skin, corner: float, chin: float) -> Field:
    """Return [468], how far each vertex goes with the jaw bone: 1 at the lower lip, 0 at the upper lip and ears."""
    pins: dict[int, Field | float] = {int(v): 0.0 for v in at_rest(skin)}
    pins |= {int(v): chin for place in ("chin", "chin_pad") for v in SUPPORTS[place]}
    for place, share in (("nose_base", 0.0), ("nose_tip", 0.0), ("ala", 0.0)):
        pins |= {int(v): share for vertex in SUPPORTS[place] for v in (vertex, skin.mirror[vertex])}
    for vertex, share in ((149, 0.72 * chin), (136, 0.5 * chin), (172, 0.28 * chin), (58, 0.1 * chin)):
        pins |= {int(v): share for v in (vertex, skin.mirror[vertex])}
    for rings, middle, side in ((UPPER_RINGS, 0.0, 0.02), (LOWER_RINGS, 1.0, 0.93)):
        for ring in rings:
            x = np.abs(skin.vertices_cm[ring, 0])
            share = even_profile(x / x.max(), *(np.array([value]) for value in (middle, side, corner)))
            pins |= {int(v): s for v, s in zip(ring, share, strict=True)}
    follow = skin.spread(pins)[:, 0]
    return np.clip(0.5 * (follow + follow[skin.mirror]), 0.0, 1.2)


def jaw_open(skin: Skin) -> Field:
    """Return the displacement [468, 3] of jawOpen: a rotation about the hinge, scaled by how far skin follows."""
    follow = jaw_follow(skin, corner=0.33, chin=0.85)
    lip = jaw_follow(skin, corner=0.3, chin=0.0)
    field = follow[:, None] * opened(skin.vertices_cm) - lip[:, None] * (0, LIP_DROP_CM, 0)
    corner_in = 0.4 * np.exp(-(((skin.vertices_cm - skin.vertices_cm[291]) / 1.2) ** 2).sum(axis=1))
    field[:, 0] -= corner_in - corner_in[skin.mirror]
    return skin.symmetric(field)


def jaw_slide(skin: Skin, move: tuple[float, float, float]) -> Field:
    """Return the displacement [468, 3] of a jaw that shifts as a whole: forward, or to the left."""
    return jaw_follow(skin, corner=0.28, chin=1.0)[:, None] * np.array(move)


def mouth_close(skin: Skin, open_jaw: Field) -> Field:
    """Return the displacement [468, 3] that brings the lips of jawOpen together again, exactly at the inner edge.

    The field is linear in the weight, so equal weights of the two close the lips at every opening.
    """
    pins: dict[int, Field] = {int(v): np.zeros(3) for v in at_rest(skin)}
    pins |= {int(v): np.zeros(3) for place in ("chin", "jawline", "nose_tip") for v in SUPPORTS[place]}
    pins |= {int(skin.mirror[v]): pins[v] for v in list(pins)}
    upper, lower = open_jaw[UPPER_RINGS[0]], open_jaw[LOWER_RINGS[0]]
    target = (1 - MEETING) * upper + MEETING * lower
    for rings, shift in ((UPPER_RINGS, target - upper), (LOWER_RINGS, target - lower)):
        for ring, share in zip(rings, (1.0, 0.98, 0.95, 0.9), strict=True):
            pins |= {int(v): share * move for v, move in zip(ring, shift, strict=True)}
    return skin.symmetric(skin.spread(pins))
