# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from backend.core.blendshapes import ARKIT_INDEX
from backend.core.errors import RigError
from backend.core.face import vertices_from_weights
from backend.retarget.apply import retarget
from backend.retarget.detect import MapMatch, RigNames, choose, detected
from backend.retarget.maps import load_maps
from tests.retarget.not_faces import NOT_FACES

REFUSED = {
    "no shapes": ([], "no shape keys"),
    "only a basis": (["Basis"], "no shape keys"),
    "emotions": (
        ["Basis", "Angry", "Surprised", "Sad"],
        r"none of the 3 shape keys \(Angry, Surprised, Sad\)",
    ),
    "eyes and brows": (["eyeBlink_L", "eyeBlink_R", "browInnerUp"], "of ARKit 52 .* none of which opens the lips"),
    "smile only": (["mouthSmileLeft", "mouthSmile_R", "cheekPuff"], "none of which opens the lips"),
    "mouthClose only": (["mouthClose"], "none of which opens the lips"),
    "three vowels": (["A", "I", "U"], "only 3 .*at least 4"),
    "closed visemes": (["viseme_PP", "viseme_sil"], "none of which opens the lips"),
    "vowels behind a strange prefix": (["OSC_A", "OSC_I", "OSC_U", "OSC_E", "OSC_O"], "nothing moves the mouth"),
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


MAPS = load_maps()


def test_enough_things_are_no_faces():
    assert len(NOT_FACES) >= 50


@pytest.mark.parametrize("thing", NOT_FACES)
def test_what_is_no_face_is_refused_with_a_reason(thing):
    with pytest.raises(RigError, match=r"mouth|lip-sync") as told:
        choose(NOT_FACES[thing])
    assert len(str(told.value)) < 1800
    assert all(match.refusal for match in detected(NOT_FACES[thing]))
    for one in MAPS:
        with pytest.raises(RigError):
            choose(NOT_FACES[thing], [one])


BODY = ("hips", "spine", "chest", "neck", "head", "upper_arm.L", "upper_arm.R")


def found(match: MapMatch) -> dict[str, tuple[str, ...]]:
    return {f"{m.control.kind} {m.control.name}": m.names for m in match.controls}


@pytest.mark.parametrize("jaw", ["jaw", "Jaw", "mixamorig:Jaw", "CC_Base_JawRoot", "lowerJaw", "あご", "jaw_master"])
def test_a_jaw_bone_alone_can_speak(jaw):
    match = choose(RigNames(bones=(*BODY, jaw)))
    assert (match.map.id, found(match)) == ("jaw_bone", {"bone jaw bone": (jaw,)})


def test_shapes_whose_jaw_is_a_bone_use_it_and_others_do_not():
    rig = ("mouthSmileLeft", "mouthSmileRight", "mouthPucker", "mouthFunnel", "eyeBlinkLeft")
    match = choose(RigNames(rig, (*BODY, "jaw")))
    assert match.map.id == "arkit52" and found(match)["bone jaw bone"] == ("jaw",)
    match = choose(RigNames((*rig, "jawOpen"), (*BODY, "jaw")))
    assert "bone jaw bone" not in found(match)


def test_lips_close_over_a_jaw_that_a_bone_opens():
    row = np.zeros((2, 52))
    row[:, ARKIT_INDEX["jawOpen"]], row[:, ARKIT_INDEX["mouthClose"]] = 0.2, (0.2, 0)
    faces = vertices_from_weights(row)
    tracks = retarget(faces, choose(RigNames(("mouthClose", "mouthPucker", "eyeBlinkLeft"), (*BODY, "jaw"))))
    values = dict(zip(tracks.names, tracks.values.T, strict=True))
    assert np.allclose(np.degrees(values["jaw"]), 0.2 * 23.5, atol=0.3)
    assert np.allclose(values["mouthClose"], (0.2, 0), atol=0.01)
    shut = retarget(faces, choose(["mouthClose", "mouthPucker", "eyeBlinkLeft", "mouthOpen"]))
    assert shut.values[0, shut.names.index("mouthClose")] == pytest.approx(0.2, abs=0.02)


def test_the_likeliest_of_two_jaws_is_turned():
    match = choose(RigNames(("mouthSmile", "eyeBlink"), (*BODY, "jaw", "jaw_master")))
    assert found(match)["bone jaw bone"] == ("jaw_master",)


def test_a_property_serves_where_no_shape_has_the_name():
    match = choose(RigNames(("jawOpen", "eyeBlinkLeft"), (), ("jawOpen", "mouthPucker", "eye_size")))
    kinds = found(match)
    assert kinds["shape jawOpen"] == ("jawOpen",) and kinds["property mouthPucker"] == ("mouthPucker",)
    assert match.unknown == ("jawOpen", "eye_size")


def test_one_bone_may_have_several_channels():
    match = choose(RigNames(bones=(*BODY, "jaw_master", "lip.T", "lip.B", "lips.L", "lips.R", "lip.T.L.001")))
    assert match.map.id == "rigify" and not match.missing
    corners = [m for m in match.controls if m.names == ("lips.L",)]
    assert {(m.control.channel, m.control.axis) for m in corners} == {("location", 0), ("location", 1)}


def test_names_that_belong_but_are_not_keyed_are_not_strange():
    match = choose(["jawOpen", "HeadYaw", "TongueRollUp", "wings"])
    assert match.unknown == ("wings",)


def test_halves_of_a_whole_movement_are_driven_alike():
    match = choose(["jawOpen", "mouthFunnel_L", "mouthFunnel_R", "mouthPucker", "mouthPucker_L", "mouthLeft"])
    names = found(match)
    assert names["shape mouthFunnel"] == ("mouthFunnel_L", "mouthFunnel_R")
    assert names["shape mouthPucker"] == ("mouthPucker",)
    assert names["shape mouthLeft"] == ("mouthLeft",)


def test_visemes_give_way_to_arkit_and_vowels_to_visemes():
    vowels = ["あ", "い", "う", "え", "お"]
    visemes = [f"vrc.v_{name}" for name in ("aa", "ch", "e", "ff", "ih", "oh", "ou", "pp")]
    assert choose(vowels).map.id == "mmd"
    assert choose([*vowels, *visemes]).map.id == "oculus15"
    arkit = [c.name for one in MAPS if one.id == "arkit52" for c in one.controls if c.region in ("jaw", "lips")]
    assert choose([*vowels, *visemes, *arkit]).map.id == "arkit52"


def test_half_width_letters_are_the_same():
    match = choose(["ｱ", "ｲ", "ｳ", "ｴ", "ｵ", "ﾜ"])
    assert match.map.id == "mmd" and found(match)["shape ワ"] == ("ﾜ",)
