# SPDX-License-Identifier: GPL-3.0-or-later
"""The canonical face laid onto a mesh: which point of the mesh is which of the 468 vertices.

A similarity from the landmarks, then thin-plate splines through them, then the nearest seen surface with a stiff
sheet between (non-rigid ICP after Amberg et al. 2007, with the membrane as regulariser).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..core.errors import RigError
from ..core.face import canonical_face
from .front_view import FrontView
from .landmarks import LANDMARKS, FoundFace
from .surface import Doubles, Surface

TURNS = 12
STIFFNESS = (8.0, 1.0)
"""Weight of the sheet over that of the nearest points, at the first and the last turn."""
ANCHOR_WEIGHT = 6.0
REACH = 0.12
"""Nearest points further than this part of the face's height are not believed."""
FACING = 0.5
"""Least agreement of normals (cosine)."""
THINNED = 3
"""Of so many seen points one is looked at while the sheet settles."""
ROWS_AT_ONCE = 64
RIGID = ("eye left outer", "eye left inner", "eye right outer", "eye right inner", "nose tip", "chin",
         "mouth corner left", "mouth corner right", "upper lip", "lower lip")  # fmt: skip


@dataclass(frozen=True)
class FaceFit:
    """The canonical face on a mesh."""

    scale: float
    """Mesh units in a canonical centimetre."""
    rotation: Doubles
    """[3, 3] mesh_from_canonical."""
    offset: Doubles
    """[3] where the canonical origin lies."""
    placed: Doubles
    """[468, 3] on the mesh."""
    triangle: NDArray[np.int32]
    """[468] triangle that each vertex lies on."""
    barycentric: Doubles
    """[468, 3]."""
    error: float
    """Root mean square distance of the landmarks from the similarity, in canonical centimetres."""

    def at_rest(self) -> Doubles:
        """Return the placed vertices [468, 3] in canonical centimetres, as the mesh's own neutral face."""
        return (self.placed - self.offset) @ self.rotation / self.scale

    def to_canonical(self, points: Doubles) -> Doubles:
        """Return points [..., 3] of the mesh in canonical centimetres."""
        return (points - self.offset) @ self.rotation / self.scale


def fit_face(surface: Surface, view: FrontView, found: FoundFace) -> FaceFit:
    """Lay the canonical face onto a mesh.

    Raises:
        RigError: too few landmarks, or they do not lie like those of a face.
    """
    face = canonical_face()
    names = [name for name in RIGID if name in found.points]
    if len(names) < 4:
        raise RigError(f"only {len(names)} landmarks of the face are known; place them by hand")
    source = face.neutral_cm[[LANDMARKS[name] for name in names]].astype(np.float64)
    target = np.stack([found.points[name] for name in names])
    scale, rotation, offset = _similarity(source, target)
    moved = scale * source @ rotation.T + offset
    error = float(np.sqrt(((moved - target) ** 2).sum(axis=1).mean())) / scale
    anchors = _anchors(found)
    start = scale * face.neutral_cm.astype(np.float64) @ rotation.T + offset
    index = np.array(list(anchors))
    placed = start + _thin_plate(start[index], np.stack(list(anchors.values())) - start[index], start)
    placed, triangle, barycentric = _settle(surface, view, placed, anchors)
    if found.mouth is not None:  # lips that touch: the nearest place may be on the other one
        for group, pixels in (
            ("lip_inner_upper", found.mouth.upper_pixels),
            ("lip_inner_lower", found.mouth.lower_pixels),
        ):
            inner = slice(1, -1)  # both lips share the corners
            row, column = pixels[inner].T
            vertices = face.landmarks[group][inner]
            triangle[vertices], barycentric[vertices] = view.triangle[row, column], view.barycentric[row, column]
    return FaceFit(scale, rotation, offset, placed, triangle, barycentric, error)


def _anchors(found: FoundFace) -> dict[int, Doubles]:
    """Return canonical vertex -> place, for every landmark and the lip line."""
    face = canonical_face()
    anchors = {LANDMARKS[name]: point for name, point in found.points.items()}
    for group, edge in found.lids.items():
        inner = slice(1, -1)  # the corners are landmarks
        anchors |= {int(v): point for v, point in zip(face.landmarks[group][inner], edge[inner], strict=True)}
    if found.mouth is not None:
        for group, line in (("lip_inner_upper", found.mouth.upper), ("lip_inner_lower", found.mouth.lower)):
            anchors |= {int(v): point for v, point in zip(face.landmarks[group], line, strict=True)}
    return anchors


def _similarity(source: Doubles, target: Doubles) -> tuple[float, Doubles, Doubles]:
    """Return scale, rotation, offset with target ≈ scale · source · rotationᵀ + offset (Umeyama 1991)."""
    middle, aim = source.mean(axis=0), target.mean(axis=0)
    left, spread, right = np.linalg.svd((target - aim).T @ (source - middle))
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    rotation = (left * signs) @ right
    scale = float((spread * signs).sum() / ((source - middle) ** 2).sum())
    return scale, rotation, aim - scale * rotation @ middle


def _thin_plate(centres: Doubles, values: Doubles, points: Doubles, ease: float = 1e-3) -> Doubles:
    """Return values [N, 3] at points of the 3D thin-plate spline (kernel r, affine part) through centres [M, 3]."""
    size = float(np.ptp(centres, axis=0).max())
    kernel = np.linalg.norm(centres[:, None] - centres[None], axis=2) / size
    count = len(centres)
    affine = np.concatenate([np.ones((count, 1)), (centres - centres.mean(axis=0)) / size], axis=1)
    system = np.zeros((count + 4, count + 4))
    system[:count, :count] = kernel - ease * np.eye(count)
    system[:count, count:], system[count:, :count] = affine, affine.T
    system[count:, count:] = -1e-3 * np.eye(4)  # landmarks in one plane say nothing of depth
    solution = np.linalg.solve(system, np.concatenate([values, np.zeros((4, 3))]))
    reach = np.linalg.norm(points[:, None] - centres[None], axis=2) / size
    flat = np.concatenate([np.ones((len(points), 1)), (points - centres.mean(axis=0)) / size], axis=1)
    return reach @ solution[:count] + flat @ solution[count:]


@lru_cache(maxsize=1)
def _membrane() -> Doubles:
    """Return LᵀL [468, 468] of the canonical triangles."""
    face = canonical_face()
    count = len(face.neutral_cm)
    joined = np.zeros((count, count))
    for a, b in ((0, 1), (1, 2), (2, 0)):
        joined[face.triangles[:, a], face.triangles[:, b]] = joined[face.triangles[:, b], face.triangles[:, a]] = 1.0
    laplace = np.eye(count) - joined / np.maximum(joined.sum(axis=1, keepdims=True), 1.0)
    return laplace.T @ laplace


def _settle(
    surface: Surface, view: FrontView, placed: Doubles, anchors: dict[int, Doubles]
) -> tuple[Doubles, NDArray[np.int32], Doubles]:
    """Draw the sheet onto the seen surface; return places, triangles and barycentric coordinates."""
    seen = view.triangle >= 0
    cloud, owner, weights = view.points[seen], view.triangle[seen], view.barycentric[seen]
    normals = np.einsum("nk,nkc->nc", weights, surface.normals[surface.triangles[owner]])
    some = slice(None, None, THINNED)
    fixed = np.array(list(anchors))
    aims = np.stack(list(anchors.values()))
    reach = REACH * float(np.ptp(placed[:, 1]))
    start, shift = placed, np.zeros_like(placed)
    for turn in range(TURNS):
        stiff = STIFFNESS[0] * (STIFFNESS[1] / STIFFNESS[0]) ** (turn / (TURNS - 1))
        now = start + shift
        nearest, distance = _nearest(now, sheet_normals(now), cloud[some], normals[some])
        pull = np.where(distance < reach, 1.0, 0.0)
        pull[fixed] = 0.0
        target = cloud[some][nearest] - start
        goal = pull[:, None] * target
        weight = pull.copy()
        weight[fixed], goal[fixed] = ANCHOR_WEIGHT, ANCHOR_WEIGHT * (aims - start[fixed])
        shift = np.linalg.solve(np.diag(weight + 1e-6) + stiff * _membrane(), goal)
    now = start + shift
    now[fixed] = aims
    nearest, _ = _nearest(now, None, cloud, normals)
    return now, owner[nearest], weights[nearest]


def sheet_normals(vertices: Doubles) -> Doubles:
    """Return the unit normals [468, 3] of the canonical mesh at other places."""
    corners = vertices[canonical_face().triangles]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(total, canonical_face().triangles[:, corner], across)
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)


def _nearest(
    points: Doubles, facing: Doubles | None, cloud: Doubles, normals: Doubles
) -> tuple[NDArray[np.int64], Doubles]:
    """Return for each point the nearest of the cloud that faces alike, and its distance (infinite where none does)."""
    best, far = np.empty(len(points), np.int64), np.empty(len(points))
    small, squares = cloud.astype(np.float32), (cloud**2).sum(axis=1).astype(np.float32)
    for first in range(0, len(points), ROWS_AT_ONCE):
        part = slice(first, first + ROWS_AT_ONCE)
        distance = squares[None] - 2 * points[part].astype(np.float32) @ small.T
        if facing is not None:
            distance[facing[part] @ normals.T < FACING] = np.inf
        best[part] = distance.argmin(axis=1)
        far[part] = np.where(np.isfinite(distance.min(axis=1)), 0.0, np.inf)
    return best, far + np.linalg.norm(cloud[best] - points, axis=1)
