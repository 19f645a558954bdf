# SPDX-License-Identifier: GPL-3.0-or-later
import csv
import json
import zipfile
from fractions import Fraction

import numpy as np
import pytest

from backend.core.blendshapes import ARKIT_NAMES
from backend.core.curves import (
    LIVE_LINK_NAMES,
    LIVE_LINK_ROTATIONS,
    CurvesHeader,
    write_curves_csv,
    write_curves_json,
)
from backend.core.errors import OutputError
from backend.core.face import canonical_face
from backend.core.mesh_file import MeshHeader, read_mesh, write_mesh
from backend.core.types import PhoneSpan

PHONES = (PhoneSpan("sil", 0.0, 1.0, 0.5), PhoneSpan("tʃ", 1.0, 2.5, 0.75))
WEIGHTS = np.random.default_rng(0).uniform(size=(75, 52)).astype(np.float32)
CONFIDENCE = np.linspace(0, 1, 75, dtype=np.float32)


def pieces(size=20):
    return ((WEIGHTS[first : first + size], CONFIDENCE[first : first + size]) for first in range(0, 75, size))


def test_curves_json_is_read_back(tmp_path):
    write_curves_json(tmp_path / "a.json", CurvesHeader(Fraction(30000, 1001), "universal-v1", PHONES), pieces())
    data = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert (data["format"], data["version"], data["start_s"]) == ("lipsync3d.curves", 1, 0)
    assert data["fps"] == pytest.approx(29.97003)
    assert data["names"] == list(ARKIT_NAMES)
    np.testing.assert_allclose(data["weights"], WEIGHTS, atol=6e-5)
    np.testing.assert_allclose(data["confidence"], CONFIDENCE, atol=6e-4)
    assert data["phones"][1] == {"phone": "tʃ", "start_s": 1.0, "end_s": 2.5, "confidence": 0.75}
    assert data["bundle"] == "universal-v1"


def test_live_link_csv_has_its_columns_and_timecode(tmp_path):
    write_curves_csv(tmp_path / "a.csv", CurvesHeader(Fraction(30), "universal-v1"), pieces())
    with (tmp_path / "a.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert sorted(LIVE_LINK_NAMES) == sorted(ARKIT_NAMES)
    assert list(rows[0])[:3] == ["Timecode", "BlendShapeCount", "EyeBlinkLeft"]
    assert list(rows[0])[16:20] == ["JawForward", "JawRight", "JawLeft", "JawOpen"]
    assert tuple(list(rows[0])[-9:]) == LIVE_LINK_ROTATIONS
    assert len(rows[0]) == 63
    assert rows[0]["BlendShapeCount"] == "61"
    assert [rows[0]["Timecode"], rows[74]["Timecode"]] == ["00:00:00:00.000", "00:00:02:14.000"]
    jaw = [float(row["JawOpen"]) for row in rows]
    np.testing.assert_allclose(jaw, WEIGHTS[:, ARKIT_NAMES.index("jawOpen")], atol=6e-5)
    assert {row["HeadYaw"] for row in rows} == {"0"}


def written_mesh(tmp_path):
    times = np.arange(75) / 30
    displacement = np.random.default_rng(1).normal(size=(75, 468, 3)).astype(np.float32)
    path = tmp_path / "a.npz"
    write_mesh(path, MeshHeader(times, CONFIDENCE, PHONES), np.array_split(displacement, 4), WEIGHTS)
    return path, times, displacement


def test_mesh_is_read_back(tmp_path):
    path, times, displacement = written_mesh(tmp_path)
    clip = read_mesh(path)
    np.testing.assert_array_equal(clip.times_s, times)
    np.testing.assert_array_equal(clip.vertices_cm, displacement + canonical_face().neutral_cm)
    np.testing.assert_array_equal(clip.triangles, canonical_face().triangles)
    np.testing.assert_array_equal(clip.weights, WEIGHTS)
    np.testing.assert_allclose(clip.prediction().displacement_cm, displacement, atol=1e-5)
    assert clip.phones == PHONES


def without(name):
    return lambda arrays: arrays.pop(name)


def holding(name, value):
    return lambda arrays: arrays.update({name: value})


@pytest.mark.parametrize(
    "spoil",
    [
        without("vertices_cm"),
        without("triangles"),
        holding("times_s", np.arange(3.0)),
        holding("vertices_cm", np.full((75, 468, 3), np.nan, np.float32)),
        holding("triangles", np.array([[0, 1, 999]])),
        holding("confidence", np.array([object()])),
        holding("weights", np.zeros((75, 3), np.float32)),
    ],
)
def test_spoilt_meshes_are_refused(tmp_path, spoil):
    path, _, _ = written_mesh(tmp_path)
    with np.load(path) as data:
        arrays = dict(data)
    spoil(arrays)
    np.savez(path, **arrays)
    with pytest.raises(OutputError, match=r"a\.npz"):
        read_mesh(path)


def test_nothing_is_unpickled(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"\x80\x04}\x94.")
    with pytest.raises(OutputError):
        read_mesh(tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("times_s.npy", b"not an array")
    with pytest.raises(OutputError):
        read_mesh(tmp_path / "b.npz")


def test_a_failure_in_mid_writing_leaves_nothing(tmp_path):
    def broken():
        yield WEIGHTS, CONFIDENCE
        raise RuntimeError

    for name, write in (("a.json", write_curves_json), ("a.csv", write_curves_csv)):
        with pytest.raises(RuntimeError):
            write(tmp_path / name, CurvesHeader(Fraction(30), "x"), broken())
    assert list(tmp_path.iterdir()) == []
