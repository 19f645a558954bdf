# SPDX-License-Identifier: GPL-3.0-or-later
"""The canonical blendshapes carried over to a mesh that has none.

Skin that is seen from the front takes the movement of the nearest point of the canonical face laid onto it; the two
lips each take their own, told apart by the way along the surface, so that the jaw opens the mouth and does not
stretch it. All other skin (inside of the mouth, nostrils, ears, neck) is drawn along as an elastic sheet between that
and what stays at rest.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..core.blendshapes import ARKIT_INDEX, ARKIT_NAMES
from ..core.face import canonical_face
from ..core.jaw import bone_shapes
from .elastic import settle_sheet, sheet_of
from .front_view import FrontView
from .head import Facing
from .islands import JAW, SKIN, WORN, Islands, islands_of
from .nearest import nearest_on
from .surface import Doubles, Surface
from .template import FaceFit, sheet_normals

BOUND_CM = 1.0
"""Seen skin further than this from the laid-on face is not held by it."""
SEEN_CM = 0.3
"""Depth behind what is seen within which a vertex counts as seen."""
AGREES = 0.2
"""Least cosine between the normals of skin and laid-on face."""
REACH_CM = 5.0
"""Distance from the laid-on face at which skin is at rest."""
BEHIND_CM = -3.0
"""Nothing behind this depth moves (the ears' place)."""
HELD, LINING = 30.0, 0.4
"""How firmly seen skin is held, and how firmly the inside of the mouth follows its lip."""
LINING_CM = 2.5
WIDEST, NARROWEST = 1.5, 0.5
"""Mouths wider or narrower than this many canonical ones still move like these."""
LIP_TO_CHIN = (14, 152)
LOWER_FACE_CM = (0.5, 3.0)
"""How far below the canonical face's middle what is there begins to, and does, move by the size of mouth and chin."""
LIP_REACH_CM = 2.0
MOST_WIDE = 3.0
"""How many times eyeWide the eyes may be open at rest for the blink to know."""
LIP_CM = 1.3
"""How far a lip reaches from its inner edge."""
LEAST_CM = 1e-3
"""A shape that moves a mesh less than this does not move it."""


@dataclass(frozen=True)
class Transfer:
    """Shapes for a mesh."""

    fields: dict[str, Doubles]
    """ARKit name -> displacement [N, 3], in the given space."""
    islands: Islands
    sealed: bool
    """Whether the lips are one skin, which nothing can open."""


def transfer(facing: Facing) -> Transfer:
    """Return the 52 canonical blendshapes on a mesh, but for those that move nothing of it."""
    surface, fit = facing.surface, facing.fit
    islands = islands_of(surface, fit)
    basis = _worn_basis(fit)
    moved = np.zeros((len(surface.vertices), *basis.shape[::2]))
    skin = np.flatnonzero(islands.of(SKIN))
    near = _near(surface, fit, skin)
    moved[near] = _skin(surface, facing.view, fit, basis, near)
    worn = np.flatnonzero(islands.of(WORN))
    if len(worn):
        moved[worn] = moved[skin[_closest(surface.vertices[worn], surface.vertices[skin])]]
    jaw = np.flatnonzero(islands.of(JAW))
    if len(jaw):
        moved[jaw] = _bone(surface.vertices[jaw], fit)
    fields = {name: facing.to_given(moved[:, index]) for name, index in ARKIT_INDEX.items()}
    least = LEAST_CM * fit.scale
    kept = {name: field for name, field in fields.items() if np.abs(field).max() > least}
    return Transfer(kept, islands, facing.found.mouth is None)


def _worn_basis(fit: FaceFit) -> Doubles:
    """Return the basis [52, 468, 3] in the mesh's unit and axes, fitted to its mouth's width and its eyes' opening."""
    face = canonical_face()
    basis = face.basis_cm.astype(np.float64).copy()
    rest = fit.at_rest()
    for side in ("Left", "Right"):
        upper, lower = (face.landmarks[f"eye_{lid}_{side.casefold()}"][2:-2] for lid in ("upper", "lower"))
        wide = face.basis_cm[ARKIT_INDEX[f"eyeWide{side}"]]
        opening = (rest[upper, 1] - rest[lower, 1] - face.neutral_cm[upper, 1] + face.neutral_cm[lower, 1]).mean()
        gained = (wide[upper, 1] - wide[lower, 1]).mean()
        basis[ARKIT_INDEX[f"eyeBlink{side}"]] -= np.clip(opening / gained, -0.5, MOST_WIDE) * wide
    basis[..., 0] *= 1 + _near_lips() * (_ratio(rest, *face.landmarks["lip_inner_upper"][[0, -1]]) - 1)
    short = np.sqrt(_ratio(rest, *face.landmarks["lip_inner_upper"][[0, -1]]) * _ratio(rest, *LIP_TO_CHIN))
    lower_face = smoothstep(-face.neutral_cm[:, 1].astype(np.float64), *LOWER_FACE_CM)
    basis[..., 1:] *= (1 + lower_face * (short - 1))[:, None]
    return fit.scale * basis @ fit.rotation.T


def _ratio(rest: Doubles, first: int, second: int) -> float:
    """Return how far two places of a face are apart, in parts of what they are on the canonical one."""
    neutral = canonical_face().neutral_cm
    own = np.linalg.norm(rest[first] - rest[second]) / np.linalg.norm(neutral[first] - neutral[second])
    return float(np.clip(own, NARROWEST, WIDEST))


def _near_lips() -> Doubles:
    """Return [468] 1 on the lips, 0 far from them."""
    face = canonical_face()
    lips = np.unique([*face.landmarks["lip_outer_upper"], *face.landmarks["lip_outer_lower"]])
    distance = np.linalg.norm(face.neutral_cm[:, None] - face.neutral_cm[None, lips], axis=2).min(axis=1)
    return np.exp(-((distance / LIP_REACH_CM) ** 2))


def smoothstep(values: Doubles, low: float, high: float) -> Doubles:
    """Return 0 below `low`, 1 above `high`, smooth between."""
    share = np.clip((values - low) / (high - low), 0.0, 1.0)
    return share * share * (3 - 2 * share)


def _near(surface: Surface, fit: FaceFit, skin: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the skin's vertices that may move, and their neighbours, which hold them."""
    places = surface.vertices[skin]
    away = np.linalg.norm(places - fit.placed[_closest(places, fit.placed)], axis=1)
    moving = np.zeros(len(surface.vertices), bool)
    moving[surface.welded[skin[(away < REACH_CM * fit.scale) & (fit.to_canonical(places)[:, 2] > BEHIND_CM)]]] = True
    ring = moving.copy()
    ring[surface.edges[moving[surface.edges].any(axis=1)]] = True
    return skin[ring[surface.welded[skin]]]


def _skin(surface: Surface, view: FrontView, fit: FaceFit, basis: Doubles, skin: NDArray[np.int64]) -> Doubles:
    """Return the displacement [S, 52, 3] of the skin's vertices."""
    places, cm = surface.vertices[skin], fit.scale
    upper, lower = _lip_ways(surface, fit, skin)
    triangles = canonical_face().triangles
    target = np.zeros((len(skin), *basis.shape[::2]))
    hold, distance = np.zeros(len(skin)), np.full(len(skin), np.inf)
    normals = sheet_normals(fit.placed)
    for own, other in (("upper", "lower"), ("lower", "upper")):
        side = (upper <= lower) if own == "upper" else (lower < upper)
        some = np.flatnonzero(side)
        allowed = ~np.isin(triangles, _only(other)).any(axis=1)
        corners = triangles[allowed]
        triangle, weights, away = nearest_on(places[some], fit.placed[corners])
        vertices = corners[triangle]
        target[some] = np.einsum("nk,bnkc->nbc", weights, basis[:, vertices])
        facing = (np.einsum("nk,nkc->nc", weights, normals[vertices]) * surface.normals[skin[some]]).sum(axis=1)
        bound = (away < BOUND_CM * cm) & (facing > AGREES)
        hold[some], distance[some] = np.where(bound, HELD, 0.0), away
    seen = _seen(surface, view, cm, skin)
    hold[~seen] = 0.0
    inside = ~seen & (np.minimum(upper, lower) < LINING_CM * cm)
    hold[inside] = LINING
    depth = fit.to_canonical(places)[:, 2]
    at_rest = (hold == 0) & ((distance > REACH_CM * cm) | (depth < BEHIND_CM))
    target[at_rest], hold[at_rest] = 0.0, HELD
    return settle_sheet(sheet_of(surface, skin), target, hold)


def _lip_ways(surface: Surface, fit: FaceFit, skin: NDArray[np.int64]) -> tuple[Doubles, Doubles]:
    """Return how far [S] each vertex is from the upper and from the lower lip, along the surface."""
    marks = canonical_face().landmarks
    ways = [
        surface.spread(surface.triangles[fit.triangle[marks[f"lip_inner_{lip}"][2:-2]]].ravel())[skin]
        for lip in ("upper", "lower")
    ]
    return ways[0], ways[1]


@lru_cache(maxsize=2)
def _only(lip: str) -> NDArray[np.int64]:
    """Return the vertices of the canonical face that are of one lip alone."""
    face = canonical_face()
    surface = Surface(face.neutral_cm.astype(np.float64), face.triangles, np.zeros((0, len(face.neutral_cm), 3)))
    own, other = (surface.spread(face.landmarks[f"lip_inner_{one}"][2:-2]) for one in _ordered(lip))
    ends = np.abs(face.neutral_cm[face.landmarks["lip_inner_upper"][[0, -1]], 0]).min()
    return np.flatnonzero((own < other) & (own < LIP_CM) & (np.abs(face.neutral_cm[:, 0]) < 0.95 * ends))


def _ordered(lip: str) -> tuple[str, str]:
    return (lip, "lower") if lip == "upper" else (lip, "upper")


def _seen(surface: Surface, view: FrontView, cm: float, skin: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return [S] whether each vertex lies at the surface that is seen from the front, or next to it."""
    depth = np.where(np.isnan(view.points[..., 2]), np.inf, view.points[..., 2])
    padded = np.pad(depth, 1, constant_values=np.inf)
    height, width = depth.shape
    lowest = np.min(
        [padded[down : down + height, right : right + width] for down in range(3) for right in range(3)], axis=0
    )
    row, column, inside = view.pixel_of(surface.vertices[skin])
    deep = np.where(np.isfinite(lowest), lowest, np.inf)[row, column]
    return inside & (surface.vertices[skin, 2] >= deep - SEEN_CM * cm)


def _closest(points: Doubles, others: Doubles) -> NDArray[np.int64]:
    """Return the index of the nearest other to each point."""
    squares = (others**2).sum(axis=1)
    rows = np.array_split(points, max(1, len(points) * len(others) // 2_000_000))
    return np.concatenate([(squares - 2 * part @ others.T).argmin(axis=1) for part in rows])


def _bone(points: Doubles, fit: FaceFit) -> Doubles:
    """Return the displacement [N, 52, 3] of what is fixed to the jaw's bone."""
    moved = np.zeros((len(points), len(ARKIT_NAMES), 3))
    for name, field in bone_shapes(fit.to_canonical(points)).items():
        moved[:, ARKIT_INDEX[name]] = fit.scale * field @ fit.rotation.T
    return moved
