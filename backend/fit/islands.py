# SPDX-License-Identifier: GPL-3.0-or-later
"""The pieces a head's mesh falls into, and what each is: skin, jaw (lower teeth, tongue), on the skin, or still."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.face import canonical_face
from .surface import Surface
from .template import FaceFit

SKIN, JAW, WORN, STILL = range(4)
"""What a piece does: is the face, goes with the jaw's bone, goes with the skin it lies on, does not move."""
INSIDE_CM = 0.3
"""A piece whose middle lies this far behind the lips is inside the mouth."""
MOUTH_HALF_CM, MOUTH_DEPTH_CM = 3.2, 7.5
"""How far to the sides and to the back the inside of a mouth reaches."""
LOWER_CM = 0.25
"""Lower teeth and tongue have their middle this far below the slit of the lips."""
FEWEST = 4
"""Pieces of fewer vertices are points and edges, which nothing shows."""
WORN_CM = 0.9
"""A piece nearer to the skin than this all over lies on it: brows, lashes, a beard."""


@dataclass(frozen=True)
class Islands:
    """Connected pieces of a surface."""

    label: NDArray[np.int64]
    """[N] piece of each vertex."""
    roles: NDArray[np.int64]
    """[P] one of `SKIN`, `JAW`, `WORN`, `STILL`."""

    def of(self, role: int) -> NDArray[np.bool_]:
        """Return [N] whether each vertex is of a piece with that role."""
        return self.roles[self.label] == role


def islands_of(surface: Surface, fit: FaceFit) -> Islands:
    """Return the pieces of a surface that the canonical face was laid onto."""
    label = _connected(surface)
    count = int(label.max()) + 1
    roles = np.full(count, STILL)
    hits = np.bincount(label[surface.triangles[fit.triangle, 0]], minlength=count)
    skin = int(hits.argmax())
    inner = np.concatenate([canonical_face().landmarks[f"lip_inner_{lip}"] for lip in ("upper", "lower")])
    slit = fit.at_rest()[inner].mean(axis=0)
    canonical = fit.to_canonical(surface.vertices)
    skin_places = canonical[label == skin]
    size = np.bincount(label, minlength=count)
    for piece in np.flatnonzero(size >= FEWEST).tolist():
        places = canonical[label == piece]
        middle = (places.min(axis=0) + places.max(axis=0)) / 2
        out = slit - middle
        inside = abs(out[0]) < MOUTH_HALF_CM and INSIDE_CM < out[2] < MOUTH_DEPTH_CM and abs(out[1]) < MOUTH_HALF_CM
        if piece == skin:
            roles[piece] = SKIN
        elif inside:
            roles[piece] = JAW if out[1] > LOWER_CM else STILL
        elif _lies_on(places, skin_places) and not _is_ball(places):
            roles[piece] = WORN
    return Islands(label, roles)


def _connected(surface: Surface) -> NDArray[np.int64]:
    """Return [N] number of the connected piece of each vertex."""
    lowest = np.arange(len(surface.vertices))
    start, end = surface.edges.T
    while True:
        before = lowest.copy()
        least = np.minimum(lowest[start], lowest[end])
        np.minimum.at(lowest, start, least)
        np.minimum.at(lowest, end, least)
        lowest = lowest[lowest]  # pointer jumping: long chains take few rounds
        if (lowest == before).all():
            break
    _, label = np.unique(lowest[surface.welded], return_inverse=True)
    return label.ravel().astype(np.int64)


def _lies_on(places: NDArray[np.float64], skin: NDArray[np.float64]) -> bool:
    """Return whether a piece is near the skin in front, all over."""
    some = places[:: max(1, len(places) // 60)]
    near = np.sqrt(((some[:, None] - skin[None]) ** 2).sum(axis=2).min(axis=1))
    return bool(near.max() < WORN_CM and some[:, 2].mean() > 0)


def _is_ball(places: NDArray[np.float64]) -> bool:
    """Return whether a piece is round, as eyeballs are: a sphere fitted to it leaves little over."""
    system = np.concatenate([2 * places, np.ones((len(places), 1))], axis=1)
    solution = np.linalg.lstsq(system, (places**2).sum(axis=1), rcond=None)[0]
    distance = np.linalg.norm(places - solution[:3], axis=1)
    return bool(distance.std() < 0.06 * distance.mean() and distance.mean() < 3.0)
