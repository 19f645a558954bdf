# SPDX-License-Identifier: GPL-3.0-or-later
"""The encoder's ONNX graph, written node by node: no exporter, no tracing, weights stored as 16-bit floats."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from ..audio.features import N_MELS
from ..speech.phones import PHONES
from .universal import KERNEL, STEM_KERNEL, STEM_STRIDE

OPSET = 20
IR_VERSION = 9
STORED = ".half"
"""Weights are stored under their name and this."""


class Graph:
    """Nodes and constants as they are added."""

    def __init__(self, weights: Mapping[str, NDArray[np.float16]]) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        for name, value in weights.items():
            self.constants.append(numpy_helper.from_array(np.asarray(value, np.float16), name + STORED))
            self.add("Cast", [name + STORED], name, to=TensorProto.FLOAT)

    def add(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:  # noqa: ANN401 - as onnx.helper takes them
        """Add a node; return the name of its output, which is the node's as well."""
        self.nodes.append(helper.make_node(kind, list(inputs), [output], name=output, **attributes))
        return output

    def integers(self, name: str, *values: int) -> str:
        """Add a constant list of integers; return its name."""
        self.constants.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def convolution(self, name: str, hidden: str, pads: tuple[int, int], **attributes: Any) -> str:  # noqa: ANN401 - as onnx.helper takes them
        """Add a convolution with the weights `NAME.weight` and `NAME.bias`; return the name of its output."""
        inputs = [hidden, f"{name}.weight", f"{name}.bias"]
        return self.add("Conv", inputs, f"{name}.out", pads=list(pads), **attributes)


def encoder_graph(weights: Mapping[str, NDArray[np.float16]], reach: Sequence[tuple[int, int]]) -> ModelProto:
    """Return the checked ONNX model of folded weights (`universal.folded_state` names); `reach` is the config's.

    Input `log_mel` [1, T, 80] float32, normalised; output `log_posteriors` [1, T, 43] float32.
    """
    graph = Graph(weights)
    hidden = graph.add("Transpose", ["log_mel"], "channels_first", perm=[0, 2, 1])
    pads = (STEM_KERNEL // 2 - 1, STEM_KERNEL // 2)
    hidden = graph.add("Gelu", [graph.convolution("stem", hidden, pads, strides=[STEM_STRIDE])], "stem.active")
    for index, pads in enumerate(reach):
        name = f"blocks.{index}"
        inner = graph.convolution(f"{name}.spread", hidden, pads, dilations=[sum(pads) // (KERNEL - 1)])
        inner = graph.add("Gelu", [inner], f"{name}.inner")
        mixed = graph.convolution(f"{name}.mix", inner, (0, 0))
        hidden = graph.add("Gelu", [graph.add("Add", [hidden, mixed], f"{name}.sum")], f"{name}.active")
    scores = graph.add("Transpose", [graph.convolution("head", hidden, (0, 0))], "steps_first", perm=[0, 2, 1])
    scores = graph.add("Reshape", [scores, graph.integers("frame_shape", 0, -1, len(PHONES))], "frames")
    shape = graph.add("Shape", ["log_mel"], "frame_count", start=1, end=2)
    limits = [graph.integers("first", 0), shape, graph.integers("time_axis", 1)]
    graph.add("LogSoftmax", [graph.add("Slice", [scores, *limits], "cut")], "log_posteriors", axis=-1)
    proto = helper.make_graph(
        graph.nodes,
        "speech_encoder",
        [helper.make_tensor_value_info("log_mel", TensorProto.FLOAT, [1, "T", N_MELS])],
        [helper.make_tensor_value_info("log_posteriors", TensorProto.FLOAT, [1, "T", len(PHONES)])],
        graph.constants,
    )
    model = helper.make_model(proto, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return model


def weights_of(model: ModelProto) -> dict[str, NDArray[np.float16]]:
    """Return the weights by name that a graph was made from."""
    stored = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    return {name.removesuffix(STORED): value for name, value in stored.items() if name.endswith(STORED)}
