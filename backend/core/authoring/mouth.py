# SPDX-License-Identifier: GPL-3.0-or-later
"""The mouth blendshapes: what the two lips do, in centimetres, by a few values each.

A move is (out, up, forward): away from the middle line, up, out of the face. Side shapes are authored for the left
half, fade over the middle line, and are mirrored for the right. Values are read off faces by eye.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .fields import Field, Indices, Skin, even_profile, smoothstep
from .topology import LOWER_RINGS, UPPER_RINGS

Move = tuple[float, float, float]
REST: Move = (0.0, 0.0, 0.0)

SUPPORTS: Mapping[str, tuple[int, ...]] = {
    "chin": (152, 175),
    "chin_pad": (199, 200),
    "jawline": (149, 150, 136),
    "nose_base": (2, 164),
    "nose_tip": (4, 1),
    "ala": (64, 48),
    "cheek": (205,),
    "jowl": (216,),
    "malar": (50,),
}
"""Named places off the lips, as vertices of the right half and the middle."""

ANCHORED = ("chin", "jawline", "nose_tip")
"""Places that a mouth shape leaves at rest unless it says otherwise."""


@dataclass(frozen=True)
class LipShape:
    """What a mouth shape does at weight 1."""

    corner: Move = REST
    """Mouth corner."""
    upper: tuple[Move, Move] = (REST, REST)
    """Outer edge of the upper lip: in the middle, and half way to the corner."""
    lower: tuple[Move, Move] = (REST, REST)
    """Outer edge of the lower lip, likewise."""
    upper_curl: Move = REST
    """What the inner edge of the upper lip does beyond its outer edge (in the middle; none at the corner)."""
    lower_curl: Move = REST
    """What the inner edge of the lower lip does beyond its outer edge."""
    supports: Mapping[str, Move] = field(default_factory=dict[str, Move])
    """What the places of `SUPPORTS` do, where they do not simply follow."""
    seal: float | None = 0.5
    """Where the closed inner edges go together: 0 with the upper lip, 1 with the lower; None lets them part."""
    seal_depth: float = 1.0
    """How much of the seal holds forward and sideways; in height it always holds (rolled lips tuck, yet stay shut)."""
    fade_cm: float = 1.1
    """Half width of the fade over the middle line (side shapes)."""


SHAPES: Mapping[str, LipShape] = {
    "mouthFunnel": LipShape(
        seal=None,
        corner=(-0.75, -0.12, 1.1),
        upper=((0, 0.55, 0.6), (-0.2, 0.33, 0.7)),
        lower=((0, -0.8, 0.75), (-0.22, -0.6, 0.9)),
        upper_curl=(0, -0.15, 0.45),
        lower_curl=(0, -0.05, 0.3),
        supports={"chin": (0, 0.1, 0.3), "nose_base": (0, 0, 0), "nose_tip": (0, -0.2, -0.15)},
    ),
    "mouthPucker": LipShape(
        seal=None,
        corner=(-0.8, 0.08, 1.0),
        upper=((0, 0.4, 0.78), (-0.25, 0.28, 0.76)),
        lower=((0, -0.2, 0.92), (-0.27, -0.08, 0.9)),
        upper_curl=(0, -0.22, 0.3),
        lower_curl=(0, 0.05, 0.18),
        supports={"nose_base": (0, 0, 0.3), "ala": (-0.1, -0.05, 0.2)},
    ),
    "mouthSmileLeft": LipShape(
        corner=(0.87, 1.08, -1.16),
        upper=((0, 0.3, -0.35), (0.35, 0.3, -0.5)),
        lower=((0, 0.6, -0.25), (0.3, 0.55, -0.4)),
        supports={"cheek": (0.4, 0.5, -0.1), "malar": (0.1, 0.3, 0.1)},
    ),
    "mouthFrownLeft": LipShape(
        corner=(0.12, -0.52, -0.24),
        upper=((0, -0.18, -0.08), (0.16, -0.32, -0.24)),
        lower=((0, 0, 0), (0.08, -0.04, -0.08)),
    ),
    "mouthDimpleLeft": LipShape(
        corner=(0.55, 0.31, -0.86),
        upper=((0, 0.04, -0.26), (0.2, 0, -0.45)),
        lower=((0.06, 0.32, -0.26), (0.2, 0.3, -0.36)),
        upper_curl=(0, 0, -0.2),
        lower_curl=(0, -0.05, -0.05),
    ),
    "mouthStretchLeft": LipShape(
        corner=(0.68, -0.63, -1.3),
        upper=((0.34, -0.14, -0.3), (0.28, -0.2, -0.45)),
        lower=((0.4, -0.08, -0.7), (0.42, -0.2, -0.72)),
    ),
    "mouthRollLower": LipShape(
        seal_depth=0.0,
        corner=(-0.08, 0.1, 0),
        lower=((0, 0.95, -0.08), (-0.16, 0.82, -0.1)),
        lower_curl=(0, -0.5, -0.55),
        upper=((0, 0.1, 0.05), (0, 0.1, 0.05)),
    ),
    "mouthRollUpper": LipShape(
        seal_depth=0.0,
        corner=(-0.08, 0.06, -0.05),
        upper=((0, -0.97, -0.54), (0, -0.85, -0.52)),
        upper_curl=(0, 0.55, -0.42),
        lower=((0, -0.1, 0.05), (0, -0.1, 0.05)),
        supports={"nose_base": (0, -0.4, 0.1), "ala": (0, -0.2, 0.1)},
    ),
    "mouthShrugLower": LipShape(
        corner=(0, 0.18, 0.15),
        lower=((0, 0.74, 0.31), (-0.12, 0.62, 0.3)),
        lower_curl=(0, -0.1, 0.1),
        upper=((0, 0.1, 0.05), (0, 0.08, 0.05)),
        supports={"chin_pad": (0, 0.3, 0.1)},
    ),
    "mouthShrugUpper": LipShape(
        seal=0.35,
        corner=(0, 0.06, 0.02),
        upper=((0, 0.46, 0), (0, 0.38, -0.02)),
        upper_curl=(0, 0.05, 0.04),
        lower=((0, 0.04, 0), (0, 0.04, 0)),
    ),
    "mouthPressLeft": LipShape(
        seal_depth=0.0,
        corner=(0.2, 0.78, 0.25),
        upper=((0, 0.1, 0.1), (0.12, 0.2, 0)),
        lower=((0, 0.85, 0.16), (0.06, 0.85, 0.17)),
        upper_curl=(0, 0.2, -0.08),
        lower_curl=(0, -0.3, -0.22),
        supports={"chin": (0, 0.2, 0.45)},
    ),
    "mouthLowerDownLeft": LipShape(
        seal=None,
        corner=(0.02, -0.25, -0.03),
        lower=((0, -0.84, -0.22), (0.1, -0.9, -0.22)),
    ),
    "mouthUpperUpLeft": LipShape(
        seal=None,
        corner=(0, 0.15, -0.05),
        upper=((0, 0.82, -0.2), (0.28, 0.8, -0.38)),
        upper_curl=(0, 0.06, -0.22),
        supports={"ala": (0.03, 0.45, -0.04), "nose_base": (0, 0.3, 0)},
    ),
    "cheekPuff": LipShape(
        corner=(-0.3, 0.05, 0.95),
        upper=((0, -0.12, 0.62), (-0.15, -0.08, 0.66)),
        lower=((0, -0.06, 0.67), (-0.22, -0.08, 0.7)),
        supports={"cheek": (0.5, 0, 1.0), "jowl": (0.4, 0, 1.1), "nose_base": (0, 0, 0.5), "ala": (0, 0, 0.3)},
    ),
}


def mouth_shape(skin: Skin, name: str) -> Field:
    """Return the displacement [468, 3] of a shape of `SHAPES`."""
    shape = SHAPES[name]
    sided = name.endswith("Left")
    pins: dict[int, Field] = {int(v): np.zeros(3) for v in at_rest(skin)}
    for place in (*ANCHORED, *shape.supports):
        move = np.array(shape.supports.get(place, REST), np.float64)
        for vertex in SUPPORTS[place]:
            twin = int(skin.mirror[vertex])
            pins |= {vertex: move * (-1, 1, 1), twin: move} if twin != vertex else {vertex: move * (0, 1, 1)}
    pins |= _lip_pins(skin, shape)
    if not sided:
        return skin.symmetric(skin.spread(pins))
    # Fading the pins, not the field, keeps the sheet smooth across the middle line.
    fade = smoothstep(skin.vertices_cm[:, 0], -shape.fade_cm, shape.fade_cm)
    one_way = {v: np.abs(fade[v]) * move * _direction(skin, v) for v, move in pins.items()}
    return skin.spread(one_way)


def at_rest(skin: Skin) -> Indices:
    """Return the vertices that no mouth shape moves: above the cheekbones and towards the ears."""
    x, y, _ = skin.vertices_cm.T
    return np.flatnonzero((y > 1.2) | (np.abs(x) > 6.6))


def _lip_pins(skin: Skin, shape: LipShape) -> dict[int, Field]:
    """Return the pins of both lips: outer edge, inner edge with its curl and seal, and the red between them."""
    upper = _edge_moves(skin, UPPER_RINGS[3], shape.upper, shape.corner)
    lower = _edge_moves(skin, LOWER_RINGS[3], shape.lower, shape.corner)
    fullness = (1 - np.abs(np.linspace(-1, 1, upper.shape[0])) ** 4)[:, None]
    upper_inner = upper + fullness * np.array(shape.upper_curl)
    lower_inner = lower + fullness * np.array(shape.lower_curl)
    if shape.seal is not None:
        together = (1 - shape.seal) * upper_inner + shape.seal * lower_inner
        hold = np.array([shape.seal_depth, 1.0, shape.seal_depth])
        upper_inner += hold * (together - upper_inner)
        lower_inner += hold * (together - lower_inner)
    pressed = np.maximum(lower_inner[:, 1] - upper_inner[:, 1], 0.0)
    upper_inner[:, 1] += pressed / 2
    lower_inner[:, 1] -= pressed / 2
    pins: dict[int, Field] = {}
    for rings, inner, outer in ((UPPER_RINGS, upper_inner, upper), (LOWER_RINGS, lower_inner, lower)):
        for depth, ring in enumerate(rings):
            moves = inner + (outer - inner) * depth / 3
            sign = np.where(skin.vertices_cm[ring, :1] < 0, -1.0, 1.0) * (1, 0, 0) + (0, 1, 1)
            pins |= {int(v): move for v, move in zip(ring, moves * sign, strict=True)}
    return pins


def _edge_moves(skin: Skin, ring: Indices, moves: tuple[Move, Move], corner: Move) -> Field:
    """Return the moves [11, 3] along one lip edge, with 'out' for x."""
    x = np.abs(skin.vertices_cm[ring, 0])
    middle, side = (np.array(move, np.float64) for move in moves)
    return even_profile(x / x.max(), middle, side, np.array(corner, np.float64))


def _direction(skin: Skin, vertex: int) -> Field:
    """Return the factor that makes 'out' mean +X on both halves."""
    return np.array([-1.0 if skin.vertices_cm[vertex, 0] < 0 else 1.0, 1.0, 1.0])
