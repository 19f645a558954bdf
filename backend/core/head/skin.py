# SPDX-License-Identifier: GPL-3.0-or-later
"""The skin: face, skull, neck, lid rims and the inside of the mouth in one mesh, subdivided until smooth."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..face import CanonicalFace
from .eyes import globe
from .openings import BAG_RINGS, LID_RINGS, Lining, lid_loop, lid_rim, mouth_bag, opening_loop
from .parts import MATERIAL_INDEX, HeadPart, Indices, Points, make_part
from .skull import ROWS, follow_rows, skull_rows
from .subdivide import hold_shape, subdivide

LEVELS = 2
EYES_OPEN = 0.9
"""How much of eyeWide the head wears at rest: the canonical face's eyes are nearly shut."""
CLEAR_CM = 0.07
"""Thickness of a lid over the eyeball."""


@dataclass(frozen=True)
class Cage:
    """The coarse mesh that is subdivided."""

    vertices_cm: Points
    """[V, 3]; the first 468 are the face's."""
    faces: Indices
    """[F, 3]."""
    materials: Indices
    """[F]."""
    creases: Indices
    """[E, 2]: edges of lips and lids, which meet exactly when they close."""
    shapes: Points
    """[S, V, 3]."""
    lids: Points
    """[V] 1 on the face, 0 on rims, bag and skull: what the eyeballs hold out."""


def wide_eyes(face: CanonicalFace, basis: dict[str, Points]) -> tuple[Points, dict[str, Points]]:
    """Return the neutral with its eyes open, and the basis such that a blink still closes them."""
    opening = EYES_OPEN * (basis["eyeWideLeft"] + basis["eyeWideRight"])
    closing = {
        name: field - EYES_OPEN * basis[f"eyeWide{'Left' if name.endswith('Left') else 'Right'}"]
        for name, field in basis.items()
        if name.startswith("eyeBlink")
    }
    return face.neutral_cm + opening, basis | closing


def skin(face: CanonicalFace, neutral_cm: Points, basis: dict[str, Points]) -> HeadPart:
    """Return the skin of the head with every shape of the basis.

    Args:
        face: the canonical face.
        neutral_cm: [468, 3] its neutral, as the head wears it.
        basis: blendshape name: displacement [468, 3].
    """
    cage = _cage(face, neutral_cm, np.stack(list(basis.values())))
    uv = _cage_uv(face)
    values = np.concatenate(
        [cage.vertices_cm, np.moveaxis(cage.shapes, 0, 1).reshape(len(cage.vertices_cm), -1)], axis=1
    )
    values = hold_shape(values, cage.faces, cage.creases)
    values = np.concatenate([values, uv, cage.lids[:, None]], axis=1)
    faces, creases = cage.faces, cage.creases
    for _ in range(LEVELS):
        refined = subdivide(values, faces, creases)
        values, faces, creases = refined.values, refined.faces, refined.creases
    vertices, lids = values[:, :3], values[:, -1] > 0.99
    vertices = _off_the_globes(vertices, lids)
    fields = np.moveaxis(values[:, 3:-3].reshape(len(values), -1, 3), 1, 0)
    shapes = {
        name: _off_the_globes(vertices + field, lids) - vertices if name.startswith("eye") else field
        for name, field in zip(basis, fields, strict=True)
    }
    materials = np.repeat(cage.materials, 4**LEVELS)
    return make_part("skin", vertices, faces, materials, shapes, values[:, -3:-1])


def _cage(face: CanonicalFace, neutral_cm: Points, shapes: Points) -> Cage:
    """Join the face with all that continues it."""
    oval = face.landmarks["face_oval"].astype(np.int64)
    linings = [
        (mouth_bag(face), "mouth inside", True),
        *((lid_rim(face, neutral_cm, side, globe(side)), "lid edge", False) for side in ("left", "right")),
    ]
    rows = skull_rows(neutral_cm[oval])
    vertices = [neutral_cm, rows.reshape(-1, 3)]
    moved = np.moveaxis(shapes, 0, 1)
    fields = [moved, follow_rows(moved[oval]).reshape(-1, *moved.shape[1:])]
    faces = [face.triangles.astype(np.int64), _strip_faces(oval, 468, ROWS)[:, ::-1]]
    materials = [_face_materials(face), np.full(len(faces[1]), MATERIAL_INDEX["skin"])]
    creases: list[Indices] = []
    count = 468 + ROWS * len(oval)
    for lining, material, closed in linings:
        vertices.append(lining.rings_cm.reshape(-1, 3))
        fields.append(lining.displaced(moved).reshape(-1, *moved.shape[1:]))
        strip = _lining_faces(lining, count, closed)
        faces.append(strip)
        materials.append(_lining_materials(face, strip, material))
        creases.append(np.stack([lining.loop, np.roll(lining.loop, -1)], axis=1))
        count += lining.rings_cm.size // 3
    lids = np.zeros(count)
    lids[:468] = 1.0
    return Cage(
        np.concatenate(vertices),
        np.concatenate(faces),
        np.concatenate(materials),
        np.concatenate(creases),
        np.moveaxis(np.concatenate(fields), 1, 0),
        lids,
    )


def _strip_faces(loop: Indices, first: int, rows: int) -> Indices:
    """Return the triangles from a loop through rings of the same length, whose vertices start at `first`."""
    size = len(loop)
    rings = np.concatenate([loop[None], first + np.arange(rows * size).reshape(rows, size)])
    a, b = rings[:-1], np.roll(rings[:-1], -1, axis=1)
    d, c = rings[1:], np.roll(rings[1:], -1, axis=1)
    return np.concatenate([np.stack([a, c, b], -1).reshape(-1, 3), np.stack([a, d, c], -1).reshape(-1, 3)])


def _lining_faces(lining: Lining, first: int, closed: bool) -> Indices:
    """Return the triangles of a lining; the innermost ring is closed flat where `closed`."""
    rows, size = lining.rings_cm.shape[:2]
    strip = _strip_faces(lining.loop, first, rows)
    if not closed:
        return strip
    last = first + (rows - 1) * size
    half = size // 2
    # Zip the upper half of the ring to the lower one.
    pairs = [(last + k, last + (size - k) % size) for k in range(half + 1)]
    back: list[tuple[int, int, int]] = []
    for (up, low), (next_up, next_low) in pairwise(pairs):
        back += [t for t in ((up, low, next_up), (next_up, low, next_low)) if len(set(t)) == 3]
    return np.concatenate([strip, np.array(back)])


def _lining_materials(face: CanonicalFace, strip: Indices, material: str) -> Indices:
    """Return the material of each face of a lining: upper lids end in lashes, lips turn a little way in."""
    upper_lids = np.concatenate([face.landmarks["eye_upper_left"][1:-1], face.landmarks["eye_upper_right"][1:-1]])
    lips = np.concatenate([face.landmarks["lip_inner_upper"], face.landmarks["lip_inner_lower"]])
    materials = np.full(len(strip), MATERIAL_INDEX[material])
    materials[np.isin(strip, upper_lids).any(axis=1)] = MATERIAL_INDEX["lashes"]
    materials[np.isin(strip, lips).any(axis=1)] = MATERIAL_INDEX["lips"]
    return materials


def _face_materials(face: CanonicalFace) -> Indices:
    """Return the material of each face triangle: lips between the lip edges, skin elsewhere."""
    outer = opening_loop(face.landmarks["lip_outer_upper"], face.landmarks["lip_outer_lower"])
    polygon = face.neutral_cm[outer][:, :2].astype(np.float64)
    centres = face.neutral_cm[face.triangles].mean(axis=1)
    inside = np.zeros(len(centres), dtype=bool)
    for (x1, y1), (x2, y2) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        crosses = (y1 > centres[:, 1]) != (y2 > centres[:, 1])
        inside ^= crosses & (centres[:, 0] < (x2 - x1) * (centres[:, 1] - y1) / (y2 - y1 + 1e-12) + x1)
    return np.where(inside, MATERIAL_INDEX["lips"], MATERIAL_INDEX["skin"])


def _cage_uv(face: CanonicalFace) -> Points:
    """Return [V, 2]: the face's own layout; skull columns and linings keep their edge's place in it."""
    lips = opening_loop(face.landmarks["lip_inner_upper"], face.landmarks["lip_inner_lower"])
    lids = [np.tile(lid_loop(face, side), LID_RINGS) for side in ("left", "right")]
    source = np.concatenate(
        [np.arange(468), np.tile(face.landmarks["face_oval"], ROWS), np.tile(lips, BAG_RINGS), *lids]
    )
    return face.uv[source].astype(np.float64)


def _off_the_globes(vertices_cm: Points, lids: NDArray[np.bool_]) -> Points:
    """Return the vertices with lids pushed out of the eyeballs."""
    held = vertices_cm.copy()
    for side in ("left", "right"):
        centre, radius = globe(side)
        arm = held - centre
        distance = np.linalg.norm(arm, axis=1, keepdims=True)
        inside = lids[:, None] & (distance < radius + CLEAR_CM) & (arm[:, 2:] > 0)
        held = np.where(inside, centre + arm * (radius + CLEAR_CM) / np.maximum(distance, 1e-6), held)
    return held
