# SPDX-License-Identifier: GPL-3.0-or-later
"""Marked pixels of a view as connected groups."""

import numpy as np
from numpy.typing import NDArray

JOINS_PX = 2
"""Marked pixels this near to each other are one group."""
OUTLINE_PX = 4
"""How near to the head's outline nothing counts."""

Pixels = NDArray[np.int64]


def off_the_outline(seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return [H, W] what lies clear of the head's left and right outline."""
    columns = np.arange(seen.shape[1])
    first = seen.argmax(axis=1)[:, None]
    last = seen.shape[1] - 1 - seen[:, ::-1].argmax(axis=1)[:, None]
    return (columns > first + OUTLINE_PX) & (columns < last - OUTLINE_PX) & seen.any(axis=1, keepdims=True)


def joined(marks: NDArray[np.bool_]) -> list[Pixels]:
    """Return the connected groups of marked pixels, each as [n, 2] (row, column)."""
    left = set(zip(*(axis.tolist() for axis in np.nonzero(marks)), strict=True))
    reach = range(-JOINS_PX, JOINS_PX + 1)
    groups: list[Pixels] = []
    while left:
        front = [left.pop()]
        group: list[tuple[int, int]] = []
        while front:
            row, column = front.pop()
            group.append((row, column))
            near = {(row + down, column + right) for down in reach for right in reach} & left
            left -= near
            front += near
        groups.append(np.array(group))
    return groups
