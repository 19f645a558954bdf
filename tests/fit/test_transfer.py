# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import numpy as np
import pytest

from backend.core.blendshapes import ARKIT_INDEX, ARKIT_NAMES
from backend.core.face import canonical_face
from backend.fit.elastic import settle_sheet, sheet_of
from backend.fit.islands import JAW, SKIN, STILL, islands_of
from backend.fit.nearest import nearest_on
from backend.fit.surface import Surface
from backend.fit.transfer import transfer

from .conftest import FACE, PARTS, UNIT

COUNTS = [len(PARTS[name].vertices_cm) for name in FACE]
OF = {name: slice(sum(COUNTS[:index]), sum(COUNTS[: index + 1])) for index, name in enumerate(FACE)}
MOUTH = [name for name in ARKIT_NAMES if name.startswith(("jaw", "mouth"))]


@pytest.fixture(scope="module")
def made(bare):
    return transfer(bare)


def upright(facing, field):
    return field @ facing.upright.T


def test_what_each_piece_is(bare):
    islands = islands_of(bare.surface, bare.fit)
    roles = {name: set(islands.roles[islands.label[OF[name]]].tolist()) for name in FACE}
    assert roles == {
        "skin": {SKIN}, "eye left": {STILL}, "eye right": {STILL}, "teeth upper": {STILL}, "teeth lower": {JAW},
        "tongue": {JAW},
    }  # fmt: skip


def test_the_shapes_are_those_of_the_head(facing, made):
    found = {}
    for name in MOUTH:
        field, truth = (
            upright(facing, made.fields[name])[OF["skin"]],
            facing.surface.motions[ARKIT_INDEX[name]][OF["skin"]],
        )
        found[name] = (field * truth).sum() / np.linalg.norm(field) / np.linalg.norm(truth)
    assert min(found.values()) > 0.8, found
    assert np.mean(list(found.values())) > 0.95
    assert "tongueOut" not in made.fields
    assert not made.sealed


def test_the_jaw_opens_the_mouth_and_takes_teeth_and_tongue_along(facing, made):
    field = upright(facing, made.fields["jawOpen"]) / UNIT
    marks = canonical_face().landmarks
    upper, lower = (marks[f"lip_inner_{lip}"][2:-2] for lip in ("upper", "lower"))
    assert (field[upper, 1] - field[lower, 1]).min() > 1.5
    assert np.abs(field[OF["teeth upper"]]).max() == 0
    for part in ("teeth lower", "tongue"):
        assert np.abs(field[OF[part]] - PARTS[part].shapes["jawOpen"]).max() < 0.4


def test_closed_lips_stay_closed(facing, made):
    """Shapes that keep the canonical lips together keep the mesh's together."""
    marks = canonical_face().landmarks
    upper, lower = (marks[f"lip_inner_{lip}"][1:-1] for lip in ("upper", "lower"))
    for name in ("jawForward", "jawLeft", "mouthLeft", "mouthSmileLeft", "cheekPuff", "mouthPressLeft", "browInnerUp"):
        basis = canonical_face().basis_cm[ARKIT_INDEX[name]]
        truth = basis[upper] - basis[lower]
        field = upright(facing, made.fields[name]) / UNIT
        assert np.abs(field[upper, 1] - field[lower, 1] - truth[:, 1]).max() < 0.15, name
    closing = upright(facing, made.fields["jawOpen"] + made.fields["mouthClose"]) / UNIT
    assert np.abs(closing[upper, 1] - closing[lower, 1]).max() < 0.25


def test_nothing_moves_behind_the_ears(facing, made):
    places = facing.fit.to_canonical(facing.surface.vertices)
    behind = places[:, 2] < -5.0
    assert behind.sum() > 1000
    moved = np.stack([np.linalg.norm(field[behind], axis=1).max() for field in made.fields.values()]) / UNIT
    assert moved.max() < 0.02


def test_a_blink_closes_the_eye(facing, made):
    lids = [canonical_face().landmarks[f"eye_{lid}_left"][2:-2] for lid in ("upper", "lower")]
    rest = facing.surface.vertices
    shut = rest + upright(facing, made.fields["eyeBlinkLeft"])
    before, after = ((there[lids[0], 1] - there[lids[1], 1]).mean() for there in (rest, shut))
    assert after < 0.35 * before


def test_a_larger_head_moves_further(bare, made):
    surface = replace(bare.surface, vertices=3 * bare.surface.vertices)
    fit = replace(bare.fit, scale=3 * bare.fit.scale, offset=3 * bare.fit.offset, placed=3 * bare.fit.placed)
    view = replace(
        bare.view, surface=surface, points=3 * bare.view.points, pixel=3 * bare.view.pixel, corner=3 * bare.view.corner
    )
    large = transfer(replace(bare, surface=surface, fit=fit, view=view))
    for name in ("jawOpen", "mouthFunnel"):
        assert large.fields[name] == pytest.approx(3 * made.fields[name], abs=0.02 * UNIT)


def test_the_nearest_point_of_a_triangle():
    corners = np.array([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]])
    points = np.array([[0.2, 0.3, 5.0], [-1.0, -1.0, 0.0], [1.0, 1.0, 0.0], [0.5, -2.0, 0.0], [3.0, 0.0, 0.0]])
    triangle, weights, distance = nearest_on(points, corners)
    assert triangle.tolist() == [0] * 5
    expected = [[0.5, 0.2, 0.3], [1, 0, 0], [0, 0.5, 0.5], [0.5, 0.5, 0], [0, 1, 0]]
    assert weights == pytest.approx(np.array(expected), abs=1e-9)
    assert distance == pytest.approx([5, np.sqrt(2), np.sqrt(0.5), 2, 2])


def test_a_sheet_goes_evenly_from_what_moves_to_what_rests():
    """A strip held at both ends: the elastic rest of it lies on the line between them."""
    count = 40
    x = np.arange(count, dtype=float)
    points = np.concatenate([np.stack([x, 0 * x, 0 * x], 1), np.stack([x, 0 * x + 1, 0 * x], 1)])
    a = np.arange(count - 1)
    faces = np.concatenate([np.stack([a, a + 1, a + 1 + count], 1), np.stack([a, a + 1 + count, a + count], 1)])
    surface = Surface(points, faces.astype(np.int32), np.zeros((0, 2 * count, 3)))
    hold, target = np.zeros(2 * count), np.zeros((2 * count, 1, 3))
    hold[[0, count]] = hold[[count - 1, -1]] = 1e4
    target[[0, count]] = (0.0, 0.0, 1.0)
    settled = settle_sheet(sheet_of(surface, np.arange(2 * count)), target, hold)
    assert settled[..., :2] == pytest.approx(0, abs=1e-3)
    assert settled[:count, 0, 2] == pytest.approx(1 - x / (count - 1), abs=0.02)
