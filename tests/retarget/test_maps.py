# SPDX-License-Identifier: GPL-3.0-or-later
import copy
import json

import numpy as np
import pytest

from backend.core.blendshapes import ARKIT_NAMES
from backend.core.errors import MapError
from backend.core.face import canonical_face, lip_gap_cm, mouth_width_cm
from backend.retarget.effects import effects_cm
from backend.retarget.map_checks import problems_of
from backend.retarget.maps import BoneChannel, load_map, load_maps, maps_folder

GOOD = {
    "format": "lipsync3d.blendshape_map",
    "version": 1,
    "id": "mine",
    "title": "Mine",
    "controls": [
        {"name": "open", "region": "jaw", "weights": {"jawOpen": 0.8}},
        {
            "name": "smileLeft",
            "side": "left",
            "region": "lips",
            "weights": {"mouthSmileLeft": 1},
            "aliases": ["grinLeft"],
        },
    ],
    "ordered": [["smileLeft", "open"]],
}


SHIPPED = [
    "arkit52", "auto_rig_pro", "cc3_traditional", "cc4_extended", "cc4_standard", "cc5_hd", "cc_visemes15",
    "cc_visemes8", "daz_genesis81", "daz_genesis9", "daz_visemes", "jaw_bone", "metahuman", "mmd", "oculus15",
    "preston_blair", "rhubarb", "rigify", "sapi22", "vrm", "vroid",
]  # fmt: skip


def written(folder, data, name="mine.json"):
    path = folder / name
    path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return path


def changed(**fields):
    return copy.deepcopy(GOOD) | fields


def test_shipped_maps():
    maps = {one.id: one for one in load_maps()}
    assert sorted(maps) == SHIPPED
    own = [control for control in maps["arkit52"].controls if not control.extra]
    assert tuple(control.name for control in own) == ARKIT_NAMES
    assert all(control.weights == {control.name: 1.0} for control in own)
    assert len(maps["oculus15"].controls) == 15


def test_a_user_map_is_read(tmp_path):
    one = load_map(written(tmp_path, GOOD))
    assert [(c.name, dict(c.weights), c.side, c.full) for c in one.controls] == [
        ("open", {"jawOpen": 0.8}, None, 1.0),
        ("smileLeft", {"mouthSmileLeft": 1.0}, "left", 1.0),
    ]
    assert (one.minimum_controls, one.priority, one.ordered) == (1, 0, (("smileLeft", "open"),))


def test_schema_agrees_with_the_reader():
    jsonschema = pytest.importorskip("jsonschema", reason="needs the jsonschema package")
    schema = json.loads((maps_folder() / "schema.json").read_text(encoding="utf-8"))
    checker = jsonschema.Draft202012Validator(schema)
    checker.check_schema(schema)
    for path in maps_folder().glob("*.json"):
        if path.name != "schema.json":
            checker.validate(json.loads(path.read_text(encoding="utf-8")))
    checker.validate(GOOD)
    for case, (data, _) in BAD.items():
        if case not in BEYOND_SCHEMA:
            assert not checker.is_valid(data), case
            assert problems_of(data), case


def control(**fields):
    return changed(controls=[GOOD["controls"][0] | fields], ordered=[])


BONE = {"name": "jaw", "kind": "bone", "channel": "rotation", "axis": "x", "region": "jaw", "weights": {"jawOpen": 1}}


def with_bone(**fields):
    kept = {name: value for name, value in (BONE | fields).items() if value is not None}
    return changed(controls=[*GOOD["controls"], kept])


BEYOND_SCHEMA = {
    "need of a stranger", "two of one name", "follows a stranger", "follows itself", "follows with weights",
    "one channel twice", "pair of strangers", "name in two pairs", "same spelling", "side against name",
    "unknown blendshape", "no size", "nan", "repeated key", "not JSON",
}  # fmt: skip
BAD = {
    "list": ([], "not an object"),
    "other format": (changed(format="x"), "format is 'x'"),
    "later version": (changed(version=2), "version 2 is not known"),
    "version as truth": (changed(version=True), "version is True, expected a whole number"),
    "bad id": (changed(id="../x"), "id '../x'"),
    "no controls": (changed(controls=[], ordered=[]), "0 of them"),
    "unknown field": (changed(extra_field=1), "unknown field 'extra_field'"),
    "no title": ({k: v for k, v in GOOD.items() if k != "title"}, "title is missing"),
    "control not object": (changed(controls=[3], ordered=[]), r"controls\[0\] is not an object"),
    "unknown kind": (control(kind="cage"), "kind 'cage' is not one of shape, bone, property"),
    "unknown region": (control(region="chin"), "region 'chin' is not one of"),
    "unknown blendshape": (control(weights={"jawOpn": 1}), "'jawOpn', which is no canonical blendshape"),
    "big weight": (control(weights={"jawOpen": 9}), "expected a number within ±4"),
    "weight as text": (control(weights={"jawOpen": "1"}), "weight of jawOpen is '1'"),
    "infinite": (control(weights={"jawOpen": 10**400}), "expected a number within"),
    "no size": (control(full=0), "full is 0"),
    "empty alias": (control(aliases=[""]), "aliases holds ''"),
    "many aliases": (control(aliases=[f"a{i}" for i in range(65)]), "65 aliases"),
    "side against name": (control(side="left"), "does not end in Left"),
    "pair of one": (changed(cancel=[["open"]]), r"cancel\[0\] is not a pair"),
    "pair of strangers": (changed(cancel=[["open", "shut"]]), "'shut', which is no control here"),
    "name in two pairs": (changed(cancel=[["open", "smileLeft"], ["smileLeft", "open"]]), "in another pair already"),
    "same spelling": (
        changed(controls=[*GOOD["controls"], GOOD["controls"][0] | {"name": "Open_"}]),
        "spelling 'open'",
    ),
    "bone without channel": (with_bone(channel=None), "channel is missing, which a bone needs"),
    "bone without axis": (with_bone(axis=None), "axis is missing, which a bone needs"),
    "bone with odd axis": (with_bone(axis="w"), "axis 'w' is not one of x, y, z"),
    "bone in odd space": (with_bone(space="world"), "space 'world' is not one of bone, face"),
    "shape with an axis": (control(axis="x"), "axis is only for bones"),
    "too sure": (control(confidence=1.5), "confidence is 1.5, expected 0 to 1"),
    "no part": (control(parts=[""]), "parts holds ''"),
    "need of a stranger": (changed(needs=["shut"]), "needs names 'shut', which is no control here"),
    "ignored number": (changed(ignored=[3]), "ignored holds 3"),
    "whole as text": (control(whole="yes"), "whole is 'yes', expected true or false"),
    "two of one name": (with_bone(name="open"), "two are called 'open'"),
    "follows a stranger": (with_bone(weights={}, follows={"shut": 1}), "follows 'shut', which is no other control"),
    "follows itself": (with_bone(weights={}, follows={"jaw": 1}), "follows 'jaw', which is no other control"),
    "follows with weights": (with_bone(follows={"open": 1}), "that follows others has no weights of its own"),
    "follows by text": (with_bone(weights={}, follows={"open": "1"}), "follows 'open' by '1', expected a number"),
    "one channel twice": (changed(controls=[*GOOD["controls"], BONE, BONE | {"name": "Jaw"}]), "the spelling 'jaw'"),
    "nan": ('{"version": NaN}', "NaN is not a number"),
    "repeated key": ('{"id": "a", "id": "b"}', "'id' stands twice"),
    "not JSON": ("jawOpen = 1", "not a blendshape map"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_map_is_told(tmp_path, case):
    data, reason = BAD[case]
    path = written(tmp_path, data)
    with pytest.raises(MapError, match=reason) as told:
        load_map(path)
    assert str(path) in str(told.value)


def test_every_problem_is_told_at_once(tmp_path):
    data = changed(
        id="NO", title=3, ordered=[["a", "b"]], controls=[{"name": "x"}, {"weights": {"y": 1}, "side": "up"}]
    )
    with pytest.raises(MapError) as told:
        load_map(written(tmp_path, data))
    text = str(told.value)
    for part in ("id 'NO'", "title is 3", "'a', which", "'b', which", "('x'): weights is missing",
                 "('x'): region is missing", "controls[1]: name is missing", "'y', which", "side 'up'"):  # fmt: skip
        assert part in text, part
    assert "10 problems" in text


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 5000, "1" * 10_000, " " * 600_000, "\ud800".encode("utf-16", "surrogatepass")]
)
def test_hostile_files_are_refused_quickly(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(MapError):
        load_map(path)


def test_a_flood_of_problems_is_cut(tmp_path):
    many = changed(controls=[{"name": f"x{i}", "odd" * 9: "y" * 900} for i in range(400)], ordered=[])
    with pytest.raises(MapError, match="more") as told:
        load_map(written(tmp_path, many))
    assert len(str(told.value)) < 8000


def test_folders(tmp_path):
    with pytest.raises(MapError, match="no blendshape maps there"):
        load_maps(tmp_path)
    with pytest.raises(MapError, match="cannot read"):
        load_map(tmp_path / "gone.json")
    written(tmp_path, GOOD)
    written(tmp_path, GOOD, "other.json")
    with pytest.raises(MapError, match="id 'mine' is also that of"):
        load_maps(tmp_path)


def test_a_bone_is_read_in_radians_and_its_own_or_the_faces_axes(tmp_path):
    moved = BONE | {"name": "jaw up", "channel": "location", "axis": "z", "space": "face", "full": -2}
    data = changed(controls=[*GOOD["controls"], BONE | {"full": -20}, moved])
    jaw, up = load_map(written(tmp_path, data)).controls[2:]
    assert jaw.bone == BoneChannel("rotation", 0, "bone") and jaw.full == pytest.approx(-np.radians(20))
    assert up.bone == BoneChannel("location", 2, "face") and (up.channel, up.axis, up.full) == ("location", 2, -2.0)


def test_a_users_folder_adds_to_the_shipped_maps(tmp_path):
    assert [one.id for one in load_maps(extra=tmp_path / "none")] == SHIPPED
    written(tmp_path, GOOD)
    assert [one.id for one in load_maps(extra=tmp_path)] == sorted([*SHIPPED, "mine"])


def looks(map_id):
    """(gap in mm, width over rest in mm, protrusion of the lips in mm) by control."""
    one = next(one for one in load_maps() if one.id == map_id)
    rest = canonical_face().neutral_cm
    faces = rest + effects_cm(one.controls)
    gap, width = 10 * lip_gap_cm(faces), 10 * (mouth_width_cm(faces) - mouth_width_cm(rest))
    out = 10 * (faces - rest)[:, [0, 17], 2].mean(axis=1)
    return {c.name: (float(g), float(w), float(o)) for c, g, w, o in zip(one.controls, gap, width, out, strict=True)}


SOUNDS = {
    "sapi22": ("p_b_m_21", "f_v_18", "aa_02", "y_iy_ih_ix_06", "w_uw_07", "ow_08", "s_z_15"),
    "daz_visemes": ("eCTRLvM", "eCTRLvF", "eCTRLvAA", "eCTRLvEE", "eCTRLvUW", "eCTRLvOW", "eCTRLvS"),
    "cc_visemes15": ("B_M_P", "F_V", "Ah", "EE", "W_OO", "Oh", "S_Z"),
    "oculus15": ("viseme_PP", "viseme_FF", "viseme_aa", "viseme_I", "viseme_U", "viseme_O", "viseme_SS"),
    "rhubarb": ("A", "G", "D", "B", "F", "E", "B"),
}


@pytest.mark.parametrize("map_id", SOUNDS)
def test_every_viseme_family_looks_like_its_sounds(map_id):
    seen = looks(map_id)
    closed, on_teeth, open_, wide, rounded, half_rounded, hissed = (seen[name] for name in SOUNDS[map_id])
    assert abs(closed[0]) < 0.1 and 0.5 < on_teeth[0] < 3
    assert on_teeth[0] < hissed[0] < 8 < half_rounded[0] < open_[0]
    assert open_[0] == max(gap for gap, _, _ in seen.values()) >= 18
    assert rounded[1] < half_rounded[1] + 1 < 0 < wide[1] and rounded[1] == min(width for _, width, _ in seen.values())
    assert rounded[2] > 4 and rounded[0] < 8


FIVE = {
    "vrm": "aa ih ou ee oh",
    "mmd": "あ い う え お",
    "vroid": "Fcl_MTH_A Fcl_MTH_I Fcl_MTH_U Fcl_MTH_E Fcl_MTH_O",
}


@pytest.mark.parametrize("map_id", FIVE)
def test_five_vowels_differ_as_vowels_do(map_id):
    a, i, u, e, o = (looks(map_id)[name] for name in FIVE[map_id].split())
    assert a[0] > o[0] > e[0] > i[0] > u[0] > 3
    assert u[1] < -10 and o[1] < -10 and i[1] > 7 > e[1] > 2 and u[2] > 5


def test_visemes_look_like_their_sounds():
    one = next(one for one in load_maps() if one.id == "oculus15")
    faces = canonical_face().neutral_cm + effects_cm(one.controls)
    names = [control.name.removeprefix("viseme_") for control in one.controls]
    gap_mm = dict(zip(names, 10 * lip_gap_cm(faces), strict=True))
    width = dict(zip(names, mouth_width_cm(faces), strict=True))
    assert abs(gap_mm["PP"]) < 0.05 and gap_mm["sil"] == 0
    assert 0 < gap_mm["FF"] < 3 < gap_mm["SS"] < gap_mm["E"] < gap_mm["aa"]
    assert gap_mm["aa"] == max(gap_mm.values()) > 18
    assert width["U"] == min(width.values()) < width["O"] < width["CH"] < width["sil"] < width["E"] < width["I"]
    assert np.all([abs(gap_mm[a] - gap_mm[b]) < 4 for a, b in (("DD", "nn"), ("nn", "TH"), ("DD", "SS"))])
