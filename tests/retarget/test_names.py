# SPDX-License-Identifier: GPL-3.0-or-later
import pytest

from backend.core.blendshapes import ARKIT_NAMES, DIRECTIONS
from backend.retarget.detect import choose, detected
from backend.retarget.names import (
    bone_readings,
    ending_readings,
    halves,
    is_node_prefix,
    key,
    readings,
    spellings,
    words,
)


def sided(name):
    return name not in DIRECTIONS and name.endswith(("Left", "Right"))


def stem_and_side(name):
    side = "Left" if name.endswith("Left") else "Right"
    return name.removesuffix(side), side


def respelled(name, write):
    """`write` spells (words of the stem, side or '')."""
    stem, side = stem_and_side(name) if sided(name) else (name, "")
    return write(words(stem), side)


CAMEL = "".join


def pascal(parts):
    return CAMEL(part.capitalize() for part in parts)


def camel(parts):
    return parts[0] + pascal(parts[1:])


SPELLINGS = {
    "apple": lambda parts, side: camel(parts) + side,
    "live_link": lambda parts, side: pascal(parts) + side,
    "face_cap": lambda parts, side: camel(parts) + (f"_{side[0]}" if side else ""),
    "pascal_suffix": lambda parts, side: pascal(parts) + (f"_{side[0]}" if side else ""),
    "blender_suffix": lambda parts, side: camel(parts) + (f".{side[0]}" if side else ""),
    "small_suffix": lambda parts, side: camel(parts) + (f"_{side[0].lower()}" if side else ""),
    "snake": lambda parts, side: "_".join([*parts, side.lower()] if side else parts),
    "spaces": lambda parts, side: " ".join(p.capitalize() for p in ([*parts, side] if side else parts)),
    "side_first": lambda parts, side: side + pascal(parts) if side else camel(parts),
    "letter_first": lambda parts, side: (f"{side[0]}_" if side else "") + camel(parts),
    "side_between": lambda parts, side: "_".join([parts[0], side[0], *parts[1:]] if side else parts),
    "node_prefix": lambda parts, side: "blendShape2." + camel(parts) + (f"_{side[0]}" if side else ""),
    "vroid_prefix": lambda parts, side: "Face.M_F00_000_00_" + camel(parts) + side,
    "numbered_prefix": lambda parts, side: "AK_09_" + pascal(parts) + side,
    "copy": lambda parts, side: camel(parts) + side + ".001",
    "upper_case": lambda parts, side: (camel(parts) + side).upper(),
    "maya": lambda parts, side: "rig:face|" + camel(parts) + side,
    "wide": lambda parts, side: (camel(parts) + side).translate({c: c + 0xFEE0 for c in range(65, 123)}),
}


@pytest.mark.parametrize("spelled", SPELLINGS)
def test_every_spelling_of_all_52_names_is_known(spelled):
    names = {name: respelled(name, SPELLINGS[spelled]) for name in ARKIT_NAMES}
    match = choose(["Basis", *names.values()])
    assert (match.map.id, match.missing) == ("arkit52", ())
    assert {m.control.name: m.names for m in match.controls} == {name: (text,) for name, text in names.items()}


def test_directions_are_not_sides():
    assert spellings("mouthLeft") == {"mouthleft"}
    assert "mouthl" not in {found for name in DIRECTIONS for found in spellings(name)}
    assert spellings("eyeBlinkLeft", "left") >= {"eyeblinkleft", "eyeblinkl", "lefteyeblink", "leyeblink", "eyelblink"}


def test_no_two_controls_share_a_spelling():
    seen = {}
    for name in ARKIT_NAMES:
        side = stem_and_side(name)[1].lower() if sided(name) else None
        for spelled in spellings(name, side):
            assert seen.setdefault(spelled, name) == name


def test_keys_and_readings():
    assert key("Eye_Blink-L. ") == "eyeblinkl"
    assert list(readings("a.b_Cd.001")) == [("", "abcd")]
    assert ("blendShape1.", "aa") in readings("blendShape1.aa")
    assert [found for _, found in readings("MTH_E")] == ["mthe"]
    assert list(readings("...")) == []


def test_a_bones_number_and_prefix_are_its_own():
    assert list(bone_readings("lip.T.L.001")) == [("", "liptl001")]
    assert list(bone_readings("mixamorig:Jaw")) == [("", "mixamorigjaw"), ("mixamorig:", "jaw")]
    assert [found for _, found in bone_readings("DEF-jaw")] == ["defjaw"]


def test_endings_leave_what_is_before_them():
    assert ending_readings("jawOpen_Teeth.001") == (("_Teeth", (("", "jawopen"),)),)
    assert [ending for ending, _ in ending_readings("Eye_Blink_L_LOD0_x")] == ["_x", "_LOD0_x"]
    assert ending_readings("eyeBlink_L") == ending_readings("aa_x") == ending_readings("jawOpen_") == ()


def test_halves_are_of_whole_movements_only():
    assert {key(name) for name in halves("mouthFunnel")} >= {"mouthfunnell", "mouthfunnelright"}
    assert halves("mouthLeft") == halves("aa") == halves("eyeBlinkLeft", "left") == ()


def test_node_prefixes():
    assert all(is_node_prefix(prefix) for prefix in ("", "face|", "rig:", "a:b|", "blendShape1."))
    assert not any(is_node_prefix(prefix) for prefix in ("door_", "Face.M_F00_", "rig:door_"))


def test_a_name_of_many_words_is_read_from_its_end():
    found = readings("a_" * 100 + "jawOpen")
    assert len(found) < 20 and ("a_" * 100, "jawopen") in found


OCULUS = ("sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "ih", "oh", "ou")
AVATAR = (*OCULUS[:12], "I", "O", "U")


@pytest.mark.parametrize(
    "names",
    [
        OCULUS,
        AVATAR,
        [f"viseme_{name}" for name in AVATAR],
        [f"Viseme {name}" for name in OCULUS],
        [f"vrc.v_{name.lower()}" for name in OCULUS],
        [f"Body.vrc.v_{name.lower()}" for name in AVATAR],
        [f"AA_VI_{i:02d}_{name.upper()}" for i, name in enumerate(AVATAR)],
        [f"blendShape1.{name}" for name in OCULUS],
    ],
)
def test_visemes_are_known_in_their_spellings(names):
    match = choose(names)
    assert (match.map.id, match.missing, match.unknown) == ("oculus15", (), ())
    assert [m.names[0] for m in match.controls] == list(names)


def test_one_family_is_used_where_two_are_there():
    visemes = [f"viseme_{name}" for name in AVATAR]
    both = choose([*ARKIT_NAMES, *visemes])
    assert (both.map.id, both.unknown) == ("arkit52", tuple(visemes))
    few = choose(["jawOpen", "mouthSmileLeft", *visemes])
    assert few.map.id == "oculus15"
    found = [match.map.id for match in detected(["jawOpen", "mouthSmileLeft", *visemes])]
    assert found[:2] == ["oculus15", "arkit52"]


def test_strays_are_left_alone_and_twins_driven_alike():
    names = [f"head.{name}" for name in ARKIT_NAMES] + ["teeth.jawOpen", "teeth.jawLeft", "teeth.jawRight"]
    match = choose([*names, "corrective_jawOpen", "head.jawOpen_smile_fix"])
    driven = {m.control.name: m.names for m in match.controls}
    assert driven["jawOpen"] == ("head.jawOpen", "teeth.jawOpen")
    assert match.unknown == ("corrective_jawOpen", "head.jawOpen_smile_fix")


def test_stand_ins_serve_only_where_nothing_better_is():
    match = choose(["mouthOpen", "mouthSmile"])
    assert [m.names for m in match.controls] == [("mouthSmile",), ("mouthOpen",)]
    assert match.coverage.startswith("ARKit 52: 0 of 52 matched and 2 stand-ins, missing jawForward")
    match = choose(["jawOpen", "mouthOpen", "mouthSmile", "mouthSmileLeft"])
    assert match.unknown == ("mouthOpen", "mouthSmile")


def test_coverage_in_words():
    match = choose(name for name in ARKIT_NAMES if not name.startswith(("tongue", "noseSneer")))
    assert match.coverage == "ARKit 52: 49 of 52 matched, missing noseSneerLeft, noseSneerRight, tongueOut"
    assert match.mouth_coverage == 1.0
