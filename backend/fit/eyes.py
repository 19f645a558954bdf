# SPDX-License-Identifier: GPL-3.0-or-later
"""The eyes in a head's front view: the largest pair of mirrored loops of slits above the mouth."""

from dataclasses import dataclass

import numpy as np

from .front_view import FrontView
from .groups import Pixels, joined, off_the_outline
from .surface import Doubles

APART = 0.75
"""Most distance between the middles of the eyes, in head widths: ears lie further out."""
TALLEST = 1.5
"""Most height of an eye, in its widths."""
WIDTH = (0.06, 0.45)
"""Least and most width of an eye, in head widths."""
UNEVEN = 0.5
"""Most difference between the two, in eye widths."""
LID_POINTS = 9
"""Points along a lid's edge: as many as the canonical face has."""
BEYOND_PX = 2
"""A corner is read this far outside of the loop, where there is skin."""


@dataclass(frozen=True)
class _Loop:
    pixels: Pixels
    left: int
    right: int
    top: int
    bottom: int

    @property
    def wide(self) -> int:
        return self.right - self.left + 1

    @property
    def tall(self) -> int:
        return self.bottom - self.top + 1


def find_eyes(view: FrontView, middle: int, width: int, above: int) -> tuple[dict[str, Doubles], dict[str, Doubles]]:
    """Return the eye corners [3] and the lids' edges [9, 3], by name; empty where there are none.

    Args:
        view: of the head.
        middle: column of the middle line.
        width: of the head, in pixels.
        above: row of the mouth.
    """
    marks = np.zeros(view.triangle.shape, bool)
    marks[:-1] |= view.slits | view.steps
    marks[:, :-1] |= view.sides
    groups = joined(marks & off_the_outline(view.triangle >= 0))
    loops = [_loop(group) for group in groups if group[:, 0].max() < above]
    fitting = [loop for loop in loops if WIDTH[0] * width <= loop.wide <= WIDTH[1] * width]
    pairs = [
        (min(left.wide * left.tall, right.wide * right.tall), left, right)
        for left in fitting
        for right in fitting
        if left.left > middle > right.right and _are_eyes(left, right, middle, width)
    ]
    if not pairs:
        return {}, {}
    _, left, right = max(pairs, key=lambda pair: pair[0])
    points = _corners(view, left, "left") | _corners(view, right, "right")
    lids = _lids(view, left, "left") | _lids(view, right, "right")
    if not all(np.isfinite(point).all() for point in points.values()):
        return {}, {}
    return points, lids if all(np.isfinite(edge).all() for edge in lids.values()) else {}


def _loop(group: Pixels) -> _Loop:
    (top, left), (bottom, right) = group.min(axis=0).tolist(), group.max(axis=0).tolist()
    return _Loop(group, left, right, top, bottom)


def _are_eyes(left: _Loop, right: _Loop, middle: int, width: int) -> bool:
    """Return whether two loops mirror each other where eyes lie."""
    apart = (left.left + left.right - right.left - right.right) / 2
    lop = abs(left.left + left.right + right.left + right.right - 4 * middle) / 2
    uneven = abs(left.top - right.top) + abs(left.bottom - right.bottom) + abs(left.wide - right.wide)
    tallest = max(left.tall / left.wide, right.tall / right.wide)
    return apart <= APART * width and tallest <= TALLEST and lop + uneven < UNEVEN * min(left.wide, right.wide)


def _corners(view: FrontView, loop: _Loop, side: str) -> dict[str, Doubles]:
    found: dict[str, Doubles] = {}
    ends = ("inner", "outer") if side == "left" else ("outer", "inner")
    for end, column, way in zip(ends, (loop.left, loop.right), (-1, 1), strict=True):
        row = int(np.median(loop.pixels[loop.pixels[:, 1] == column, 0]))
        found[f"eye {side} {end}"] = view.points[row, np.clip(column + way * BEYOND_PX, 0, view.points.shape[1] - 1)]
    return found


def _lids(view: FrontView, loop: _Loop, side: str) -> dict[str, Doubles]:
    """Return the upper and lower edge, from the outer corner to the inner one."""
    columns = np.unique(loop.pixels[:, 1])
    even = columns[np.round(np.linspace(0, len(columns) - 1, LID_POINTS)).astype(int)]
    rows = [loop.pixels[loop.pixels[:, 1] == column, 0] for column in even]
    edges = (
        view.points[np.array([row.min() for row in rows]), even],
        view.points[np.array([row.max() for row in rows]) + 1, even],
    )
    inwards = -1 if side == "left" else 1
    return {f"eye_{lid}_{side}": edge[::inwards] for lid, edge in zip(("upper", "lower"), edges, strict=True)}
