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
from backend.retarget.maps import load_map, load_maps, maps_folder

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


def written(folder, data, name="mine.json"):
    path = folder / name
    path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return path


def changed(**fields):
    return copy.deepcopy(GOOD) | fields


def test_shipped_maps():
    maps = {one.id: one for one in load_maps()}
    assert sorted(maps) == ["arkit52", "oculus15"]
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


BEYOND_SCHEMA = {"pair of strangers", "name in two pairs", "same spelling", "side against name", "unknown blendshape",
                 "no size", "nan", "repeated key", "not JSON"}  # fmt: skip
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
    "empty alias": (control(aliases=[""]), "alias ''"),
    "many aliases": (control(aliases=[f"a{i}" for i in range(65)]), "65 aliases"),
    "side against name": (control(side="left"), "does not end in Left"),
    "pair of one": (changed(cancel=[["open"]]), r"cancel\[0\] is not a pair"),
    "pair of strangers": (changed(cancel=[["open", "shut"]]), "'shut', which is no control here"),
    "name in two pairs": (changed(cancel=[["open", "smileLeft"], ["smileLeft", "open"]]), "in another pair already"),
    "same spelling": (
        changed(controls=[*GOOD["controls"], GOOD["controls"][0] | {"name": "Open_"}]),
        "spelling 'open'",
    ),
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
