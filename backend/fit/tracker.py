# SPDX-License-Identifier: GPL-3.0-or-later
"""The landmarks of a head in a grey picture of it, by the tracker of videos, where that is installed.

For faces whose lips are no slit: painted mouths, one skin over both lips. The extension's zip has no tracker.
"""

from functools import lru_cache
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from ..core.errors import RigError
from .front_view import FrontView
from .landmarks import LANDMARKS
from .surface import Doubles

LIGHT = np.array([-0.30, 0.51, 0.81])
"""Towards the light, above and to the left of the camera."""
AMBIENT, LIT, BACKGROUND = 60.0, 170.0, 40
BORDER_PX = 30
NEEDED = ("mediapipe", "cv2", "av")


@lru_cache(maxsize=1)
def can_track() -> bool:
    """Return whether the tracker and all that it needs is installed."""
    package = (__package__ or "").rpartition(".")[0] + ".tracking"
    return all(find_spec(name) is not None for name in (*NEEDED, package))


def tracked_landmarks(view: FrontView) -> dict[str, Doubles]:
    """Return every landmark [3] where the tracker sees it, on the surface.

    Raises:
        RigError: it sees no face, or sees it beside the surface.
    """
    from ..tracking.landmarks import landmarks_in_picture

    found = landmarks_in_picture(picture(view))
    if found is None:
        raise RigError("no face was found in a picture of the mesh; place the landmarks by hand")
    places = found[list(LANDMARKS.values()), :2].astype(np.float64) * (1, -1) - BORDER_PX
    column, row = np.round(places).astype(np.int64).T
    height, width = view.triangle.shape
    points = view.points[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
    if not np.isfinite(points).all():
        raise RigError("the face found in a picture of the mesh lies beside it; place the landmarks by hand")
    return dict(zip(LANDMARKS, points, strict=True))


def picture(view: FrontView) -> NDArray[np.uint8]:
    """Return a grey picture [H, W, 3] of what is seen, lit from above, with a border."""
    surface = view.surface
    normals = np.einsum("hwk,hwkc->hwc", view.barycentric, surface.normals[surface.triangles[view.triangle]])
    grey = AMBIENT + LIT * np.clip(normals @ LIGHT, 0.0, 1.0)
    grey = np.where(view.triangle >= 0, grey, BACKGROUND).astype(np.uint8)
    return np.ascontiguousarray(np.repeat(np.pad(grey, BORDER_PX, constant_values=BACKGROUND)[..., None], 3, axis=2))
