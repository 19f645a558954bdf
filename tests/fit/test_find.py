# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from backend.core.errors import RigError
from backend.core.face import canonical_face
from backend.core.head import MATERIALS
from backend.fit.head import find_face, guess_landmarks, head_box, upright_of
from backend.fit.landmarks import LANDMARKS
from backend.fit.surface import Surface

from .conftest import PARTS, TURN, UNIT, head_surface

SKIN_CM = PARTS["skin"].vertices_cm
"""Its first 468 vertices are those of the canonical face."""


def grid(height, rows=30, columns=30, depth=1.0):
    """A sheet [-1, 1]² of the given depth * height(x, y), looking along -Y in Blender's axes."""
    x, y = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-1, 1, rows))
    points = np.stack([x, -depth * height(x, y), y], axis=-1).reshape(-1, 3)
    a = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    faces = np.concatenate([np.stack([a, a + 1, a + columns + 1], 1), np.stack([a, a + columns + 1, a + columns], 1)])
    return Surface(points, faces.astype(np.int32), np.zeros((0, len(points), 3)))


def test_the_face_is_laid_where_it_is(facing):
    off = facing.fit.to_canonical(facing.fit.placed) - SKIN_CM[:468]
    assert facing.fit.scale == pytest.approx(UNIT, rel=0.02)
    assert np.allclose(facing.upright, TURN.T)
    lips = np.concatenate([canonical_face().landmarks[f"lip_inner_{lip}"] for lip in ("upper", "lower")])
    assert np.linalg.norm(off[lips], axis=1).max() < 0.5
    assert np.median(np.linalg.norm(off, axis=1)) < 0.25
    assert facing.fit.error < 0.5


def test_each_lip_is_read_on_its_own_side(facing):
    marks = canonical_face().landmarks
    upper, lower = (
        facing.surface.vertices[facing.surface.triangles[facing.fit.triangle[marks[f"lip_inner_{lip}"][2:-2]]]][..., 1]
        for lip in ("upper", "lower")
    )
    assert (upper.mean(axis=1) > lower.mean(axis=1)).all()


@pytest.mark.slow
@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_it_is_found_whichever_way_it_looks(facing, quarter):
    turned = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    turn = np.linalg.matrix_power(turned.astype(int), quarter).astype(float)
    surface = head_surface()
    found = find_face(Surface(surface.vertices @ turn.T, surface.triangles, surface.motions))
    assert np.allclose(found.fit.placed, facing.fit.placed, atol=1e-6 * UNIT)


def test_landmarks_by_hand_turn_a_tilted_face_upright(facing):
    angle = 0.4
    tilt = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    given = {name: tilt @ TURN @ (UNIT * SKIN_CM[vertex]) for name, vertex in LANDMARKS.items()}
    upright = upright_of(given)
    assert upright @ upright.T == pytest.approx(np.eye(3), abs=1e-9)
    assert upright @ tilt @ TURN == pytest.approx(np.eye(3), abs=0.12)  # a face's own upright is not that of its mesh
    surface = head_surface()
    found = find_face(Surface(surface.vertices @ tilt.T, surface.triangles, surface.motions), given)
    off = found.fit.to_canonical(found.fit.placed) - facing.fit.to_canonical(facing.fit.placed)
    assert np.median(np.linalg.norm(off, axis=1)) < 0.3


def test_too_few_landmarks_are_told():
    with pytest.raises(RigError, match=r"missing: .*chin"):
        upright_of({name: np.zeros(3) for name in LANDMARKS if name != "chin"})


def test_the_head_is_what_is_above_the_shoulders():
    head = head_surface(("skin",))
    upright = Surface(head.vertices @ TURN, head.triangles, head.motions)
    low, high = head_box(upright)
    body = grid(np.multiply, depth=0.0)
    wide = UNIT * (body.vertices @ TURN * (40, 25, 1) + (0, -42, 0))
    whole = Surface(
        np.concatenate([upright.vertices, wide]),
        np.concatenate([upright.triangles, body.triangles + len(upright.vertices)]),
        np.zeros((0, len(upright.vertices) + len(wide), 3)),
    )
    cut_low, cut_high = head_box(whole)
    assert cut_high == pytest.approx(high, abs=UNIT)
    assert cut_low[1] >= low[1] - UNIT


@pytest.mark.parametrize(
    "surface",
    [
        grid(np.multiply, depth=0.0),
        grid(lambda x, y: np.sqrt(np.maximum(2.2 - x * x - y * y, 0))),
        grid(lambda x, y: np.sin(9 * x) * np.cos(7 * y)),
        grid(lambda x, y: np.where(y > 0, 0.3, 0 * x)),
        head_surface(("hair",)),
        head_surface(("eye left",)),
        head_surface(("teeth upper", "teeth lower")),
    ],
    ids=["plane", "dome", "waves", "step", "hair", "eyeball", "teeth"],
)
def test_what_is_no_face_is_refused(surface):
    with pytest.raises(RigError, match=r"no mouth|no face|proportions|from the front|landmarks"):
        find_face(surface)
    places, found = guess_landmarks(surface)
    assert not found
    assert set(places) == set(LANDMARKS)
    assert np.isfinite(list(places.values())).all()


def test_broken_meshes_are_told():
    with pytest.raises(RigError, match="too few"):
        Surface(np.zeros((3, 3)), np.array([[0, 1, 2]], np.int32), np.zeros((0, 3, 3)))
    points = np.full((50, 3), np.nan)
    with pytest.raises(RigError, match="finite"):
        Surface(points, np.array([[0, 1, 2]], np.int32), np.zeros((0, 50, 3)))


@pytest.mark.slow
def test_lips_that_are_one_skin_are_found_in_a_picture():
    pytest.importorskip("mediapipe")
    skin, surface = PARTS["skin"], head_surface(("skin", "eye left", "eye right"))
    bag = [material.name for material in MATERIALS].index("mouth inside")
    kept = np.ones(len(surface.triangles), bool)
    kept[: len(skin.faces)] = skin.material_index != bag
    places = np.round(surface.vertices / (0.02 * UNIT))  # lips that touch become one
    _, first, inverse = np.unique(places, axis=0, return_index=True, return_inverse=True)
    joined = first[inverse.ravel()][surface.triangles[kept]]
    whole = joined[(joined != np.roll(joined, 1, axis=1)).all(axis=1)].astype(np.int32)
    found = find_face(Surface(surface.vertices, whole, surface.motions))
    assert found.found.mouth is None
    off = found.fit.to_canonical(found.fit.placed) - SKIN_CM[:468]
    assert np.median(np.linalg.norm(off, axis=1)) < 0.3
