# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from backend.core.blendshapes import ARKIT_INDEX
from backend.core.errors import TimingError
from backend.core.face import canonical_face, lip_gap_cm
from backend.core.types import PhoneSpan
from backend.motion.expression import EXPRESSIONS, MOST_INTENSE, Expressive, mood_of
from backend.motion.performance import Performance

PHONES = [PhoneSpan(*span) for span in (("sil", 0, 0.2), ("b", 0.2, 0.3), ("ɑ", 0.3, 0.5), ("u", 0.5, 0.7))]
TIMES = np.arange(0, 0.9, 1 / 60)


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_no_mood_moves_the_inner_lips(name):
    plain = Performance(PHONES, 0.9)
    moody = Expressive(plain, mood_of(name, MOST_INTENSE))
    neutral = canonical_face().neutral_cm
    gaps = [lip_gap_cm(neutral + one.displacement_cm(TIMES)) for one in (plain, moody)]
    assert np.abs(gaps[0] - gaps[1]).max() < 1e-4
    weights = moody.weights(TIMES)
    assert weights.min() >= 0
    assert weights.max() <= 1
    for part, whole in ((weights[:7], plain.weights(TIMES[:7])),):
        changed = np.abs(part - whole).max()
        assert (changed > 0.1) == (name != "neutral")


def test_rounded_lips_are_not_drawn_out():
    rounded = Expressive(Performance([PhoneSpan("u", 0.0, 1.0)], 1.0), mood_of("happy", 1.0)).weights([0.5])[0]
    spread = Expressive(Performance([PhoneSpan("i", 0.0, 1.0)], 1.0), mood_of("happy", 1.0)).weights([0.5])[0]
    smile, cheek = ARKIT_INDEX["mouthSmileLeft"], ARKIT_INDEX["cheekSquintLeft"]
    assert rounded[smile] < 0.5 * spread[smile]
    assert rounded[cheek] == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize(("name", "intensity", "words"), [("cross", 1, "there are neutral"), ("sad", 3, "0 to 2")])
def test_moods_that_are_none(name, intensity, words):
    with pytest.raises(TimingError, match=words):
        mood_of(name, intensity)
