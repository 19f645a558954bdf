# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from backend.core.face import canonical_face, lip_gap_cm
from backend.core.types import PhoneSpan
from backend.inference.closing import Closing
from backend.inference.speaker_face import SpeakerFace

TIMES = 0.005 + 0.02 * np.arange(100)


@pytest.fixture(scope="module")
def face():
    """A speaker who moves by five of the canonical blendshapes, from a mouth that never quite shuts."""
    canonical = canonical_face()
    names = [17, 24, 31, 40, 12]
    neutral = canonical.neutral_cm.copy()
    neutral[[14, 87, 317], 1] -= 0.05
    moved = (canonical.basis_cm[names] * 10).reshape(len(names), -1)
    return SpeakerFace(neutral, np.zeros(1404, np.float32), moved, canonical.uv, None)


def gap_mm(face, coefficients):
    return 10 * lip_gap_cm(face.neutral_cm + face.displacement_cm(coefficients))


@pytest.fixture(scope="module")
def talking(face):
    rng = np.random.default_rng(3)
    return np.abs(rng.normal(0.4, 0.2, (100, len(face.components_mm)))).astype(np.float32)


def test_a_sure_bilabial_closes_the_lips_to_the_speakers_own_rest_and_only_then(face, talking):
    phones = (PhoneSpan("a", 0.0, 0.8), PhoneSpan("p", 0.8, 0.9, 0.9), PhoneSpan("a", 0.9, 2.0))
    closed = Closing(face).closed(talking, TIMES, phones)
    held = (TIMES >= 0.8) & (TIMES <= 0.87)
    assert gap_mm(face, closed)[held] == pytest.approx(0.5, abs=0.01)
    away = (TIMES < 0.74) | (TIMES > 0.92)
    assert np.array_equal(closed[away], talking[away])
    assert (gap_mm(face, closed) <= gap_mm(face, talking) + 1e-4).all()


@pytest.mark.parametrize("phone", [PhoneSpan("p", 0.8, 0.9, 0.4), PhoneSpan("t", 0.8, 0.9, 1.0)])
def test_other_or_doubtful_phones_change_nothing(face, talking, phone):
    assert np.array_equal(Closing(face).closed(talking, TIMES, (phone,)), talking)


def test_lips_that_are_closed_stay_as_they_are(face):
    shut = np.zeros((100, len(face.components_mm)), np.float32)
    assert np.abs(Closing(face).closed(shut, TIMES, (PhoneSpan("m", 0.5, 0.7),)) - shut).max() < 1e-4


def test_the_change_is_a_small_one(face, talking):
    """No other change of these components that closes the lips as far moves the face less, lips weighing more."""
    phones = (PhoneSpan("b", 0.8, 0.9),)
    closing = Closing(face)
    step = (closing.closed(talking, TIMES, phones) - talking)[44]
    effort = np.square(face.displacement_cm(step[None])).sum()
    jaw_alone = np.zeros_like(step)
    drop = gap_mm(face, talking[44:45])[0] - 0.5
    jaw_alone[0] = -drop / (gap_mm(face, np.eye(len(step), dtype=np.float32)[:1])[0] - 0.5)
    assert effort < np.square(face.displacement_cm(jaw_alone[None])).sum()
