# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from backend.core.errors import BundleError
from backend.inference.atlases import AtlasLoop

SIZE, ROW, COLUMN = 32, 20, 8
PLACE = f"{ROW} {COLUMN} {SIZE}"


def step_graph(place=PLACE):
    """A loop with a known answer: difference = latent / 255 + half of what was fed back, over an 8 x 8 window."""
    value = helper.make_tensor_value_info
    nodes = [
        helper.make_node("Reshape", ["latent", "cell"], ["picture"]),
        helper.make_node("Mul", ["picture", "texel"], ["heard"]),
        helper.make_node("Mul", ["previous", "half"], ["remembered"]),
        helper.make_node("Add", ["heard", "remembered"], ["feedback"]),
        helper.make_node("Resize", ["feedback", "", "", "window"], ["difference"], mode="nearest"),
    ]
    constants = [
        helper.make_tensor("cell", TensorProto.INT64, [4], [1, 3, 1, 1]),
        helper.make_tensor("texel", TensorProto.FLOAT, [1, 3, 2, 2], [1 / 255] * 12),
        helper.make_tensor("half", TensorProto.FLOAT, [], [0.5]),
        helper.make_tensor("window", TensorProto.INT64, [4], [1, 3, 8, 8]),
    ]
    graph = helper.make_graph(
        nodes,
        "texture",
        [value("latent", TensorProto.FLOAT, [1, 3]), value("previous", TensorProto.FLOAT, [1, 3, 2, 2])],
        [value("difference", TensorProto.FLOAT, [1, 3, 8, 8]), value("feedback", TensorProto.FLOAT, [1, 3, 2, 2])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    if place:
        helper.set_model_props(model, {"window": place})
    onnx.checker.check_model(model)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


@pytest.fixture
def reference():
    return np.random.default_rng(1).integers(60, 120, (SIZE, SIZE, 3)).astype(np.uint8)


def inside():
    return (slice(ROW, ROW + 8), slice(COLUMN, COLUMN + 8))


def test_only_the_window_changes_and_by_what_the_graph_says(reference):
    atlas = AtlasLoop(step_graph(), reference).step(np.array([10, -20, 30], np.float32))
    expected = reference.copy()
    expected[inside()] = expected[inside()] + np.array([10, -20, 30])
    assert np.array_equal(atlas, expected)


def test_each_atlas_follows_the_one_before(reference):
    loop = AtlasLoop(step_graph(), reference)
    atlases = [loop.step(np.array([16, 0, 0], np.float32)) for _ in range(3)]
    off = [int(atlas[ROW, COLUMN, 0]) - int(reference[ROW, COLUMN, 0]) for atlas in atlases]
    assert off == [16, 24, 28]


def test_pieces_of_a_sound_join_without_a_seam_and_every_sound_starts_afresh(reference):
    latents = np.random.default_rng(2).normal(0, 20, (23, 3)).astype(np.float32)
    loop = AtlasLoop(step_graph(), reference)
    whole = np.concatenate(list(loop.atlases([latents])))
    pieces = np.concatenate(list(loop.atlases([latents[:1], latents[1:1], latents[1:9], latents[9:]])))
    assert whole.shape == (23, SIZE, SIZE, 3)
    assert np.array_equal(whole, pieces)
    fresh = AtlasLoop(step_graph(), reference)
    assert np.array_equal(whole, np.stack([fresh.step(latent) for latent in latents]))


def test_colours_end_at_black_and_white(reference):
    loop = AtlasLoop(step_graph(), reference)
    assert (loop.step(np.full(3, 900, np.float32))[inside()] == 255).all()
    assert (AtlasLoop(step_graph(), reference).step(np.full(3, -900, np.float32))[inside()] == 0).all()


@pytest.mark.parametrize("place", ["", "20 8", "20 8 x", "28 8 32", "-1 8 32", "20 8 64"])
def test_a_graph_for_another_atlas_is_refused(reference, place):
    with pytest.raises(BundleError, match=r"texture\.onnx"):
        AtlasLoop(step_graph(place), reference)


def test_a_graph_of_another_kind_is_refused(reference):
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Identity", ["latent"], ["difference"])],
        "other",
        [value("latent", TensorProto.FLOAT, [1, 3])],
        [value("difference", TensorProto.FLOAT, [1, 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    with pytest.raises(BundleError, match="get the bundle again"):
        AtlasLoop(session, reference)
