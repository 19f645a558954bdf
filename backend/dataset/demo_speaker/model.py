# SPDX-License-Identifier: GPL-3.0-or-later
"""The speaker's body as one mesh: the demo head's parts joined, with their shapes, colours and clothes."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...core.blendshapes import ARKIT_NAMES
from ...core.face import canonical_face
from ...core.head import MATERIALS, HeadPart, demo_head
from ...core.types import Floats
from .clothes import clothes
from .identity import Identity
from .occlusion import ambient_openness
from .paint import skin_tone

Triangles = NDArray[np.int32]
FACE_CHILDREN = 16
"""Triangles of the head's skin per triangle of the canonical face: two subdivisions."""
LEFT_OUT = ("brows",)
"""Parts that the paint replaces, so that the albedo atlas holds all that the face shows."""
GLOSS = {"eye white": 0.8, "iris": 1.0, "pupil": 1.0, "teeth": 0.7, "gums": 0.8, "tongue": 0.7, "hair": 0.25, "lashes": 0.1}
"""Strength of specular light by material; 1 where none is given."""
WET = ("eye white", "iris", "pupil", "teeth")
"""Materials that mirror small sharp lights only."""
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
    """[52, V, 3] displacement of each ARKit blendshape at weight 1."""
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

    def posed_cm(self, weights: Floats) -> Floats:
        """Return the vertices [V, 3] under blendshape weights [52]."""
        active = np.flatnonzero(weights)
        moved = np.tensordot(weights[active].astype(np.float32), self.shapes_cm[active], axes=1)
        return self.rest_cm + moved

    def normals(self, vertices_cm: Floats) -> Floats:
        """Return unit normals [V, 3] of the vertices as they stand."""
        a, b, c = (vertices_cm[self.triangles[:, corner]] for corner in range(3))
        facing = np.cross(b - a, c - a)
        corners = self.triangles.T.ravel()
        total = [np.bincount(corners, np.tile(facing[:, axis], 3), len(vertices_cm)) for axis in range(3)]
        normal = np.stack(total, axis=1)
        return (normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)).astype(np.float32)


@lru_cache(maxsize=1)
def plain_body() -> Body:
    """Return the body that every speaker shares, without colours."""
    parts = [part for part in demo_head() if part.name not in LEFT_OUT]
    cloth_vertices, cloth_triangles = clothes()
    counts = np.cumsum([0, *(len(part.vertices_cm) for part in parts)])
    rest = np.concatenate([*(part.vertices_cm for part in parts), cloth_vertices])
    triangles = [part.faces + offset for part, offset in zip(parts, counts, strict=False)]
    material = [part.material_index for part in parts]
    triangles.append(cloth_triangles + counts[-1])
    material.append(np.full(len(cloth_triangles), CLOTH, np.int32))
    joined = np.concatenate(triangles).astype(np.int32)
    shapes = np.zeros((len(ARKIT_NAMES), len(rest), 3), np.float32)
    for part, first in zip(parts, counts, strict=False):
        for name, field in part.shapes.items():
            shapes[ARKIT_NAMES.index(name), first : first + len(field)] = field
    body = Body(
        rest_cm=rest.astype(np.float32),
        triangles=joined,
        material=np.concatenate(material),
        shapes_cm=shapes,
        corner_uv=_corner_uv(len(joined)),
        colour=np.zeros_like(rest, np.float32),
        openness=np.ones(len(rest), np.float32),
        turns=_turns(rest, counts[-1]),
        inside=_inside(parts, len(rest)),
    )
    return replace(body, openness=ambient_openness(body.rest_cm, joined, body.normals(body.rest_cm)))


def speaker_body(who: Identity) -> Body:
    """Return the body in a speaker's colours (its shape is `Identity.shaped`)."""
    body = plain_body()
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
    return replace(body, colour=colour.astype(np.float32))


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


def _turns(rest: NDArray[np.floating], first_cloth: int) -> Floats:
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
