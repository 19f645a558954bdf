# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from backend.core.authoring.__main__ import main
from backend.core.authoring.check import agreements
from backend.core.authoring.topology import LOWER_RINGS, UPPER_RINGS, mirror_map
from backend.core.blendshapes import ARKIT_INDEX, ARKIT_NAMES, mirrored
from backend.core.face import DATA_FILE, canonical_face, lip_gap_cm, mouth_width_cm, vertices_from_weights

FACE = canonical_face()
UPPER, LOWER = UPPER_RINGS[0], LOWER_RINGS[0]
STAYS_SHUT = ("mouthRoll", "mouthPress", "mouthSmile", "mouthFrown", "mouthDimple", "mouthStretch", "mouthShrug")
MAIN_SHAPES = ("jaw", "mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight", "mouthSmile")
MAIN_SHAPES += ("mouthFrown", "mouthStretch", "mouthRoll", "mouthLowerDown", "mouthUpperUp", "cheekPuff")
SMALL_SHAPES = ("mouthPress", "mouthShrug", "mouthDimple")


def posed(**weights):
    row = np.zeros(52)
    for name, weight in weights.items():
        row[ARKIT_INDEX[name]] = weight
    return FACE.neutral_cm + vertices_from_weights(row)


def seam_cm(vertices):
    return np.linalg.norm(vertices[UPPER] - vertices[LOWER], axis=-1)


def test_topology():
    assert FACE.neutral_cm.shape == (468, 3)
    assert FACE.triangles.shape == (852, 3)
    assert FACE.basis_cm.shape == (52, 468, 3)
    assert set(np.unique(FACE.triangles)) == set(range(468))
    for arrays in (FACE.neutral_cm, FACE.uv, FACE.basis_cm):
        assert arrays.dtype == np.float32
        assert np.isfinite(arrays).all()
    assert FACE.uv.min() >= 0
    assert FACE.uv.max() <= 1
    assert len(FACE.landmarks["ibug_68"]) == 68


def test_shared_arrays_cannot_be_written():
    with pytest.raises(ValueError, match="read-only"):
        FACE.neutral_cm[0] = 0


def test_lips_meet_along_the_whole_neutral():
    assert seam_cm(FACE.neutral_cm).max() < 1e-3
    assert abs(lip_gap_cm(FACE.neutral_cm)) < 1e-3
    assert 4.5 < mouth_width_cm(FACE.neutral_cm) < 5.5


@pytest.mark.parametrize("name", ARKIT_NAMES)
def test_mirror_image_is_the_other_side(name):
    mirror = mirror_map(posed(jawOpen=1).astype(np.float64))  # open, so that no two vertices coincide
    field = FACE.basis_cm[ARKIT_INDEX[name]]
    twin = FACE.basis_cm[ARKIT_INDEX[mirrored(name)]]
    np.testing.assert_allclose(field[mirror] * (-1, 1, 1), twin, atol=2e-5)


@pytest.mark.parametrize("name", [name for name in ARKIT_NAMES if name.endswith("Left")])
def test_left_shapes_move_the_left_half(name):
    field = np.linalg.norm(FACE.basis_cm[ARKIT_INDEX[name]], axis=1)
    if name in ("jawLeft", "mouthLeft"):
        assert FACE.basis_cm[ARKIT_INDEX[name]][14, 0] > 0.5
    else:
        assert field[FACE.neutral_cm[:, 0] > 0].sum() > 2 * field[FACE.neutral_cm[:, 0] < 0].sum()


def test_jaw_opens_and_mouth_close_undoes_it_at_every_opening():
    assert 2.5 < lip_gap_cm(posed(jawOpen=1)) < 4.5
    for weight in (0.1, 0.5, 1.0):
        assert seam_cm(posed(jawOpen=weight, mouthClose=weight)).max() < 1e-3


@pytest.mark.parametrize("name", [name for name in ARKIT_NAMES if name.startswith(STAYS_SHUT)])
def test_shapes_that_keep_the_lips_shut(name):
    assert abs(lip_gap_cm(posed(**{name: 1}))) < 1e-3


@pytest.mark.parametrize("name", ["mouthFunnel", "mouthLowerDownLeft", "mouthUpperUpLeft", "mouthPucker"])
def test_shapes_that_part_the_lips(name):
    assert lip_gap_cm(posed(**{name: 1})) > 0.15


@pytest.mark.parametrize("name", ARKIT_NAMES)
def test_lips_never_pass_through_each_other(name):
    if name == "mouthClose":
        return  # means something only on an open jaw
    mesh = posed(**{name: 1})
    assert (mesh[UPPER, 1] - mesh[LOWER, 1]).min() > -0.05


def test_pucker_narrows_and_smile_widens():
    rest = mouth_width_cm(FACE.neutral_cm)
    assert mouth_width_cm(posed(mouthPucker=1)) < 0.8 * rest
    assert mouth_width_cm(posed(mouthSmileLeft=1, mouthSmileRight=1)) > 1.25 * rest


def test_blink_closes_the_lids():
    upper, lower = FACE.landmarks["eye_upper_left"], FACE.landmarks["eye_lower_left"]
    mesh = posed(eyeBlinkLeft=1)
    assert np.linalg.norm(mesh[upper] - mesh[lower], axis=1).max() < 1e-3


def test_mouth_shapes_can_be_told_apart():
    chosen = [i for i, name in enumerate(ARKIT_NAMES) if name.startswith(("mouth", "jaw", "cheekPuff"))]
    basis = FACE.basis_cm[chosen].reshape(len(chosen), -1)
    basis = basis / np.linalg.norm(basis, axis=1, keepdims=True)
    assert np.linalg.cond(basis) < 200


def test_weights_act_linearly_on_any_leading_axes():
    weights = np.random.default_rng(0).uniform(0, 1, (3, 2, 52)).astype(np.float32)
    moved = vertices_from_weights(weights)
    assert moved.shape == (3, 2, 468, 3)
    np.testing.assert_allclose(moved[1, 0], np.tensordot(weights[1, 0], FACE.basis_cm, 1), atol=1e-5)


def test_data_file_is_what_the_script_writes(shared_data, tmp_path):
    source = shared_data / "faces" / "mediapipe_canonical" / "canonical_face_model.obj"
    assert main(["--canonical", str(source), "-o", str(tmp_path / "face.npz")]) == 0
    with np.load(tmp_path / "face.npz") as made, np.load(DATA_FILE) as kept:
        assert made.files == kept.files
        for name in kept.files:
            np.testing.assert_allclose(made[name], kept[name], atol=2e-5)


def test_a_wrong_mesh_is_refused(tmp_path, capsys):
    (tmp_path / "cube.obj").write_text("v 0 0 0\n")
    assert main(["--canonical", str(tmp_path / "cube.obj"), "-o", str(tmp_path / "face.npz")]) == 1
    assert "canonical_face_model.obj" in capsys.readouterr().err
    assert not (tmp_path / "face.npz").exists()


def test_shapes_agree_with_the_reference_face(shared_data):
    rows = {row.name: row for row in agreements(shared_data / "faces" / "arkit_reference")}
    assert len(rows) > 30
    for name, row in rows.items():
        if name.startswith((*MAIN_SHAPES, *SMALL_SHAPES)):
            assert row.cosine > (0.8 if name.startswith(SMALL_SHAPES) else 0.9), row
            assert 0.8 < row.size_ratio < 1.25, row
