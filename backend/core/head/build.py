# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the head together."""

import numpy as np

from ..blendshapes import ARKIT_NAMES
from ..face import canonical_face
from .brows import brows
from .ears import ears
from .eyes import eyeball
from .hair import hair
from .parts import HeadPart
from .skin import skin, wide_eyes
from .skull import skull_rows
from .teeth import teeth
from .tongue import tongue


def demo_head() -> tuple[HeadPart, ...]:
    """Return the parts of the head: skin, eyes, teeth, tongue, brows, ears, hair.

    Together they answer all 52 blendshapes; each part has only those that move it (the skin all but tongueOut).
    """
    face = canonical_face()
    basis = {name: face.basis_cm[index].astype(np.float64) for index, name in enumerate(ARKIT_NAMES)}
    neutral, worn = wide_eyes(face, basis)
    oval = face.landmarks["face_oval"].astype(np.int64)
    return (
        skin(face, neutral, worn),
        eyeball("left"),
        eyeball("right"),
        teeth("upper"),
        teeth("lower"),
        tongue(),
        brows(face, basis),
        ears(),
        hair(np.concatenate([neutral[None, oval], skull_rows(neutral[oval])])),
    )
