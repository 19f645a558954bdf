# SPDX-License-Identifier: GPL-3.0-or-later
"""The skin beyond the face: from the face's oval over the crown and under the chin, down to the base of the neck.

Topologically a tube: 36 columns that start at the oval's vertices; the top ones sweep over the crown to the nape, the
bottom ones run under the chin to the throat.
"""

from dataclasses import dataclass

import numpy as np

from .parts import Points

ROWS = 15
"""Rows of vertices after the oval."""


@dataclass(frozen=True)
class Section:
    """A closed curve around the head, through two points of the middle line."""

    top: tuple[float, float]
    """Y and Z (cm) at the crown, back of the head or nape."""
    bottom: tuple[float, float]
    """Y and Z under the chin or at the throat."""
    half_width: float
    """Largest half width, cm."""
    low_width: float
    """Half width of the lower half as a share of an ellipse's: under 1 where jaw and throat are narrow."""
    bow: float
    """How far the sides lie behind the plane through top and bottom, cm, as the ears lie behind the face."""


SECTIONS = (
    Section((10.6, 2.9), (-9.9, 2.4), 7.95, 0.84, 6.1),
    Section((12.5, -2.2), (-9.9, 0.6), 8.3, 0.79, 4.6),
    Section((11.6, -8.0), (-10.4, -0.6), 8.4, 0.73, 2.6),
    Section((6.8, -12.3), (-11.6, -1.1), 7.9, 0.69, 0.8),
    Section((0.6, -12.6), (-13.0, -1.2), 6.7, 0.75, 0.0),
    Section((-5.0, -10.6), (-14.8, -1.0), 5.7, 0.88, 0.0),
    Section((-10.0, -9.7), (-16.6, -0.6), 5.5, 1.0, 0.0),
    Section((-16.0, -10.4), (-18.6, 0.2), 6.3, 1.0, 0.0),
)
"""From behind the face to the base of the neck."""

FOLLOW = (0.8, 0.6, 0.42, 0.28, 0.17, 0.09, 0.04)
"""How far each row goes with the face's edge: the skin of the throat follows the jaw and fades into the neck."""


def skull_rows(oval_cm: Points) -> Points:
    """Return the rows [ROWS, 36, 3] beyond the oval [36, 3] (from the forehead's middle, subject's left first)."""
    angle = _column_angles(oval_cm)
    stations = np.concatenate([oval_cm[None], [_section_points(section, angle) for section in SECTIONS]])
    at = np.linspace(0, len(SECTIONS), ROWS + 1)[1:]
    return np.stack([_catmull_rom(stations, value) for value in at])


def follow_rows(oval_displacement_cm: Points) -> Points:
    """Return the displacement [ROWS, 36, ...] of the rows when the oval moves by [36, ...]."""
    share = np.zeros(ROWS)
    share[: len(FOLLOW)] = FOLLOW
    return share.reshape(-1, *[1] * oval_displacement_cm.ndim) * oval_displacement_cm


def _column_angles(oval_cm: Points) -> Points:
    """Return [36] angles, 0 at the top, a half turn at the chin, by distance along each half of the oval."""
    step = np.linalg.norm(np.diff(oval_cm, axis=0, append=oval_cm[:1]), axis=1)
    travelled = np.concatenate([[0.0], np.cumsum(step)[:-1]])
    return 2 * np.pi * travelled / step.sum()


def _section_points(section: Section, angle: Points) -> Points:
    """Return the points [36, 3] of a section at the column angles."""
    top, bottom = np.array(section.top), np.array(section.bottom)
    cosine = np.cos(angle)
    share = 0.5 * (1 + cosine)[:, None]
    height_depth = share * top + (1 - share) * bottom
    lower = np.clip(-cosine, 0.0, 1.0)
    width = section.half_width * (1 - (1 - section.low_width) * lower**0.7)
    height_depth[:, 1] -= section.bow * np.abs(np.sin(angle)) ** 1.6
    # Fuller than an ellipse above, or the head ends in a point.
    sine = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** np.where(cosine > 0, 0.82, 1.0)
    return np.column_stack([width * sine, height_depth])


def _catmull_rom(stations: Points, at: float) -> Points:
    """Return the points [36, 3] of the spline through stations [K, 36, 3] at a place 0..K-1."""
    last = len(stations) - 1
    low = min(int(at), last - 1)
    t = at - low
    p1, p2 = stations[low], stations[low + 1]
    p0 = stations[low - 1] if low > 0 else 2 * p1 - p2
    p3 = stations[low + 2] if low + 2 <= last else 2 * p2 - p1
    return 0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * (p1 - p2) + p3 - p0) * t**3)
