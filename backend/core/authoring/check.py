# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the authored mouth and jaw shapes with a reference face, at 68 landmarks.

The reference is a folder with `ARKit_landmarks.txt` (68 vertex indices in iBUG order) and `ARKit_blendshapes/*.obj`
(Neutral and one mesh a shape). It is read here and goes nowhere else.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..blendshapes import ARKIT_INDEX, ARKIT_NAMES
from ..face import canonical_face
from .fields import Field

ALIGNED = slice(17, 68)
"""Landmarks that set the alignment: all but the jaw contour, which every landmark set places elsewhere."""


@dataclass(frozen=True)
class Agreement:
    """How one shape agrees with the reference."""

    name: str
    cosine: float
    """Of the displacements of all 68 landmarks, stacked: 1 is the same direction everywhere."""
    size_ratio: float
    """Length of ours over length of the reference."""


def agreements(reference: Path) -> list[Agreement]:
    """Return the agreement of every mouth, jaw, cheek and nose shape that the reference has."""
    face = canonical_face()
    landmarks = face.landmarks["ibug_68"]
    indices = np.loadtxt(reference / "ARKit_landmarks.txt", dtype=np.int64)
    neutral = _obj_vertices(reference / "ARKit_blendshapes" / "Neutral.obj")[indices]
    turn_and_scale = _alignment(neutral[ALIGNED], face.neutral_cm[landmarks][ALIGNED].astype(np.float64))
    rows: list[Agreement] = []
    for name in ARKIT_NAMES:
        path = reference / "ARKit_blendshapes" / f"{name}.obj"
        if not name.startswith(("jaw", "mouth", "cheek", "nose")) or not path.is_file():
            continue
        theirs = (_obj_vertices(path)[indices] - neutral) @ turn_and_scale.T
        ours = face.basis_cm[ARKIT_INDEX[name]][landmarks].astype(np.float64)
        sizes = float(np.linalg.norm(ours)), float(np.linalg.norm(theirs))
        rows.append(Agreement(name, float((ours * theirs).sum()) / (sizes[0] * sizes[1]), sizes[0] / sizes[1]))
    return rows


def table(rows: list[Agreement]) -> str:
    """Return the agreements as a text table."""
    lines = [f"{'blendshape':22}{'cosine':>8}{'size':>8}"]
    return "\n".join(lines + [f"{row.name:22}{row.cosine:8.3f}{row.size_ratio:8.2f}" for row in rows])


def _obj_vertices(path: Path) -> Field:
    lines = path.read_text(encoding="utf-8").splitlines()
    return np.array([line.split()[1:4] for line in lines if line.startswith("v ")], np.float64)


def _alignment(source: Field, target: Field) -> Field:
    """Return the [3, 3] rotation times scale that takes displacements of `source` to the space of `target`.

    Least squares over point pairs (Umeyama 1991).
    """
    a, b = source - source.mean(axis=0), target - target.mean(axis=0)
    u, sizes, vt = np.linalg.svd(b.T @ a)
    sizes[2] *= np.sign(np.linalg.det(u @ vt))
    u[:, 2] *= np.sign(np.linalg.det(u @ vt))
    return (sizes.sum() / (a * a).sum()) * (u @ vt)
