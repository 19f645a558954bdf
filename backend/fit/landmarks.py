# SPDX-License-Identifier: GPL-3.0-or-later
"""A dozen landmarks of a face, found in its front view: mouth, eyes, nose and chin."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.errors import RigError
from .eyes import find_eyes
from .front_view import FrontView
from .groups import Pixels, joined
from .surface import Doubles

LANDMARKS: dict[str, int] = {
    "mouth corner left": 308,
    "mouth corner right": 78,
    "upper lip": 13,
    "lower lip": 14,
    "nose tip": 4,
    "nose base": 2,
    "chin": 175,
    "brow middle": 9,
    "eye left outer": 263,
    "eye left inner": 362,
    "eye right outer": 33,
    "eye right inner": 133,
}
"""Landmark -> vertex of the canonical face. Left and right are the subject's; corners are those of the slit between
the lips, `upper lip` and `lower lip` its middle."""

MOUTH_WIDTH = (0.06, 0.75)
"""Of the head's width: mouths narrower or wider are none."""
SLIT_SHARE = 0.1
"""Part of a mouth's columns where the lips are apart along the surface; elsewhere one may just hide the other."""
OFF_MIDDLE = 0.25
"""How far a mouth's middle may lie off the head's, in mouth widths."""
BESIDE = 0.25
"""How far off corners placed by hand the slit may lie, in mouth widths."""
MOUTH = ("mouth corner left", "mouth corner right", "upper lip", "lower lip")
EDGE_POINTS = 11
"""Points along a lip edge: as many as the canonical face has."""
CORNER_PX = 12.0
"""How much further than the slit the corner of the mouth may lie."""
NO_MOUTH = (
    "no mouth was found: from the front there is no slit between two lips near the middle of the head; "
    "place the landmarks by hand, or cut the mouth open first"
)
CHIN_SLOPE = (-0.5, 0.87)
"""The chin is the lowest foremost place: furthest along (up, forward)."""


@dataclass(frozen=True)
class Mouth:
    """The slit between the lips."""

    upper: Doubles
    """[11, 3] inner edge of the upper lip, from the subject's right corner to the left one."""
    lower: Doubles
    """[11, 3] of the lower lip."""
    upper_pixels: Pixels
    """[11, 2] (row, column) of the view that show the upper lip's edge."""
    lower_pixels: Pixels
    rows: tuple[int, int]
    """First and last row of the slit in the view."""
    columns: tuple[int, int]


@dataclass(frozen=True)
class FoundFace:
    """What is known of a face's places, in the mesh's space."""

    points: dict[str, Doubles]
    """Landmark -> [3]; those that were not found are not there."""
    mouth: Mouth | None
    """None where the lips are not apart from each other."""
    lids: dict[str, Doubles]
    """`eye_upper_left` and the like -> [9, 3] a lid's edge from the outer corner to the inner one, where found."""


def find_landmarks(view: FrontView, given: dict[str, Doubles] | None = None) -> FoundFace:
    """Return the landmarks of the face in a view.

    Args:
        view: of the head.
        given: landmarks [3] placed by hand, which win; the lips are then looked for between the mouth corners.

    Raises:
        RigError: no mouth is to be seen; eyes, nose and chin may be missing.
    """
    seen = view.triangle >= 0
    if not seen.any():
        raise RigError("nothing of the mesh is seen from the front; its normals may point inwards (Mesh > Normals)")
    if given and all(name in given for name in MOUTH):
        mouth = _slit_between(view, given)
        return FoundFace(given | (_mouth_points(mouth) if mouth else {}), mouth, {})
    middle, width = _middle(seen)
    mouth = _mouth(view, middle, width)
    middle = round(sum(mouth.columns) / 2)
    eyes, lids = find_eyes(view, middle, width, mouth.rows[0])
    points = _mouth_points(mouth) | eyes
    points |= _profile(view, middle, mouth, points)
    return FoundFace(points | (given or {}), mouth, lids)


def _mouth_points(mouth: Mouth) -> dict[str, Doubles]:
    """Return the landmarks of `MOUTH`."""
    right, left = ((mouth.upper[end] + mouth.lower[end]) / 2 for end in (0, -1))
    return dict(zip(MOUTH, (left, right, mouth.upper[EDGE_POINTS // 2], mouth.lower[EDGE_POINTS // 2]), strict=True))


def _slit_between(view: FrontView, given: dict[str, Doubles]) -> Mouth | None:
    """Return the slit between mouth corners placed by hand, if there is one."""
    corners = np.stack([given[name] for name in MOUTH])
    low, high = corners.min(axis=0), corners.max(axis=0)
    reach = BESIDE * (high[0] - low[0])
    places = view.points[:-1]
    with np.errstate(invalid="ignore"):
        near = (places[..., 0] >= low[0] - view.pixel) & (places[..., 0] <= high[0] + view.pixel)
        near &= (places[..., 1] >= low[1] - reach) & (places[..., 1] <= high[1] + reach)
    marks = view.slits & near
    group = np.stack(np.nonzero(marks), axis=1)
    if len(np.unique(group[:, 1])) * view.pixel < SLIT_SHARE * (high[0] - low[0]):
        return None
    try:
        return _lips(view, np.stack(np.nonzero((view.slits | view.steps) & near), axis=1))
    except RigError:  # too short for two lips
        return None


def _middle(seen: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the column of the middle line, and the head's width in pixels."""
    rows = np.flatnonzero(seen.any(axis=1))
    first = seen[rows].argmax(axis=1)
    last = seen.shape[1] - 1 - seen[rows, ::-1].argmax(axis=1)
    return round(float(np.median((first + last) / 2))), int(np.percentile(last - first, 90)) + 1


def _mouth(view: FrontView, middle: int, width: int) -> Mouth:
    fitting: list[tuple[float, Pixels]] = []
    for group in joined(view.slits | view.steps):
        first, last = int(group[:, 1].min()), int(group[:, 1].max())
        wide = last - first + 1
        high = int(np.ptp(group[:, 0])) + 1
        lop = abs((first + last) / 2 - middle)
        parted = len(np.unique(group[view.slits[group[:, 0], group[:, 1]], 1]))
        if parted < SLIT_SHARE * wide:
            continue
        if MOUTH_WIDTH[0] * width <= wide <= MOUTH_WIDTH[1] * width and lop <= OFF_MIDDLE * wide and high < 0.8 * wide:
            fitting.append((parted - lop, group))
    if not fitting:
        raise RigError(NO_MOUTH)
    group = max(fitting, key=lambda entry: entry[0])[1]
    return _lips(view, group)


def _lips(view: FrontView, group: Pixels) -> Mouth:
    """Return the inner lip edges along a slit, evenly over its length."""
    columns = np.unique(group[:, 1])
    top = np.array([group[group[:, 1] == column, 0].min() for column in columns])
    low = np.array([group[group[:, 1] == column, 0].max() for column in columns]) + 1
    whole = np.isfinite(view.points[top, columns]).all(axis=1) & np.isfinite(view.points[low, columns]).all(axis=1)
    if whole.sum() < EDGE_POINTS:
        raise RigError(NO_MOUTH)
    columns, top, low = columns[whole], top[whole], low[whole]
    ends = [_corner(view, (top[end], columns[end]), (low[end], columns[end]), sign) for end, sign in ((0, -1), (-1, 1))]
    line = (view.points[top, columns] + view.points[low, columns]) / 2
    whole_line = np.concatenate([ends[:1], line, ends[1:]])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(whole_line[:, :2], axis=0), axis=1))])
    even = np.abs(np.linspace(0, along[-1], EDGE_POINTS)[:, None] - along[None, 1:-1]).argmin(axis=1)
    upper, lower = (np.stack([rows[even], columns[even]], axis=1) for rows in (top, low))
    edges = [view.points[tuple(pixels.T)] for pixels in (upper, lower)]
    for edge in edges:
        edge[0], edge[-1] = ends
    return Mouth(
        upper=edges[0],
        lower=edges[1],
        upper_pixels=upper,
        lower_pixels=lower,
        rows=(int(top.min()), int(low.max())),
        columns=(int(columns[0]), int(columns[-1])),
    )


def _corner(view: FrontView, above: tuple[int, int], below: tuple[int, int], outwards: int) -> Doubles:
    """Return the mouth corner [3]: where the way along the skin from one lip to the other turns round."""
    surface = view.surface
    here, there = (surface.welded[surface.triangles[view.triangle[pixel]]] for pixel in (above, below))
    middle = (view.points[above] + view.points[below]) / 2
    reach = CORNER_PX * view.pixel
    best = middle
    for start in here.tolist():
        known = surface.way(start, set(there.tolist()), reach)
        for vertex in known:
            place = surface.vertices[vertex]
            if 0 < outwards * (place[0] - middle[0]) < reach and outwards * (place[0] - best[0]) > 0:
                best = place
        if known:
            break
    return best


def _profile(view: FrontView, middle: int, mouth: Mouth, known: dict[str, Doubles]) -> dict[str, Doubles]:
    """Return nose and chin, from the line down the middle."""
    strip = view.points[:, max(middle - 1, 0) : middle + 2]
    with np.errstate(invalid="ignore"):
        nearest = np.where(np.isnan(strip[..., 2]), -np.inf, strip[..., 2]).argmax(axis=1)
    line = strip[np.arange(len(strip)), nearest]
    lips_y, mouth_wide = float(mouth.upper[5, 1]), float(np.linalg.norm(mouth.upper[-1] - mouth.upper[0]))
    eyes = [point[1] for name, point in known.items() if name.startswith("eye")]
    tall = float(np.mean(eyes)) - lips_y if eyes else 1.6 * mouth_wide
    found: dict[str, Doubles] = {}
    above = line[(line[:, 1] > lips_y + 0.15 * tall) & (line[:, 1] < lips_y + 0.95 * tall)]
    if len(above):
        found["nose tip"] = above[above[:, 2].argmax()]
    below = line[(line[:, 1] < float(mouth.lower[5, 1]) - 0.25 * tall) & (line[:, 1] > lips_y - 1.1 * tall)]
    if len(below):
        found["chin"] = below[(below[:, 1:] @ CHIN_SLOPE).argmax()]
    return found
