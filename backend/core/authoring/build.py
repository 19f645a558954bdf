# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the authored parts together: the closed neutral and the whole basis in Apple's order."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..blendshapes import ARKIT_NAMES, mirrored
from ..jaw import FORWARD_CM, LEFT_CM
from .eyes_brows import BUMPS, bump_shape, eye_shape
from .fields import Field, Skin, skin_of
from .jaw import jaw_open, jaw_slide, mouth_close
from .mouth import SHAPES, mouth_shape
from .neutral import close_lips
from .sideways import mouth_left
from .topology import landmark_groups, mirror_map, open_triangles, read_canonical


@dataclass(frozen=True)
class AuthoredFace:
    """Everything that goes into the data file."""

    neutral_cm: Field
    """[468, 3]."""
    triangles: NDArray[np.int64]
    """[852, 3]."""
    uv: Field
    """[468, 2]."""
    basis_cm: Field
    """[52, 468, 3]."""

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the arrays of the data file; displacements are kept to a tenth of a micrometre."""
        return {
            "neutral_cm": self.neutral_cm.astype(np.float32),
            "triangles": self.triangles.astype(np.int32),
            "uv": self.uv.astype(np.float32),
            "basis_cm": np.round(self.basis_cm, 5).astype(np.float32),
            **{f"landmarks_{name}": indices for name, indices in landmark_groups().items()},
        }


def author(canonical: Path) -> AuthoredFace:
    """Author the face from the published canonical mesh."""
    raw = read_canonical(canonical)
    triangles = open_triangles(raw.triangles)
    mirror = mirror_map(raw.vertices_cm)
    neutral = np.round(close_lips(skin_of(raw.vertices_cm, triangles, mirror)), 5)
    skin = skin_of(neutral, triangles, mirror)
    fields = _authored(skin)
    for name in list(fields):
        fields.setdefault(mirrored(name), skin.reflect(fields[name]))
    basis = np.stack([fields.get(name, np.zeros_like(neutral)) for name in ARKIT_NAMES])
    return AuthoredFace(neutral, triangles, raw.uv, basis)


def _authored(skin: Skin) -> dict[str, Field]:
    """Return the symmetric shapes and the left ones. tongueOut is absent: the face has no tongue to move."""
    fields = {name: mouth_shape(skin, name) for name in SHAPES}
    fields["jawOpen"] = jaw_open(skin)
    fields["mouthClose"] = mouth_close(skin, fields["jawOpen"])
    fields["jawForward"] = skin.symmetric(jaw_slide(skin, FORWARD_CM))
    fields["jawLeft"] = jaw_slide(skin, LEFT_CM)
    fields["mouthLeft"] = mouth_left(skin)
    eyes = ("Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide")
    fields |= {f"eye{what}Left": eye_shape(skin, f"eye{what}Left") for what in eyes}
    fields |= {name: bump_shape(skin, name) for name in BUMPS}
    return fields
