# SPDX-License-Identifier: GPL-3.0-or-later
"""Every naming family on a face of its own: found by its names, and its mouth follows a real voice."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from backend.core.blendshapes import ARKIT_INDEX
from backend.core.errors import RigError
from backend.core.face import vertices_from_weights
from backend.retarget.apply import retarget
from backend.retarget.detect import RigNames, choose
from backend.retarget.effects import effects_cm
from backend.retarget.maps import load_maps
from benchmarks.families import Speech, families, measure, opening_mm, predicted, rig_of

MAPS = {one.id: one for one in load_maps()}
FAMILIES = {family.title: family for family in families()}
SOUNDS = "en_jfk_1961.flac", "en_librivox_north_wind.ogg", "en.wav", "en_mark_anger.wav"


@pytest.mark.parametrize("title", FAMILIES)
def test_each_family_is_found_whole(title):
    family = FAMILIES[title]
    match = choose(rig_of(family, MAPS[family.map_id]).names)
    assert (match.map.id, match.missing) == (family.map_id, ())
    assert len(match.unknown) <= 2 * (family.title.startswith("MPFB"))


RESPELLED = {
    "upper case": str.upper,
    "lower case": str.lower,
    "dots": lambda name: name.replace("_", "."),
    "spaces": lambda name: name.replace("_", " "),
    "copies": lambda name: name + ".001",
    "node": lambda name: f"blendShape3.{name}",
    "namespace": lambda name: f"hero:face|{name}",
    "wide letters": lambda name: name.translate({code: code + 0xFEE0 for code in range(65, 123)}),
    "prefix": lambda name: f"HeadMesh_{name}",
    "ending": lambda name: f"{name}_BShape",
}
SHORT = {
    "Oculus plain", "VRM 0", "VRM 1", "Preston Blair", "Rhubarb A to X", "MikuMikuDance", "Reallusion 15 direct",
    "Microsoft 22, Faceit, MPFB", "Reallusion 8 and 7 pairs",
}  # fmt: skip
"""Families whose short names must stand alone."""


@pytest.mark.parametrize("written", RESPELLED)
def test_each_family_is_found_however_it_is_written(written):
    for family in families():
        rig = rig_of(family, MAPS[family.map_id]).names
        alone = written in ("prefix", "ending") and family.title in SHORT
        if alone or not (rig.shapes or rig.properties):
            continue
        shapes, properties = (tuple(RESPELLED[written](name) for name in some) for some in (rig.shapes, rig.properties))
        match = choose(RigNames(shapes, rig.bones, properties), tuple(MAPS.values()))
        assert (match.map.id, match.missing) == (family.map_id, ()), family.title


def test_an_ending_serves_only_what_is_not_there_without_it():
    plain, fixes = ["jawOpen", "mouthPucker", "eyeBlink_L"], ["jawOpen_fix", "mouthPucker_fix", "mouthFunnel_fix"]
    match = choose(plain + fixes)
    assert {m.control.name: m.names for m in match.controls if m.control.region != "upper_face"} == {
        "jawOpen": ("jawOpen",),
        "mouthPucker": ("mouthPucker",),
        "mouthFunnel": ("mouthFunnel_fix",),
    }
    assert [m.names for m in choose([*plain, "mouthFunnel_fix"]).controls][1:] == [("jawOpen",), ("mouthPucker",)]
    teeth = [f"{name}_teeth" for name in ("jawOpen", "jawLeft", "jawRight")]
    head = [f"{name}_head" for name in ("jawOpen", "mouthPucker", "mouthFunnel")]
    driven = {m.control.name: m.names for m in choose([*head, *teeth]).controls}
    assert driven["jawOpen"] == ("jawOpen_head", "jawOpen_teeth")


def test_every_shipped_map_is_tried():
    assert {family.map_id for family in families()} == set(MAPS)


@lru_cache(maxsize=1)
def speech(*sounds):
    return predicted(*sounds)


@pytest.mark.parametrize("title", FAMILIES)
def test_the_mouth_follows_the_voice(title, shared_data):
    heard = speech(*(shared_data / "speech" / "languages" / name for name in SOUNDS))
    family = FAMILIES[title]
    row = measure(family, heard, tuple(MAPS.values()))
    assert row.correlation >= family.bound
    assert row.kept == row.closures >= 30


VOWELS = {"aa": {"jawOpen": 0.5}, "oh": {"jawOpen": 0.24, "mouthClose": 0.06, "mouthPucker": 0.36, "mouthFunnel": 0.28},
          "ou": {"jawOpen": 0.06, "mouthPucker": 0.6}, "ee": {"jawOpen": 0.22, "mouthDimpleLeft": 0.3,
          "mouthDimpleRight": 0.3, "mouthSmileLeft": 0.15, "mouthSmileRight": 0.15}}  # fmt: skip


@pytest.mark.parametrize("map_id", ["vrm", "mmd", "vroid"])
def test_five_vowels_close_by_resting_and_open_by_the_vowel_that_fits(map_id):
    match = choose([c.name for c in MAPS[map_id].controls])
    names = [c.name for c in MAPS[map_id].controls[:5]]
    order = dict(zip(("aa", "ih", "ou", "ee", "oh"), names, strict=True))
    for vowel, weights in VOWELS.items():
        row = np.zeros((1, 52))
        for name, value in weights.items():
            row[0, ARKIT_INDEX[name]] = value
        tracks = retarget(vertices_from_weights(row), match)
        values = dict(zip(tracks.names, tracks.values[0], strict=True))
        assert max(names, key=lambda name: values[name]) == order[vowel]
    closed = np.zeros((1, 52))
    closed[0, [ARKIT_INDEX["jawOpen"], ARKIT_INDEX["mouthClose"]]] = 0.1
    closed[0, ARKIT_INDEX["mouthRollLower"]] = 0.3
    tracks = retarget(vertices_from_weights(closed), match)
    values = dict(zip(tracks.names, tracks.values[0], strict=True))
    assert max(values[name] for name in names) < 0.06


@pytest.mark.parametrize(
    "title", ["Oculus viseme_", "VRM 1", "VRoid", "MikuMikuDance", "Preston Blair", "Rhubarb A to X"]
)
def test_a_wide_mouth_that_is_shut_is_shut_by_vowels_too(title):
    """What widens the mouth of these rigs opens it as well."""
    family = FAMILIES[title]
    shut = {"mouthStretchLeft": 0.4, "mouthStretchRight": 0.4, "mouthSmileLeft": 0.3, "mouthSmileRight": 0.3}
    row = np.zeros((2, 52))
    for name, value in shut.items():
        row[:, ARKIT_INDEX[name]] = value
    row[1, ARKIT_INDEX["jawOpen"]] = 0.1
    faces = vertices_from_weights(row)
    rig = rig_of(family, MAPS[family.map_id])
    exact = replace(rig, effects_cm=dict(zip(rig.effects_cm, effects_cm(MAPS[family.map_id].controls), strict=True)))
    shut_mm, open_mm = exact.gap_mm(Speech(np.arange(2) / 30, faces, ()))[-1]
    assert opening_mm(faces)[0] == pytest.approx(0, abs=1e-3)
    assert shut_mm == pytest.approx(0, abs=0.05)
    assert open_mm == pytest.approx(opening_mm(faces)[1], rel=0.3)


def test_percent_and_signed_properties_are_keyed_in_their_own_units():
    match = choose(rig_of(FAMILIES["Daz Genesis 9 FACS, properties"], MAPS["daz_genesis9"]).names)
    row = np.zeros((2, 52))
    row[0, ARKIT_INDEX["jawRight"]], row[1, ARKIT_INDEX["jawLeft"]] = 0.5, 0.5
    limits = {name: (-100.0, 100.0) for matched in match.controls for name in matched.names}
    tracks = retarget(vertices_from_weights(row), match, limits=limits)
    assert set(tracks.kinds) == {"property"}
    right, left = tracks.values[:, tracks.names.index("facs_ctrl_JawLeft-Right")]
    assert right == pytest.approx(-50, abs=8) and left == pytest.approx(50, abs=8)


def test_a_property_without_limits_is_fully_on_at_one():
    match = choose(RigNames(properties=("jawOpen", "mouthPucker", "eyeBlinkLeft")))
    row = np.zeros((1, 52))
    row[0, ARKIT_INDEX["jawOpen"]] = 0.5
    tracks = retarget(vertices_from_weights(row), match, limits={"jawOpen": (-3.4e38, 3.4e38)})
    assert tracks.values[0, tracks.names.index("jawOpen")] == pytest.approx(0.5, abs=0.01)


def test_a_jaw_that_only_follows_does_not_make_a_locked_rig_move():
    shapes = ("Jaw_Open", "Eye_Blink_L", "Eye_Blink_R")
    match = choose(RigNames(shapes, ("CC_Base_JawRoot",)), [MAPS["cc4_standard"]])
    with pytest.raises(RigError, match="locked"):
        retarget(vertices_from_weights(np.zeros((1, 52))), match, limits=dict.fromkeys(shapes, (0, 0)))


def test_the_jaw_bone_of_a_reallusion_rig_turns_with_its_shapes():
    shapes = tuple(c.name for c in MAPS["cc4_standard"].controls if c.kind == "shape")
    match = choose(RigNames(shapes, ("CC_Base_JawRoot",)))
    row = np.zeros((3, 52))
    row[:, ARKIT_INDEX["jawOpen"]] = 0, 0.3, 0.6
    tracks = retarget(vertices_from_weights(row), match)
    assert match.coverage == "Reallusion CC4 standard: 51 of 51 matched, CC_Base_JawRoot goes with them"
    place = tracks.names.index("CC_Base_JawRoot")
    assert (tracks.kinds[place], tracks.bones[place].channel, tracks.bones[place].axis) == ("bone", "rotation", 2)
    shape = tracks.values[:, tracks.names.index("Jaw_Open")]
    assert np.allclose(np.degrees(tracks.values[:, place]), 30 * shape, atol=0.1) and shape[2] > 0.5


def test_bones_close_lips_that_the_jaw_opens():
    match = choose(rig_of(FAMILIES["Rigify, old face"], MAPS["rigify"]).names)
    row = np.zeros((1, 52))
    row[0, [ARKIT_INDEX["jawOpen"], ARKIT_INDEX["mouthClose"]]] = 0.2
    faces = vertices_from_weights(row)
    assert abs(opening_mm(faces)[0]) < 0.1
    tracks = retarget(faces, match)
    places = [(name, bone.axis) for _, name, bone in tracks.targets()]
    values = dict(zip(places, tracks.values[0], strict=True))
    assert np.degrees(values["jaw_master", 0]) > 1 and values["lip.B", 1] > 0.05
