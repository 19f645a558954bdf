# SPDX-License-Identifier: GPL-3.0-or-later
"""The canonical face: 468 vertices with closed lips, and the 52 ARKit blendshapes as displacements of them.

Owns the data file `data/canonical_face.npz`, which `backend.core.authoring` writes. The mesh, its UVs and its vertex
order are those of the MediaPipe canonical face model (Google LLC, Apache License 2.0; see `data/NOTICE.md`), with the
lips closed; the blendshapes are this project's own. Space: centimetres, +X to the subject's left (image right), +Y up,
+Z out of the face. Must not import bpy, torch or any other room.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .types import Floats

DATA_FILE = Path(__file__).parent / "data" / "canonical_face.npz"

INNER_LIP_PAIRS = np.array([[13, 14], [82, 87], [312, 317]])
"""[3, 2] upper and lower inner-lip vertices whose distance is the lip opening."""
MOUTH_CORNERS = (61, 291)
"""The subject's right and left mouth corner."""


@dataclass(frozen=True)
class CanonicalFace:
    """The face that every prediction moves."""

    neutral_cm: Floats
    """[468, 3] at rest, lips closed."""
    triangles: NDArray[np.int32]
    """[852, 3], counter-clockwise seen from outside; mouth and eyes are open."""
    uv: Floats
    """[468, 2] in 0-1."""
    basis_cm: Floats
    """[52, 468, 3] displacement of each ARKit blendshape at weight 1, in Apple's order.

    tongueOut is zero: the face has no tongue (the demo head has).
    """
    landmarks: dict[str, NDArray[np.int32]]
    """Named vertex groups, e.g. `lip_inner_upper`, `brow_left`, `ibug_68`."""


@lru_cache(maxsize=1)
def canonical_face() -> CanonicalFace:
    """Return the canonical face; its arrays are read-only, since everyone shares them."""
    with np.load(DATA_FILE, allow_pickle=False) as data:
        arrays = {name: data[name] for name in data.files}
    for array in arrays.values():
        array.setflags(write=False)
    prefix = "landmarks_"
    return CanonicalFace(
        neutral_cm=arrays["neutral_cm"],
        triangles=arrays["triangles"],
        uv=arrays["uv"],
        basis_cm=arrays["basis_cm"],
        landmarks={name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)},
    )


def vertices_from_weights(weights: ArrayLike) -> Floats:
    """Return the displacement [..., 468, 3] in cm of blendshape weights [..., 52] (1 is the full shape)."""
    basis = canonical_face().basis_cm
    amounts = np.asarray(weights, np.float32)
    flat = amounts.reshape(-1, len(basis)) @ basis.reshape(len(basis), -1)
    return flat.reshape(*amounts.shape[:-1], *basis.shape[1:])


def lip_gap_cm(vertices_cm: ArrayLike) -> Floats:
    """Return the vertical distance [...] of the inner lips of meshes [..., 468, 3]; negative where they overlap."""
    height = np.asarray(vertices_cm, np.float32)[..., 1]
    return (height[..., INNER_LIP_PAIRS[:, 0]] - height[..., INNER_LIP_PAIRS[:, 1]]).mean(axis=-1)


def mouth_width_cm(vertices_cm: ArrayLike) -> Floats:
    """Return the distance [...] between the mouth corners of meshes [..., 468, 3]."""
    mesh = np.asarray(vertices_cm, np.float32)
    return np.linalg.norm(mesh[..., MOUTH_CORNERS[1], :] - mesh[..., MOUTH_CORNERS[0], :], axis=-1)
