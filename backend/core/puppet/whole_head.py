# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh of a talking head: the face alone, or with the back of the head and the neck, so that it stands in a scene.

What is added follows the face linearly: where the face moves by a shape, the head moves by `HeadMesh.moved` of it. So a
clip's shapes stay what they are, and their number too. The skull is the demo head's, fitted to the speaker along each
axis. No camera saw what lies behind: its colours run from those of the face's edge to the commonest of these, and lie
in a corner of the atlas that the face leaves free. Eyes, teeth and tongue are the texture's, which moves as they do.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..face import canonical_face
from ..fillers import closed_triangles
from ..head.skull import ROWS, follow_rows, skull_rows
from ..types import Floats

PATCH = (0.01, 0.01, 0.19, 0.13)
"""Left, bottom, right and top of the free corner, in UVs."""
PAD = 2
"""Texels by which the colours go beyond that corner, for what samples at its border."""
INWARD = 0.03
"""How far, of the way to the middle of the atlas, the edge's colours are taken from inside it."""
FADE_ROWS = 2.5
"""Rows behind the face after which a colour has gone by 63 % of the way to the commonest."""
FACE = 468


@dataclass(frozen=True)
class HeadMesh:
    """A head at rest; its first 468 vertices are the face's. Corners are vertices with a place in the texture."""

    vertices_cm: Floats
    """[V, 3]"""
    vertex_of: NDArray[np.int32]
    """[C] of each corner."""
    uv: Floats
    """[C, 2] v upwards."""
    triangles: NDArray[np.int32]
    """[F, 3] of corners, counter-clockwise seen from outside."""

    @property
    def faces(self) -> NDArray[np.int32]:
        """The triangles [F, 3], of vertices."""
        return self.vertex_of[self.triangles]

    def moved(self, face_cm: Floats) -> Floats:
        """Return the displacement [V, 3] of the head for one of the face [468, 3]."""
        if len(self.vertices_cm) == FACE:
            return face_cm
        rows = follow_rows(face_cm[_oval()].astype(np.float64))
        return np.concatenate([face_cm, rows.reshape(-1, 3)]).astype(np.float32)


def head_mesh(neutral_cm: Floats, uv: Floats, *, back: bool = False) -> HeadMesh:
    """Return the mesh of a speaker's head.

    Args:
        neutral_cm: [468, 3] the face at rest.
        uv: [468, 2] v upwards.
        back: whether back of the head and neck belong to it; the texture must be `with_back` then.
    """
    if not back:
        return HeadMesh(neutral_cm, np.arange(FACE, dtype=np.int32), uv, closed_triangles())
    oval = _oval()
    scale, shift = _fit(neutral_cm.astype(np.float64))
    rows = skull_rows((neutral_cm[oval] - shift) / scale) * scale + shift
    inside = uv.copy()
    inside[oval] += INWARD * (uv.mean(axis=0) - uv[oval])  # beyond the edge the atlas is black
    count = len(oval)
    behind = FACE + np.arange(ROWS * count).reshape(ROWS, count)
    rings = np.concatenate([oval[None], behind])
    closed = np.concatenate([rings, rings[:, :1]], axis=1)  # the last column is the first one again, at another place
    corners = FACE + np.arange(closed.size).reshape(closed.shape)
    return HeadMesh(
        np.concatenate([neutral_cm, rows.reshape(-1, 3)]).astype(np.float32),
        np.concatenate([np.arange(FACE), closed.ravel()]).astype(np.int32),
        np.concatenate([inside, _patch_uv().reshape(-1, 2)]).astype(np.float32),
        np.concatenate([closed_triangles(), _grid(corners)]),
    )


def with_back(atlas: NDArray[np.uint8], uv: Floats) -> NDArray[np.uint8]:
    """Return an atlas [S, S, 3] with the colours of the back of the head in its free corner.

    Args:
        atlas: of the speaker.
        uv: [468, 2] v upwards.
    """
    size = len(atlas)
    edge = uv[_oval()]
    edge = edge + INWARD * (uv.mean(axis=0) - edge)
    column, row = np.clip(np.stack([edge[:, 0], 1 - edge[:, 1]]) * size, 0, size - 1).astype(int)
    colours = atlas[row, column].astype(np.float32)
    colours = np.concatenate([colours, colours[:1]])
    common = np.median(colours, axis=0)
    left, bottom, right, top = PATCH
    x = np.arange(max(0, int(left * size) - PAD), int(np.ceil(right * size)) + PAD)
    y = np.arange(int((1 - top) * size) - PAD, min(size, int(np.ceil((1 - bottom) * size)) + PAD))
    along = np.clip(((x + 0.5) / size - left) / (right - left), 0, 1) * (len(colours) - 1)
    away = np.clip((top - 1 + (y + 0.5) / size) / (top - bottom), 0, 1) * ROWS
    edge_colours = np.stack([np.interp(along, np.arange(len(colours)), one) for one in colours.T], axis=-1)
    patch = common + (edge_colours - common) * np.exp(-away / FADE_ROWS)[:, None, None]
    painted = atlas.copy()
    painted[y[0] : y[-1] + 1, x[0] : x[-1] + 1] = np.clip(np.round(patch), 0, 255)
    return painted


def _patch_uv() -> Floats:
    """Return the places [ROWS + 1, 37, 2] of the skull's corners in the free corner, the face's edge at the top."""
    left, bottom, right, top = PATCH
    across = np.linspace(left, right, len(_oval()) + 1)
    down = np.linspace(top, bottom, ROWS + 1)
    return np.stack(np.meshgrid(across, down), axis=-1).astype(np.float32)


def _oval() -> NDArray[np.int64]:
    return canonical_face().landmarks["face_oval"].astype(np.int64)


def _fit(neutral_cm: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return scale and shift [3] along each axis that bring the canonical face nearest to a speaker's."""
    canonical = canonical_face().neutral_cm.astype(np.float64)
    middle, own = canonical.mean(axis=0), neutral_cm.mean(axis=0)
    scale = ((canonical - middle) * (neutral_cm - own)).sum(axis=0) / ((canonical - middle) ** 2).sum(axis=0)
    return scale, own - scale * middle


def _grid(corners: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the triangles of a grid of corners [R, C], facing out where rows go back and columns to the left."""
    near, far = corners[:-1, :-1].ravel(), corners[1:, :-1].ravel()
    next_near, next_far = corners[:-1, 1:].ravel(), corners[1:, 1:].ravel()
    pairs = [np.stack([near, next_far, far], -1), np.stack([near, next_near, next_far], -1)]
    return np.concatenate(pairs).astype(np.int32)
