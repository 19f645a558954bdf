# SPDX-License-Identifier: GPL-3.0-or-later
"""Real rigs with names that say nothing, and real faces without shapes, as the benchmarks measure them."""

import pytest

CLIP = "en_jfk_1961.flac"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def prediction(shared_data):
    pytest.importorskip("onnxruntime")
    from benchmarks.rigs import predict

    return predict(shared_data / "speech" / "languages" / CLIP)


@pytest.mark.parametrize("title", ["brunette", "sloth"])
def test_a_measured_rig_speaks_as_by_its_names(addon, title, shared_data, prediction, tmp_path):
    from benchmarks.measured import RIGS, scores

    found, _ = scores(RIGS[title], shared_data / "rigs", 11, {CLIP: prediction}, tmp_path)
    assert found[CLIP].against_names >= 0.85
    assert found[CLIP].against_prediction >= 0.9
    assert found[CLIP].closed == found[CLIP].closures


@pytest.mark.parametrize("title", ["demo head", "brunette", "MakeHuman"])
def test_created_shapes_speak(addon, title, shared_data, prediction):
    from benchmarks.created import FACES, bare, cosines
    from benchmarks.measured import lip_gaps, score
    from blender_addon.scene import creating

    made = bare(FACES[title], shared_data / "rigs")
    creating.create(made.meshes, creating.ARKIT)
    like = cosines(made)
    assert like["jawOpen"] > 0.9
    assert sum(value for name, value in like.items() if name.startswith(("jaw", "mouth"))) / 27 > 0.7
    gaps = lip_gaps(made.face, made.pair, prediction)
    found = score(gaps, gaps, prediction)
    assert found.against_prediction >= 0.9
    assert found.closed == found.closures
