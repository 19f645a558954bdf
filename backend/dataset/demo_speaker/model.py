# SPDX-License-Identifier: GPL-3.0-or-later
"""The speaker's body as one mesh: the demo head's parts joined, with their shapes, colours and clothes."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.blendshapes import ARKIT_NAMES
from ...core.face import canonical_face
from ...core.head import MATERIALS, HeadPart, demo_head
from ...core.types import Floats
from .clothes import clothes
from .identity import Identity
from .occlusion import ambient_openness, smoothed
from .paint import skin_tone
from .strands import LONG, SHORT, locks

Triangles = NDArray[np.int32]
FACE_CHILDREN = 16
"""Triangles of the head's skin per triangle of the canonical face: two subdivisions."""
LEFT_OUT = ("brows",)
"""Parts that the paint replaces, so that the albedo atlas holds all that the face shows."""
GLOSS = {
    "eye white": 0.8,
    "iris": 1.0,
    "pupil": 1.0,
    "teeth": 0.7,
    "gums": 0.8,
    "tongue": 0.7,
    "hair": 0.25,
    "lashes": 0.1,
}
"""Strength of specular light by material; 1 where none is given."""
WET = ("eye white", "iris", "pupil", "teeth")
"""Materials that mirror small sharp lights only."""
HAIR_OPENNESS = 0.45
"""Least openness of hair: light passes between locks."""
CLOTH = len(MATERIALS)
"""Material index of the clothes."""


@dataclass(frozen=True)
class Body:
    """A mesh of V vertices and F triangles; the first 468 vertices are the face's."""

    rest_cm: Floats
    """[V, 3] canonical space, canonical shape."""
    triangles: Triangles
    """[F, 3]."""
    material: NDArray[np.int32]
    """[F]: index into `MATERIALS`, or `CLOTH`."""
    shapes_cm: Floats
    """[52, M, 3] displacement of each ARKit blendshape at weight 1: the first M vertices and their triangles move."""
    corner_uv: Floats
    """[F, 3, 2] place in the canonical UV layout; NaN off the face."""
    colour: Floats
    """[V, 3] linear RGB where no atlas says."""
    openness: Floats
    """[V] share of the surroundings that lights the vertex at rest."""
    turns: Floats
    """[V] how far it goes with the head: 1 on the head, 0 at the shoulders."""
    inside: NDArray[np.bool_]
    """[V] within the mouth, where light comes through the lips only."""

    moving_faces: int
    """How many triangles have vertices that move."""
    still_cm: Floats
    """[V - M, 3] the others, on this speaker's head."""
    still_normals: Floats
    """[V - M, 3] unit."""

    def posed_cm(self, weights: Floats) -> Floats:
        """Return the vertices [M, 3] that move, canonical shape, under blendshape weights [52]."""
        active = np.flatnonzero(weights)
        moved = np.tensordot(weights[active].astype(np.float32), self.shapes_cm[active], axes=1)
        return self.rest_cm[: len(moved)] + moved

    def whole(self, moving_cm: Floats) -> tuple[Floats, Floats]:
        """Return vertices and unit normals [V, 3], given those that move on this speaker's head [M, 3]."""
        normals = unit_normals(moving_cm, self.triangles[: self.moving_faces])
        return np.concatenate([moving_cm, self.still_cm]), np.concatenate([normals, self.still_normals])


def unit_normals(vertices_cm: Floats, triangles: Triangles) -> Floats:
    """Return unit normals [V, 3] of a mesh."""
    a, b, c = (vertices_cm[triangles[:, corner]] for corner in range(3))
    facing = np.cross(b - a, c - a)
    corners = triangles.T.ravel()
    total = [np.bincount(corners, np.tile(facing[:, axis], 3), len(vertices_cm)) for axis in range(3)]
    normal = np.stack(total, axis=1)
    return (normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)).astype(np.float32)


@lru_cache(maxsize=2)
def plain_body(long_hair: bool) -> Body:
    """Return the body that speakers share; its colours are shades of 1."""
    parts = [part for part in demo_head() if part.name not in LEFT_OUT]
    cloth_vertices, cloth_triangles = clothes()
    cap = next(part for part in parts if part.name == "hair")
    hair = locks(cap, LONG if long_hair else SHORT, np.random.default_rng(61))
    counts = np.cumsum([0, *(len(part.vertices_cm) for part in parts)])
    rest = np.concatenate([*(part.vertices_cm for part in parts), hair.vertices_cm, cloth_vertices])
    triangles = [part.faces + offset for part, offset in zip(parts, counts, strict=False)]
    material = [part.material_index for part in parts]
    first_cloth = counts[-1] + len(hair.vertices_cm)
    triangles += [hair.triangles + counts[-1], cloth_triangles + first_cloth]
    material += [np.full(len(hair.triangles), cap.material_index[0]), np.full(len(cloth_triangles), CLOTH, np.int32)]
    joined = np.concatenate(triangles).astype(np.int32)
    shade = np.ones(len(rest), np.float32)
    shade[counts[-1] : first_cloth] = hair.shade
    last = max(index for index, part in enumerate(parts) if part.shapes)
    shapes = np.zeros((len(ARKIT_NAMES), counts[last + 1], 3), np.float32)
    for part, first in zip(parts[: last + 1], counts, strict=False):
        for name, field in part.shapes.items():
            shapes[ARKIT_NAMES.index(name), first : first + len(field)] = field
    body = Body(
        rest_cm=rest.astype(np.float32),
        triangles=joined,
        material=np.concatenate(material),
        shapes_cm=shapes,
        corner_uv=_corner_uv(len(joined)),
        colour=np.repeat(shade[:, None], 3, axis=1),
        openness=np.ones(len(rest), np.float32),
        turns=_turns(rest, first_cloth),
        inside=_inside(parts, len(rest)),
        moving_faces=sum(len(part.faces) for part in parts[: last + 1]),
        still_cm=rest[counts[last + 1] :].astype(np.float32),
        still_normals=unit_normals(rest.astype(np.float32), joined)[counts[last + 1] :],
    )
    openness = ambient_openness(body.rest_cm, joined, unit_normals(body.rest_cm, joined))
    openness[counts[-1] : first_cloth] = np.maximum(openness[counts[-1] : first_cloth], HAIR_OPENNESS)
    return replace(body, openness=_under_lids(body.rest_cm, parts, smoothed(openness, joined)))


def speaker_body(who: Identity) -> Body:
    """Return the body of a speaker, in its shape and colours."""
    body = plain_body(who.long_hair)
    own = {"iris": who.iris, "hair": who.hair}
    lips = np.array(who.skin) * (0.8, 0.5, 0.52)
    palette = np.array([own.get(material.name, material.colour) for material in MATERIALS] + [who.cloth])
    names = [material.name for material in MATERIALS]
    palette[names.index("lips")] = lips
    palette[names.index("lid edge")] = np.array(who.skin) * (0.85, 0.5, 0.45)
    colour = np.zeros((len(body.rest_cm), 3))
    colour[body.triangles.ravel()] = np.repeat(palette[body.material], 3, axis=0)
    skin = np.unique(body.triangles[body.material == names.index("skin")])
    colour[skin] = skin_tone(who, body.rest_cm[skin])
    shaped = who.shaped(body.rest_cm)
    first = body.shapes_cm.shape[1]
    return replace(
        body,
        colour=(colour * body.colour).astype(np.float32),
        still_cm=shaped[first:],
        still_normals=unit_normals(shaped, body.triangles)[first:],
    )


def _corner_uv(count: int) -> Floats:
    """Return [F, 3, 2]: the face's triangles come first, each as 16 children in the order of `subdivide`."""
    face = canonical_face()
    corners = face.uv[face.triangles]
    while len(corners) < FACE_CHILDREN * len(face.triangles):
        a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
        ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
        corners = np.stack([a, ab, ca, ab, b, bc, ca, bc, c, ab, bc, ca], axis=1).reshape(-1, 3, 2)
    uv = np.full((count, 3, 2), np.nan, np.float32)
    uv[: len(corners)] = corners
    return uv


def _turns(rest: NDArray[np.floating[Any]], first_cloth: int) -> Floats:
    share = np.clip((rest[:, 1] + 18.0) / 7.0, 0, 1)
    smooth = share * share * (3 - 2 * share)
    smooth[:468] = 1.0
    smooth[first_cloth:] = 0.0
    return smooth.astype(np.float32)


def _inside(parts: list[HeadPart], count: int) -> NDArray[np.bool_]:
    names = [material.name for material in MATERIALS]
    inner = [names.index(name) for name in ("mouth inside", "teeth", "gums", "tongue")]
    inside = np.zeros(count, bool)
    offset = 0
    for part in parts:
        inside[offset + np.unique(part.faces[np.isin(part.material_index, inner)])] = True
        offset += len(part.vertices_cm)
    return inside


def _under_lids(rest: NDArray[np.floating[Any]], parts: list[HeadPart], openness: Floats) -> Floats:
    """Return the openness with eyeballs in the shade of upper lids and sockets, which depth maps are too coarse for."""
    shaded = openness.copy()
    offset = 0
    for part in parts:
        rows = slice(offset, offset + len(part.vertices_cm))
        offset = rows.stop
        if part.name.startswith("eye "):
            middle = part.vertices_cm.mean(axis=0)
            up = (rest[rows, 1] - middle[1]) / 0.55
            aside = np.abs(rest[rows, 0] - middle[0]) / 1.3
            shaded[rows] = np.clip(0.86 - 0.34 * np.clip(up, -0.3, 1) - 0.25 * aside**2, 0.35, 1)
    return shaded
