# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from backend.core.blendshapes import ARKIT_INDEX
from backend.core.face import canonical_face, lip_gap_cm, vertices_from_weights
from backend.retarget.closing import let_lips_meet, openings_cm

OPENS_CM = np.array([1.0, 0.0, -0.5])


@pytest.mark.parametrize(
    ("wanted_cm", "found_cm"),
    [(-0.01, 0), (0, 0), (0.04, 0.04), (0.1, 0.125), (0.14, 0.149), (0.15, 0.15), (0.5, 0.15)],
)
def test_lips_come_as_near_as_predicted_where_they_meet(wanted_cm, found_cm):
    amounts = np.array([[0.2, 0.5, 0.1]])
    changed = let_lips_meet(amounts, OPENS_CM, np.array([wanted_cm]))
    assert changed[0] @ OPENS_CM == pytest.approx(found_cm)
    assert changed[0, 1:].tolist() == [0.5, 0.1], "what opens them gives way alone"


def test_lips_that_are_near_enough_or_pressed_are_left():
    amounts = np.array([[0.05, 0.3, 0.1], [0.0, 0.3, 0.9], [0.0, 0.0, 0.0]])
    assert let_lips_meet(amounts, OPENS_CM, np.zeros(3)).tolist() == amounts.tolist()


def test_a_signed_control_opens_the_other_way():
    changed = let_lips_meet(np.array([[0.0, 0.4, -0.2]]), OPENS_CM, np.zeros(1))
    assert changed[0] @ OPENS_CM == pytest.approx(0)


def test_openings_are_of_the_lips_alone():
    rows = np.zeros((2, 52))
    rows[0, ARKIT_INDEX["jawOpen"]] = rows[1, ARKIT_INDEX["browInnerUp"]] = 1
    moved = vertices_from_weights(rows)
    jaw_cm, brow_cm = openings_cm(moved)
    assert jaw_cm == pytest.approx(lip_gap_cm(canonical_face().neutral_cm + moved[0]), abs=1e-6)
    assert jaw_cm > 3
    assert brow_cm == pytest.approx(0, abs=1e-6)
