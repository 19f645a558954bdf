# SPDX-License-Identifier: GPL-3.0-or-later
import pytest

from backend.core.errors import RigError
from backend.retarget.apply import retarget
from backend.retarget.detect import choose, detected

REFUSED = {
    "no shapes": ([], "no shape keys"),
    "only a basis": (["Basis"], "no shape keys"),
    "emotions": (["Basis", "Angry", "Surprised", "Sad"], r"none of the 3 shape keys \(Angry, Surprised, Sad\)"),
    "eyes and brows": (["eyeBlink_L", "eyeBlink_R", "browInnerUp"], "of ARKit 52 .* none of which opens the lips"),
    "smile only": (["mouthSmileLeft", "mouthSmile_R", "cheekPuff"], "none of which opens the lips"),
    "mouthClose only": (["mouthClose"], "none of which opens the lips"),
    "five vowels": (["A", "I", "U", "E", "O"], "only 4 .*at least 6"),
    "closed visemes": (["viseme_PP", "viseme_sil"], "none of which opens the lips"),
    "anime vowels behind a prefix": (["MTH_A", "MTH_I", "MTH_U", "MTH_E", "MTH_O"], "nothing moves the mouth"),
    "unnamed": ([f"Key {i}" for i in range(30)], r"none of the 30 shape keys \(Key 0, .* and 18 more\)"),
    "a hand": (["fist", "point_index", "spread", "thumb_L", "thumb_R", "grip"], "nothing moves the mouth"),
    "cloth": (["wind_left", "wind_right", "open_front", "Close", "roll_upper"], "nothing moves the mouth"),
    "a body": (["fat", "thin", "muscle.L", "muscle.R", "breast_up", "jaw_width"], "nothing moves the mouth"),
    "correctives": (["notjawopen", "jawOpenCorrective", "fixMouthClose"], "nothing moves the mouth"),
    "long names": (["x" * 100_000, "_" * 5000, ""], "nothing moves the mouth"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_speak_is_refused_with_the_reason(case):
    names, reason = REFUSED[case]
    with pytest.raises(RigError, match=reason) as told:
        choose(names)
    assert len(str(told.value)) < 1200
    assert all(match.refusal for match in detected(names))


def test_a_refused_match_is_not_animated():
    match = detected(["eyeBlinkLeft"])[0]
    with pytest.raises(RigError, match="nothing moves the mouth"):
        retarget(None, match)


@pytest.mark.parametrize("names", [["jawOpen"], ["Jaw_Open", "eyeBlink_L"], ["mouthOpen"]])
def test_one_shape_that_opens_the_mouth_is_enough(names):
    assert choose(names).refusal is None
