# SPDX-License-Identifier: GPL-3.0-or-later
from collections import Counter

import numpy as np
import pytest

from backend.core.blendshapes import ARKIT_NAMES
from backend.core.face import canonical_face
from backend.core.head import MATERIALS, demo_head
from backend.core.head.subdivide import subdivide

PARTS = {part.name: part for part in demo_head()}
SKIN = PARTS["skin"]


def test_parts():
    assert list(PARTS) == [
        "skin", "eye left", "eye right", "teeth upper", "teeth lower", "tongue", "brows", "ears", "hair",
    ]  # fmt: skip


@pytest.mark.parametrize("part", PARTS.values(), ids=lambda part: part.name)
def test_every_part_is_sound(part):
    count = len(part.vertices_cm)
    assert np.isfinite(part.vertices_cm).all()
    assert np.unique(part.faces).tolist() == list(range(count))
    assert part.material_index.shape == (len(part.faces),)
    assert 0 <= part.material_index.min() <= part.material_index.max() < len(MATERIALS)
    assert part.uv.shape == (count, 2)
    assert 0 <= part.uv.min() <= part.uv.max() <= 1
    assert set(part.shapes) <= set(ARKIT_NAMES)
    for field in part.shapes.values():
        assert field.shape == (count, 3)
        assert np.isfinite(field).all()


@pytest.mark.parametrize("part", PARTS.values(), ids=lambda part: part.name)
def test_faces_are_turned_the_same_way(part):
    sides = Counter((int(a), int(b)) for face in part.faces for a, b in zip(face, np.roll(face, -1), strict=True))
    assert max(sides.values()) == 1


def test_every_blendshape_moves_something():
    assert set().union(*(part.shapes for part in PARTS.values())) == set(ARKIT_NAMES)
    assert set(ARKIT_NAMES) - set(SKIN.shapes) == {"tongueOut"}


def test_the_head_keeps_the_canonical_mouth():
    face = canonical_face()
    lips = np.concatenate([face.landmarks["lip_outer_upper"], face.landmarks["lip_outer_lower"]])
    np.testing.assert_allclose(SKIN.vertices_cm[lips], face.neutral_cm[lips], atol=0.15)


@pytest.mark.parametrize("pose", [{}, {"jawOpen": 0.7, "mouthClose": 0.7}])
def test_smooth_lips_meet_exactly(pose):
    face = canonical_face()
    mesh = SKIN.vertices_cm + sum(weight * SKIN.shapes[name] for name, weight in pose.items())
    upper, lower = face.landmarks["lip_inner_upper"], face.landmarks["lip_inner_lower"]
    assert np.linalg.norm(mesh[upper] - mesh[lower], axis=1).max() < 1e-3


def test_lower_teeth_and_tongue_go_with_the_jaw_and_upper_teeth_stay():
    assert not PARTS["teeth upper"].shapes
    for name in ("teeth lower", "tongue"):
        part = PARTS[name]
        front = part.vertices_cm[:, 2].argmax()
        assert part.shapes["jawOpen"][front, 1] < -2
        assert part.shapes["jawLeft"][front, 0] > 0.5
    tip = PARTS["tongue"].vertices_cm[:, 2].argmax()
    assert PARTS["tongue"].shapes["tongueOut"][tip, 2] > 2


def test_eyes_look_where_the_name_says():
    for side, nose in (("left", -1), ("right", 1)):
        eye = PARTS[f"eye {side}"]
        pupil = eye.vertices_cm[:, 2].argmax()
        shapes = {name.removeprefix("eyeLook"): field[pupil] for name, field in eye.shapes.items()}
        suffix = side.capitalize()
        assert shapes[f"Up{suffix}"][1] > 0.3
        assert shapes[f"Down{suffix}"][1] < -0.3
        assert shapes[f"In{suffix}"][0] * nose > 0.3
        assert shapes[f"Out{suffix}"][0] * nose < -0.3


def test_neck_base_and_crown_stay_still_when_the_mouth_speaks():
    still = (SKIN.vertices_cm[:, 1] > 9) | (SKIN.vertices_cm[:, 1] < -16)
    for name in ("jawOpen", "mouthPucker", "mouthSmileLeft"):
        assert np.abs(SKIN.shapes[name][still]).max() < 0.15


def test_subdivision_keeps_a_plane_flat_and_its_border_straight():
    values = np.array([[0, 0, 1], [2, 0, 1], [2, 2, 1], [0, 2, 1]], np.float64)
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    refined = subdivide(values, faces, np.zeros((0, 2), np.int64))
    assert refined.faces.shape == (8, 3)
    np.testing.assert_allclose(refined.values[:, 2], 1)
    np.testing.assert_allclose(sorted(refined.values[4:, 0]), [0, 1, 1, 1, 2])
