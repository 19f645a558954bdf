# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import numpy as np
import pytest

from backend.core.blendshapes import ARKIT_NAMES
from backend.core.head import demo_head
from backend.fit.head import find_face
from backend.fit.surface import Surface

PARTS = {part.name: part for part in demo_head()}
FACE = ("skin", "eye left", "eye right", "teeth upper", "teeth lower", "tongue")
TURN = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""given_from_upright: the head stands as Blender has it, up along Z and looking along -Y."""
UNIT = 0.031
"""Units of the given space in a centimetre."""


def head_surface(names=FACE, motions=False):
    """The demo head, Z up, in an odd unit; the skin's vertices come first."""
    parts = [PARTS[name] for name in names]
    offsets = np.cumsum([0, *(len(part.vertices_cm) for part in parts)])
    triangles = np.concatenate([part.faces + start for part, start in zip(parts, offsets, strict=False)])
    vertices = np.concatenate([part.vertices_cm for part in parts]).astype(float)
    moved = np.zeros((len(ARKIT_NAMES) if motions else 0, len(vertices), 3))
    for row, name in enumerate(ARKIT_NAMES if motions else ()):
        for part, start in zip(parts, offsets, strict=False):
            moved[row, start : start + len(part.vertices_cm)] = part.shapes.get(name, 0.0)
    return Surface(UNIT * vertices @ TURN.T, triangles, UNIT * moved @ TURN.T)


@pytest.fixture(scope="session")
def facing():
    """The demo head's face as it is found, its motions by the 52 shapes."""
    return find_face(head_surface(motions=True))


@pytest.fixture(scope="session")
def bare(facing):
    """The same without any shapes."""
    return replace(facing, surface=replace(facing.surface, motions=facing.surface.motions[:0]))
