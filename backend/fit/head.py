# SPDX-License-Identifier: GPL-3.0-or-later
"""Where on a character the head is, and the face on it, whichever way the character looks."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from ..core.errors import RigError
from ..core.face import canonical_face
from .front_view import FrontView, front_view
from .landmarks import LANDMARKS, MOUTH, FoundFace, find_landmarks
from .surface import Doubles, Surface
from .template import FaceFit, fit_face
from .tracker import can_track, tracked_landmarks

SLICE = 0.02
"""Height of the slices that the head is looked for in, in parts of the character's height."""
SHOULDERS = 1.6
"""Shoulders are this many times wider than the head above them."""
WORST_ERROR_CM = 2.6
"""Landmarks that lie further from those of a face (of 18 cm) are none of a face: a sloth's lie 2.3 cm off."""
WORST_WITHOUT_EYES_CM, NOSE_CM = 1.2, 0.8
"""Where no eyes are seen: the same, and how far the nose must stand out over the lips (teeth have a slit too)."""
HEAD_CM, MIDDLE_CM = 24.0, 1.5
"""Height of a head, and where its middle lies on the canonical face."""
TILT = 0.25
"""Eye corners, and mouth corners, lie level within this part of the way from the eyes to the chin."""
FORWARD_Z = 4
"""Of the facings: up along Y and looking along Z, as other tools have it."""
OBLONG = 4.0
"""A head is not this many times wider than high, nor higher than wide."""
TIP_CM = 0.5
"""How far the tip of a nose stands out over its base, at least."""
MARGIN = 0.03


@dataclass(frozen=True)
class Facing:
    """A face and how it stands in the character's space."""

    surface: Surface
    """Upright: +X to the subject's left, +Y up, +Z out of the face."""
    upright: Doubles
    """[3, 3] upright_from_given rotation."""
    view: FrontView
    found: FoundFace
    fit: FaceFit

    def to_given(self, points: Doubles) -> Doubles:
        """Return upright points [..., 3] in the space that the character was given in."""
        return points @ self.upright


def facings(axes: Doubles | None = None) -> list[Doubles]:
    """Return the rotations upright_from_given that are tried, Blender's custom (Z up, looking along -Y) first.

    Args:
        axes: rotation [3, 3] given_from_own of the character's own axes, which are tried next.
    """
    turns: list[Doubles] = []
    for up in ((0, 0, 1), (0, 1, 0)):
        for front in ((0, -1, 0), (0, 1, 0), (0, 0, 1), (0, 0, -1), (1, 0, 0), (-1, 0, 0)):
            if not np.dot(up, front):
                turns.append(np.array([np.cross(up, front), up, front], np.float64))
    own = [] if axes is None else [turns[0] @ axes.T, turns[FORWARD_Z] @ axes.T, turns[1] @ axes.T]
    tried: list[Doubles] = []
    for turn in [turns[0], *own, *turns[1:]]:
        if not any(np.allclose(turn, other) for other in tried):
            tried.append(turn)
    return tried


def find_face(surface: Surface, given: dict[str, Doubles] | None = None, axes: Doubles | None = None) -> Facing:
    """Return the face of a character, looking for it from every side.

    Args:
        surface: in any orientation along the axes.
        given: landmarks [3] placed by hand, in the surface's space; then it may be turned in any way.
        axes: rotation [3, 3] given_from_own of the character's own axes, where it has some.

    Raises:
        RigError: no side shows a face; says what the likeliest one lacks.
    """
    problem: RigError | None = None
    turns = [upright_of(given)] if given else facings(axes)
    for turn, by_tracker in [(turn, False) for turn in turns] + [(turn, True) for turn in turns if can_track()]:
        stood = Surface(surface.vertices @ turn.T, surface.triangles, surface.motions @ turn.T)
        try:
            return look(stood, turn, {name: turn @ point for name, point in (given or {}).items()}, by_tracker)
        except RigError as error:
            problem = problem or error
    assert problem is not None
    raise problem


def upright_of(given: dict[str, Doubles]) -> Doubles:
    """Return the rotation [3, 3] upright_from_given of a face by its landmarks.

    Raises:
        RigError: some are missing, or lie in one place.
    """
    lacking = [name for name in LANDMARKS if name not in given]
    if lacking:
        raise RigError(f"landmarks are missing: {', '.join(lacking)}; place all {len(LANDMARKS)} again")
    eyes = {side: (given[f"eye {side} outer"] + given[f"eye {side} inner"]) / 2 for side in ("left", "right")}
    across = eyes["left"] - eyes["right"]
    up = (eyes["left"] + eyes["right"] - given["mouth corner left"] - given["mouth corner right"]) / 2
    front = np.cross(across, up)
    if np.linalg.norm(front) < 1e-9 * max(np.linalg.norm(across), np.linalg.norm(up), 1e-12):
        raise RigError("eyes and mouth of the landmarks lie on one line; move them to where they are on the face")
    front /= np.linalg.norm(front)
    across /= np.linalg.norm(across)
    return np.array([across, np.cross(front, across), front])


def guess_landmarks(surface: Surface, axes: Doubles | None = None) -> tuple[dict[str, Doubles], bool]:
    """Return a place [3] for every landmark, in the surface's space, and whether the face was found.

    Where it was not, they lie where a head that looks along Blender's custom has them.
    """
    try:
        facing = find_face(surface, axes=axes)
        places = {name: facing.fit.placed[vertex] for name, vertex in LANDMARKS.items()} | facing.found.points
        return {name: facing.to_given(point) for name, point in places.items()}, True
    except RigError:
        turn = facings()[0]
    stood = Surface(surface.vertices @ turn.T, surface.triangles, surface.motions @ turn.T)
    low, high = head_box(stood)
    view = front_view(stood, low, high)
    face = canonical_face().neutral_cm[list(LANDMARKS.values())].astype(np.float64)
    scale = float(high[1] - low[1]) / HEAD_CM
    at = np.concatenate([(low + high) / 2, [0.0]]) + scale * (face - (0, MIDDLE_CM, 0))
    row, column, _ = view.pixel_of(at)
    seen = view.points[row, column]
    at[:, 2] = np.where(np.isnan(seen[:, 2]), np.nanmax(view.points[..., 2]), seen[:, 2])
    return dict(zip(LANDMARKS, at @ turn, strict=True)), False


def look(stood: Surface, turn: Doubles, given: dict[str, Doubles] | None = None, by_tracker: bool = False) -> Facing:
    """Return the face that an upright surface shows.

    Args:
        stood: upright.
        turn: upright_from_given, to be remembered.
        given: landmarks [3] placed by hand, upright; they win over those found.
        by_tracker: find those that are not given in a picture of it, as a camera would; else by its slits.

    Raises:
        RigError: there is none.
    """
    low, high = head_box(stood)
    view = front_view(stood, low, high)
    found = find_landmarks(view, tracked_landmarks(view) if by_tracker else given or None)
    _check_order(found.points)
    fit = fit_face(stood, view, found)
    with_eyes = "eye left inner" in found.points
    nose = found.points["nose tip"][2] - found.points["upper lip"][2] if "nose tip" in found.points else 0.0
    doubtful = not with_eyes and nose < NOSE_CM * fit.scale
    if by_tracker:  # which sees faces on balls as well
        doubtful = found.points["nose tip"][2] - found.points["nose base"][2] < TIP_CM * fit.scale
    if doubtful or fit.error > (WORST_ERROR_CM if with_eyes else WORST_WITHOUT_EYES_CM):
        raise RigError(
            "what looks like a mouth does not lie where a face has one: nose, chin and eyes are "
            f"{'' if with_eyes else 'missing or '}elsewhere; this is no face, or place the landmarks by hand"
        )
    return Facing(stood, turn, view, found, fit)


def _check_order(points: dict[str, Doubles]) -> None:
    """Raise RigError where landmarks do not lie over and beside each other as on a face."""
    rows = [("eye left outer", "eye left inner", "eye right inner", "eye right outer"), MOUTH[:2]]
    known = [[points[name] for name in row] for row in rows if all(name in points for name in row)]
    down = [float(np.mean([place[1] for place in row])) for row in known[:-1]]
    down += [float(points[name][1]) for name in ("nose tip", "upper lip", "chin") if name in points]
    beside = all(first[0] > second[0] for row in known for first, second in pairwise(row))
    over = all(first > second for first, second in pairwise(down))
    tilt = max(float(np.ptp([place[1] for place in row])) for row in known)
    if not beside or not over or tilt > TILT * (down[0] - down[-1]):
        raise RigError(
            "what looks like eyes, nose, mouth and chin does not lie in that order; this is no face, or place the "
            "landmarks by hand"
        )


def head_box(surface: Surface) -> tuple[Doubles, Doubles]:
    """Return low [2] and high [2] of the head from the front: all above the neck, where there are shoulders."""
    used = surface.vertices[np.unique(surface.triangles)]
    top, tall = used[:, 1].max(), np.ptp(used[:, 1])
    order = np.argsort(-used[:, 1])
    down, across = top - used[order, 1], used[order, 0]
    edges = tall * np.arange(0.0, 1.0 + SLICE, SLICE / 2)
    widths = []
    for edge in edges:
        first, past = np.searchsorted(down, [edge, edge + SLICE * tall])
        widths.append(np.ptp(across[first:past]) if past > first else 0.0)
    breadth = np.array(widths)
    widest = np.maximum.accumulate(breadth)
    cut = len(edges)
    for index in range(1, len(edges)):
        if edges[index] > 0.8 * widest[index - 1] and breadth[index] > SHOULDERS * widest[index - 1] > 0:
            crown = int(breadth[:index].argmax())
            neck = crown + int(np.where(breadth[crown:index] > 0, breadth[crown:index], np.inf).argmin())
            cut = neck
            break
    limit = edges[cut] if cut < len(edges) else tall
    head = used[used[:, 1] >= top - limit - 1e-9 * tall]
    low, high = head.min(axis=0)[:2], head.max(axis=0)[:2]
    wide, high_up = high - low
    if not 1 / OBLONG < high_up / max(wide, 1e-12) < OBLONG:
        raise RigError("the mesh has not the proportions of a head from this side; select the face's mesh")
    pad = MARGIN * (high - low)
    return low - pad, high + pad


def with_motions(facing: Facing, motions: Doubles) -> Facing:
    """Return a facing whose surface was moved in other ways: [K, N, 3] in the given space."""
    surface = Surface(facing.surface.vertices, facing.surface.triangles, motions @ facing.upright.T)
    return replace(facing, surface=surface)
