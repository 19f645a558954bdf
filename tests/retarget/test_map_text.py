# SPDX-License-Identifier: GPL-3.0-or-later
import math
from dataclasses import replace

import pytest

from backend.core.errors import RigError
from backend.retarget.detect import choose
from backend.retarget.map_text import map_text
from backend.retarget.maps import BlendshapeMap, BoneChannel, Control, load_map, load_maps

BONE = Control(
    "顎", {"jawOpen": 0.75}, "jaw", full=math.radians(-12.5), signed=True, kind="bone", confidence=0.4,
    bone=BoneChannel("rotation", 2, "face"),
)  # fmt: skip


def reread(one, folder):
    path = folder / f"{one.id}.json"
    path.write_text(map_text(one, "by hand"), encoding="utf-8")
    return load_map(path)


@pytest.mark.parametrize("one", load_maps(), ids=lambda one: one.id)
def test_every_shipped_map_comes_back(one, tmp_path):
    assert reread(one, tmp_path) == one


def test_a_bone_comes_back(tmp_path):
    one = BlendshapeMap("mine", 'A "map"', (BONE, Control("Key 1", {}, "lips", full=100.0)), 1, -3)
    back = reread(one, tmp_path)
    assert replace(back, controls=()) == replace(one, controls=())
    assert back.controls[0].full == pytest.approx(BONE.full, abs=1e-6)
    assert replace(back.controls[0], full=BONE.full) == BONE
    assert back.controls[1] == one.controls[1]


def test_an_exact_map_tells_like_names_apart(tmp_path):
    names = ("Key.001", "Key.002", "Key", "Mund auf", "Mund_auf")
    one = BlendshapeMap(
        "mine", "Measured", tuple(Control(name, {"jawOpen": 1.0}, "jaw") for name in names), 1, 0, exact=True
    )
    back = reread(one, tmp_path)
    assert back == one
    match = choose(names, [back])
    assert [(matched.control.name, matched.names) for matched in match.controls] == [(name, (name,)) for name in names]
    with pytest.raises(RigError):
        choose(["key", "MUND AUF"], [back])
