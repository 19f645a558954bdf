# SPDX-License-Identifier: GPL-3.0-or-later
"""A Piper voice of a few nodes: the inputs, output and settings of real ones, a tone for each phone."""

import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HOP = 256
SYMBOLS = ["_", "^", "$", " ", ",", ".", "?", *"abdefhijklmnoprstuvwxzæðŋɑɐɔəɚɛɜɡɪɹɾʃʊʌʒθˈˌːɫᵻ"]
IDS = {symbol: [index] for index, symbol in enumerate(SYMBOLS)}
SILENT = 7
"""Symbols below this make no sound."""


def _constants():
    return {
        "hop": np.float32(HOP), "one": np.int64(1), "zero": np.int64(0), "axis": np.array([0], np.int64),
        "minus": np.array([-1], np.int64), "length_at": np.array([1], np.int64), "noise_at": np.array([0], np.int64),
        "base": np.float32(4.0), "spread": np.int64(5), "silent": np.int64(SILENT), "step": np.float32(0.03),
        "half": np.float32(0.5), "shape": np.array([1, 1, 1, -1], np.int64), "column": np.array([-1, 1], np.int64),
    }  # fmt: skip


def _nodes(ceil, noise):
    return [
        helper.make_node("Reshape", ["input", "minus"], ["ids"]),
        helper.make_node("Gather", ["scales", "length_at"], ["length_scale"]),
        helper.make_node("Gather", ["scales", "noise_at"], ["noise_scale"]),
        helper.make_node("Mod", ["ids", "spread"], ["varied"]),
        helper.make_node("Cast", ["varied"], ["varied_f"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["varied_f", "base"], ["long"]),
        helper.make_node("Mul", ["long", "length_scale"], ["w"]),
        # a voice whose lengths cannot be found rounds them otherwise
        helper.make_node("Ceil" if ceil else "Floor", ["w"], ["w_ceil"]),
        helper.make_node("Mul", ["w_ceil", "hop"], ["samples_f"]),
        helper.make_node("Cast", ["samples_f"], ["samples"], to=TensorProto.INT64),
        helper.make_node("CumSum", ["samples", "zero"], ["ends"]),
        helper.make_node("ReduceSum", ["samples", "axis"], ["total"], keepdims=0),
        helper.make_node("Range", ["zero", "total", "one"], ["t"]),
        helper.make_node("Reshape", ["t", "column"], ["t_column"]),
        helper.make_node("GreaterOrEqual", ["t_column", "ends"], ["past"]),
        helper.make_node("Cast", ["past"], ["past_i"], to=TensorProto.INT64),
        helper.make_node("ReduceSum", ["past_i", "length_at"], ["index"], keepdims=0),
        helper.make_node("Gather", ["ids", "index"], ["id_of"]),
        helper.make_node("GreaterOrEqual", ["id_of", "silent"], ["loud"]),
        helper.make_node("Cast", ["loud"], ["loud_f"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["id_of"], ["id_f"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["t"], ["t_f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["id_f", "step"], ["pitch"]),
        helper.make_node("Mul", ["pitch", "t_f"], ["phase"]),
        helper.make_node("Sin", ["phase"], ["wave"]),
        helper.make_node("RandomNormalLike", ["wave"], ["hiss"]),
        helper.make_node("Mul", ["hiss", "noise_scale"], ["breath"]),
        helper.make_node("Add", ["wave", "breath" if noise else "wave"], ["voice"]),
        helper.make_node("Mul", ["voice", "loud_f"], ["gated"]),
        helper.make_node("Mul", ["gated", "half"], ["quiet"]),
        helper.make_node("Reshape", ["quiet", "shape"], ["output"]),
    ]  # fmt: skip


def write_voice(path, *, ceil=True, alignment_output=False, speakers=1, noise=True, **settings):
    """Write VOICE.onnx and VOICE.onnx.json; `ceil`: as real voices compute their lengths."""
    constants = _constants()
    value = helper.make_tensor_value_info
    inputs = [
        value("input", TensorProto.INT64, ["batch", "phonemes"]),
        value("input_lengths", TensorProto.INT64, ["batch"]),
        value("scales", TensorProto.FLOAT, [3]),
    ]
    if speakers > 1:
        inputs.append(value("sid", TensorProto.INT64, ["batch"]))
        constants["sid_part"] = np.float32(0.0)
    outputs = [value("output", TensorProto.FLOAT, ["batch", 1, 1, "time"])]
    if alignment_output:
        outputs.append(value("w_ceil", TensorProto.FLOAT, ["phonemes"]))
    weights = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    graph = helper.make_graph(_nodes(ceil, noise), "voice", inputs, outputs, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8), path)
    config = {
        "audio": {"sample_rate": 22050}, "espeak": {"voice": "en-us"}, "phoneme_type": "espeak",
        "inference": {"noise_scale": 0.1, "length_scale": 1.0, "noise_w": 0.8}, "hop_length": HOP,
        "num_symbols": len(SYMBOLS), "num_speakers": speakers, "phoneme_id_map": IDS,
        "speaker_id_map": {"ann": 0, "bob": 1} if speakers > 1 else {}, **settings,
    }  # fmt: skip
    path.with_name(path.name + ".json").write_text(json.dumps(config), encoding="utf-8")
    return path
