# SPDX-License-Identifier: GPL-3.0-or-later
import json
from fractions import Fraction

import numpy as np
import pytest

from backend.core.blendshapes import ARKIT_INDEX, ARKIT_NAMES, within_limits
from backend.core.curves import CurvesHeader, write_curves_csv, write_curves_json
from backend.core.curves_input import read_curves
from backend.core.errors import CurvesError

WEIGHTS = np.random.default_rng(0).uniform(size=(75, 52)).astype(np.float32)
GOOD = {
    "format": "lipsync3d.curves",
    "version": 1,
    "fps": 25,
    "start_s": 0.5,
    "names": ["mouthClose", "jawOpen"],
    "weights": [[0.25, 0.5], [0.75, 1.125]],
}


def written(path, values):
    path.write_text(values if isinstance(values, str) else json.dumps(values))
    return path


@pytest.mark.parametrize("fps", [Fraction(30), Fraction(25), Fraction(60), Fraction(10), Fraction(30000, 1001)])
def test_json_is_read_as_it_was_written(tmp_path, fps):
    write_curves_json(tmp_path / "a.json", CurvesHeader(fps, "x", start_s=0.125), [(WEIGHTS, WEIGHTS[:, 0])])
    curves = read_curves(tmp_path / "a.json")
    assert curves.fps == fps
    np.testing.assert_allclose(curves.times_s, 0.125 + np.arange(75) / float(fps), atol=1e-12)
    np.testing.assert_allclose(curves.weights, WEIGHTS, atol=6e-5)


@pytest.mark.parametrize("fps", [Fraction(30), Fraction(25), Fraction(60), Fraction(10)])
def test_csv_is_read_as_it_was_written(tmp_path, fps):
    write_curves_csv(tmp_path / "a.csv", CurvesHeader(fps, "x"), [(WEIGHTS, WEIGHTS[:, 0])])
    curves = read_curves(tmp_path / "a.csv")
    assert curves.fps == fps
    np.testing.assert_allclose(curves.times_s, np.arange(75) / float(fps), atol=1e-9)
    np.testing.assert_allclose(curves.weights, WEIGHTS, atol=6e-5)


def test_recordings_keep_their_own_times(tmp_path):
    rows = [f"17:59:{second:02d}:{frame:02d}.250,61,0.{frame}" for second in (58, 59) for frame in range(60)]
    rows += ["18:00:00:02.750,61,1"]  # two frames were dropped
    curves = read_curves(written(tmp_path / "a.csv", "\n".join(["Timecode,BlendShapeCount,JawOpen", *rows])))
    assert curves.fps == 60
    assert curves.times_s[[0, 1, 60, 120]] == pytest.approx([0, 1 / 60, 1, 2 + 2.5 / 60])
    assert curves.weights[-1, ARKIT_INDEX["jawOpen"]] == 1
    assert curves.weights[:, ARKIT_INDEX["mouthClose"]].max() == 0


def test_names_stand_in_any_order_and_the_rest_is_still(tmp_path):
    curves = read_curves(written(tmp_path / "a.JSON", GOOD))
    expected = np.zeros((2, 52), np.float32)
    expected[:, ARKIT_INDEX["mouthClose"]], expected[:, ARKIT_INDEX["jawOpen"]] = [0.25, 0.75], [0.5, 1]
    np.testing.assert_array_equal(curves.weights, expected)
    assert curves.times_s.tolist() == [0.5, 0.54]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"format": "other"}, "format is not 'lipsync3d.curves'"),
        ({"version": 2}, "version 2 is unknown"),
        ({"fps": None}, "fps must be"),
        ({"fps": float("nan")}, "fps must be"),
        ({"fps": 10**400}, "fps must be"),
        ({"start_s": "0"}, "start_s must be"),
        ({"start_s": float("nan")}, "start_s must be"),
        ({"names": ["jawOpen", "smile"]}, "'smile' are no ARKit blendshapes; name them like jawOpen"),
        ({"names": ["jawOpen", 7]}, "7 are no ARKit"),
        ({"names": [f"x{i}" for i in range(52)]}, "'x0', 'x1', 'x2' and 49 more"),
        ({"names": ["jawOpen", "jawOpen"]}, "none twice"),
        ({"names": []}, "at least one"),
        ({"names": "jawOpen"}, "must be lists"),
        ({"weights": [[0, 0]]}, "1 frames of weights; give 2 to"),
        ({"weights": [[0, 0], [0]]}, "2 numbers a frame"),
        ({"weights": [[0, 0, 0], [0, 0, 0]]}, "2 numbers a frame"),
        ({"weights": [[0, 0], [0, {}]]}, "2 numbers a frame"),
        ({"weights": [[0, 0], [0, 10**400]]}, "2 numbers a frame"),
        ({"weights": [[0, 0], [0, float("nan")]]}, "frame 1: jawOpen is nan; weights go from 0 to 1"),
        ({"weights": [[0, 0], [0, float("inf")]]}, "frame 1: jawOpen is inf"),
        ({"weights": [[0, 0], [55, 0]]}, "frame 1: mouthClose is 55"),
        ({"weights": [[None, 0], [0, 0]]}, "frame 0: mouthClose is nan"),
    ],
)
def test_json_that_is_wrong_is_told(tmp_path, fields, told):
    with pytest.raises(CurvesError, match=told) as caught:
        read_curves(written(tmp_path / "a.json", GOOD | fields))
    assert "a.json" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no column Timecode"),
        ("start_s,end_s\n0,1\n", "no column Timecode"),
        ("x" * 200_000, "field larger"),
        ("Timecode,JawOpen\n00:00:00:00,0\n00:00:01:00\n", "row 3: 1 values in 2 columns"),
        ("Timecode,JawOpen,Grin\n00:00:00:00,0,0\n00:00:01:00,0,0\n", "'grin' are no ARKit"),
        ("Timecode,JawOpen\n00:00:00:00,0\n00:00:01:00,wide\n", "1 numbers a frame"),
        ("Timecode,JawOpen\n00:00:00:00,0\n00:00:01:00,nan\n", "frame 1: jawOpen is nan"),
        ("Timecode,JawOpen\n00:00:00:00,0\nlater,0\n", "row 3: Timecode 'later' is not hh:mm:ss:ff"),
        ("Timecode,JawOpen\n00:00:00:00,0\n00:00:00:01,0\n", "do not tell the frame rate"),
        ("Timecode,JawOpen\n00:00:00:00,0\n00:00:01:00,0\n00:00:00:20,0\n", "row 4: Timecode does not rise"),
        ("Timecode\n00:00:00:00\n00:00:01:00\n", "at least one"),
    ],
)
def test_csv_that_is_wrong_is_told(tmp_path, text, told):
    with pytest.raises(CurvesError, match=told) as caught:
        read_curves(written(tmp_path / "a.csv", text))
    assert "a.csv" in str(caught.value)


def test_files_of_another_kind_are_told(tmp_path):
    for name, data in (("a.json", b"\xff" * 10_000_000), ("a.csv", b"\x00\xff" * 5_000_000)):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(CurvesError, match="is not UTF-8 text"):
            read_curves(tmp_path / name)
    for text in ("[" * 100_000, "{", "nothing"):
        with pytest.raises(CurvesError, match="is not valid JSON"):
            read_curves(written(tmp_path / "a.json", text))
    with pytest.raises(CurvesError, match="check the path"):
        read_curves(tmp_path / "none.json")
    with pytest.raises(CurvesError, match=r"give \.json or \.csv"):
        read_curves(tmp_path / "a.fbx")


def test_limits_cut_weights_and_hold_the_lips_to_the_jaw():
    weights = np.zeros((2, len(ARKIT_NAMES)), np.float32)
    weights[0, ARKIT_INDEX["jawOpen"]], weights[0, ARKIT_INDEX["mouthClose"]] = 0.5, 0.75
    weights[1, ARKIT_INDEX["jawOpen"]], weights[1, ARKIT_INDEX["mouthClose"]] = 1.5, -0.5
    cut = within_limits(weights)
    assert cut[:, ARKIT_INDEX["jawOpen"]].tolist() == [0.5, 1]
    assert cut[:, ARKIT_INDEX["mouthClose"]].tolist() == [0.5, 0]
    assert weights[1].max() == 1.5
