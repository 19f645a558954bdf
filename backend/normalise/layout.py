# SPDX-License-Identifier: GPL-3.0-or-later
"""The texture atlas's layout: which point of the face each texel shows.

The canonical UVs nearly close the lips (0.8 texels of 256 between them), so there is no room for teeth and tongue,
which a predicted texture needs. The layout therefore opens the mouth in UV: the inner lips move apart by `OPENING` of
the atlas at the middle, as a parabola to the corners; the outer lips move along, so that lips keep their height; all
other vertices follow as a bending plate would, with eyes, nose and outline held. Triangles between the lips and in the
eyes fill the holes (by those the published face of 898 triangles differs from ours of 852). Left-right symmetry about
u = 0.5 is kept exactly.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..core.face import CanonicalFace, canonical_face
from ..core.fillers import HOLES, closed_triangles, hole_triangles
from ..core.raster import rasterise
from ..core.types import Floats
from .sampling import extended, sample_places

DEFAULT_SIZE = 256
OPENING = 0.075
"""Height of the opened inner mouth at its middle, as a share of the atlas (19 texels of 256)."""
UPPER_SHARE = 0.35
"""Part of the opening by which the upper lip rises; the lower one falls by the rest, as there is more room there."""


@dataclass(frozen=True)
class AtlasLayout:
    """Where each texel lies on the mesh; made by `atlas_layout`."""

    size: int
    """Texels along each side."""
    uv: Floats
    """[468, 2] the opened UVs, v upwards."""
    triangles: NDArray[np.int32]
    """[898, 3] the face's, then the mouth's 18, then the eyes' 28."""
    mouth_start: int
    """Index of the first triangle between the lips."""
    eyes_start: int
    """Index of the first triangle in an eye."""
    texels: NDArray[np.int64]
    """[N] flat indices of the texels that show the face."""
    triangle: NDArray[np.int32]
    """[N] their triangles."""
    corners: NDArray[np.int32]
    """[3, N] the vertices of those."""
    weights: Floats
    """[3, N] the barycentric weights."""

    def interpolate(self, values: Floats) -> Floats:
        """Return values [K, N] at the texels of values [468, K] at the vertices."""
        columns = np.ascontiguousarray(values.T, np.float32)
        total = columns.take(self.corners[0], axis=1) * self.weights[0]
        total += columns.take(self.corners[1], axis=1) * self.weights[1]
        total += columns.take(self.corners[2], axis=1) * self.weights[2]
        return total

    def picture(self, values: NDArray[np.float32], elsewhere: float = 0.0) -> Floats:
        """Return texel values [N] or [N, C] as a picture [S, S] or [S, S, C]."""
        flat = np.full((self.size**2, *values.shape[1:]), elsewhere, np.float32)
        flat[self.texels] = values
        return flat.reshape(self.size, self.size, *values.shape[1:])

    def uv_px(self) -> Floats:
        """Return the vertices' places [468, 2] in the atlas: x right, y down, texel centres at whole numbers."""
        return _to_px(self.uv, self.size)

    def from_canonical(self, picture: Floats) -> Floats:
        """Return a picture [H, W, C] over the canonical UVs as one [S, S, C] in this layout.

        Between the lips, which the canonical UVs do not show, it repeats the colour of their edge.
        """
        height, width = picture.shape[:2]
        u, v = self.interpolate(canonical_face().uv)
        scale = np.array([width, height], np.float32)
        places = np.stack([canonical_face().uv[:, 0], 1 - canonical_face().uv[:, 1]], axis=-1) * scale - 0.5
        covered = rasterise(places, canonical_face().triangles, (height, width)).triangle >= 0
        colours = sample_places(extended(picture, covered), u * width - 0.5, (1 - v) * height - 0.5)
        return self.picture(colours)


@lru_cache(maxsize=4)
def atlas_layout(size: int = DEFAULT_SIZE) -> AtlasLayout:
    """Return the layout of an atlas of `size` texels a side (about 0.1 s; kept)."""
    if not 16 <= size <= 4096:
        raise ValueError(f"atlas size {size}: 16 to 4096 texels")
    face = canonical_face()
    uv = open_uv(face)
    triangles = closed_triangles()
    coverage = rasterise(_to_px(uv, size), triangles, (size, size))
    texels = np.flatnonzero(coverage.triangle.ravel() >= 0)
    triangle = coverage.triangle.ravel()[texels]
    return AtlasLayout(
        size=size,
        uv=uv,
        triangles=triangles,
        mouth_start=len(face.triangles),
        eyes_start=len(face.triangles) + len(hole_triangles(face, *HOLES[0])),
        texels=texels,
        triangle=triangle,
        corners=np.ascontiguousarray(triangles[triangle].T),
        weights=np.ascontiguousarray(coverage.barycentric.reshape(-1, 3)[texels].T),
    )


def open_uv(face: CanonicalFace) -> Floats:
    """Return the canonical UVs [468, 2] with the mouth opened by `OPENING`."""
    uv = face.uv.astype(np.float64)
    held = np.concatenate(
        [
            face.landmarks["face_oval"],
            *(face.landmarks[name] for names in HOLES[1:] for name in names),
            face.landmarks["nose"],
        ]
    )
    rise = np.full(len(uv), np.nan)
    rise[held] = 0.0
    for ring in ("inner", "outer"):
        for side, share in (("upper", UPPER_SHARE), ("lower", UPPER_SHARE - 1)):
            edge = face.landmarks[f"lip_{ring}_{side}"]
            off_middle = np.abs(uv[edge, 0] - 0.5)
            rise[edge] = share * OPENING * (1 - (off_middle / off_middle.max()) ** 2)
    opened = uv.copy()
    opened[:, 1] += _bend(face.triangles, rise)
    return _symmetric(opened, uv).astype(np.float32)


def _bend(triangles: NDArray[np.int32], known: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fill the NaN of a vertex field [V] so that its discrete bending (squared Laplacian) is least."""
    laplacian = np.zeros((len(known), len(known)))
    for side in range(3):
        a, b = triangles[:, side], triangles[:, (side + 1) % 3]
        laplacian[a, b] = laplacian[b, a] = 1.0
    laplacian /= laplacian.sum(axis=1, keepdims=True)
    laplacian -= np.eye(len(known))
    free = np.isnan(known)
    filled = np.where(free, 0.0, known)
    bending = laplacian.T @ laplacian
    filled[free] = np.linalg.solve(bending[np.ix_(free, free)], -bending[np.ix_(free, ~free)] @ known[~free])
    return filled


def _symmetric(moved: NDArray[np.float64], uv: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average each vertex [V, 2] with the mirror image of its partner, which the unmoved UVs tell."""
    mirror = np.abs((uv * (-1, 1) + (1, 0))[:, None] - uv[None]).sum(axis=-1).argmin(axis=1)
    return (moved + moved[mirror] * (-1, 1) + (1, 0)) / 2


def _to_px(uv: NDArray[np.float32] | NDArray[np.float64], size: int) -> Floats:
    """Return UVs as texel places, x right, y down."""
    return np.stack([uv[:, 0] * size - 0.5, (1 - uv[:, 1]) * size - 0.5], axis=-1).astype(np.float32)
