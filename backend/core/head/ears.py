# SPDX-License-Identifier: GPL-3.0-or-later
"""The ears: a shell with a raised rim, a hollow and a lobe; stylised, and still."""

import numpy as np

from .parts import MATERIAL_INDEX, HeadPart, Indices, Points, grid_faces, make_part

PLACE_CM = (7.75, 0.7, -4.4)
"""Middle of the left ear's root."""
SIZE_CM = (1.75, 3.0)
"""Half depth and half height."""
AROUND = 36
PROFILE = (
    (0.0, -0.1, 0.0),
    (0.35, -0.05, 0.0),
    (0.62, 0.25, 0.1),
    (0.78, 0.55, 0.3),
    (0.9, 0.62, 0.6),
    (1.0, 0.6, 1.0),
    (1.03, 0.42, 1.0),
    (0.95, 0.25, 1.0),
    (0.7, 0.0, 0.8),
    (0.5, -0.6, 0.4),
)
"""From the hollow over the rim to the back: share of the outline, rise in cm, how much the ear stands out there."""


def ears() -> HeadPart:
    """Return both ears in one mesh."""
    left, faces = _ear()
    count = len(left)
    right = left * (-1, 1, 1)
    both = np.concatenate([faces, faces[:, ::-1] + count])
    return make_part("ears", np.concatenate([left, right]), both, MATERIAL_INDEX["skin"])


def _ear() -> tuple[Points, Indices]:
    angle = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    back, up = np.cos(angle), np.sin(angle)
    # Egg shaped: broad above, a narrow lobe below, flat in front where it joins the cheek.
    breadth = np.where(back > 0, 1.0 + 0.12 * up, 0.62 + 0.1 * up) * np.where(up < 0, 1 - 0.28 * up**2, 1.0)
    rows: list[Points] = []
    for share, rise, stand in PROFILE:
        depth, height = share * back * breadth * SIZE_CM[0], share * up * SIZE_CM[1]
        # The back of the ear stands off the head; the front lies on it.
        outward = rise * (0.45 + 0.55 * np.clip(back + 0.5, 0, 1)) + stand * 0.75 * np.clip(back + 0.35, 0, None)
        rows.append(np.column_stack([outward, height + 0.12 * depth, -depth - 0.1 * height]))
    centre = np.array([[-0.1, 0.0, 0.0]])
    points = np.concatenate([*rows, centre]) + PLACE_CM
    ring = np.arange(AROUND)
    cap = np.stack([ring, (ring + 1) % AROUND, np.full(AROUND, len(points) - 1)], axis=1)
    return points, np.concatenate([grid_faces(len(rows), AROUND, wrap=True), cap[:, ::-1]])[:, ::-1]
