# SPDX-License-Identifier: GPL-3.0-or-later
"""The facial animator's ONNX graph, node by node, weights stored as 16-bit floats."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, helper, numpy_helper

from .graph import Graph
from .personal_graph import block, folded_weights, motion_model, with_weights
from .selftalk import UNREACHED, Animator, AnimatorConfig


def rounded_animator(net: Animator) -> Animator:
    """Return the network with the weights that its graph will hold."""
    return with_weights(Animator(net.config), folded_weights(net))


def animator_graph(weights: Mapping[str, NDArray[np.float16]], config: AnimatorConfig) -> ModelProto:
    """Return the checked model: `features` [1, F, S] to `motion` [1, S, K] and `latent` [1, S, L], float32."""
    graph = Graph({name: value for name, value in weights.items() if not name.endswith(".bias") or value.ndim == 1})
    memory = graph.add("Gelu", [graph.convolution("hears", "features", (0, 0))], "hears.active")
    if config.attending:
        graph.add("Transpose", [memory], "memory", perm=[0, 2, 1])
        _distances(graph, config)
    hidden = memory
    for index, dilation in enumerate(config.dilations):
        hidden = block(graph, index, dilation, hidden)
        if index >= len(config.dilations) - config.attending:
            found = _attention(graph, f"attentions.{index}", hidden, weights, config)
            hidden = graph.add("Add", [hidden, found], f"attentions.{index}.sum")
    return motion_model(graph, hidden, weights)


def _distances(graph: Graph, config: AnimatorConfig) -> None:
    """Add `away` [S, S]: the row of the bias table for each pair of steps."""
    count = graph.add("Shape", ["features"], "count", start=2, end=3)
    graph.constants += [
        numpy_helper.from_array(np.array(value, np.int64), name)
        for name, value in (
            ("zero", 0),
            ("one", 1),
            ("least", -config.reach_steps - 1),
            ("most", config.reach_steps + 1),
        )
    ]
    scalar = graph.add("Squeeze", [count], "count.scalar")
    steps = graph.add("Range", ["zero", scalar, "one"], "steps")
    rows = graph.add("Unsqueeze", [steps, graph.integers("axis.0", 0)], "steps.row")
    columns = graph.add("Unsqueeze", [steps, graph.integers("axis.1", 1)], "steps.column")
    away = graph.add("Clip", [graph.add("Sub", [rows, columns], "offset"), "least", "most"], "offset.near")
    graph.add("Add", [away, "most"], "away")


def _attention(
    graph: Graph, name: str, hidden: str, weights: Mapping[str, NDArray[np.float16]], config: AnimatorConfig
) -> str:
    """Add `NearAttention`; return the name of its output [1, C, S]."""
    table = np.pad(weights[f"{name}.bias"], ((1, 1), (0, 0)), constant_values=np.float16(UNREACHED))
    graph.constants.append(numpy_helper.from_array(np.ascontiguousarray(table.astype(np.float32)), f"{name}.table"))
    split = graph.integers(f"{name}.split", 0, 0, config.heads, -1)
    joined = graph.integers(f"{name}.joined", 0, 0, -1)
    rows = graph.add("Transpose", [hidden], f"{name}.rows", perm=[0, 2, 1])
    rows = graph.add(
        "LayerNormalization",
        [rows, f"{name}.norm.weight", f"{name}.norm.bias"],
        f"{name}.normed",
        axis=-1,
        epsilon=1e-5,
    )
    asked = _linear(graph, f"{name}.asks", rows)
    known = _linear(graph, f"{name}.knows", "memory")
    keys, values = f"{name}.keys", f"{name}.values"
    graph.nodes.append(
        helper.make_node("Split", [known], [keys, values], name=f"{name}.halves", axis=-1, num_outputs=2)
    )
    heads = [graph.add("Reshape", [one, split], f"{one}.heads") for one in (asked, keys, values)]
    asked = graph.add("Transpose", [heads[0]], f"{name}.q", perm=[0, 2, 1, 3])
    keys = graph.add("Transpose", [heads[1]], f"{name}.k", perm=[0, 2, 3, 1])
    values = graph.add("Transpose", [heads[2]], f"{name}.v", perm=[0, 2, 1, 3])
    root = numpy_helper.from_array(np.array(math.sqrt(config.latent // config.heads), np.float32), f"{name}.root")
    graph.constants.append(root)
    scores = graph.add("Div", [graph.add("MatMul", [asked, keys], f"{name}.likeness"), root.name], f"{name}.scaled")
    bias = graph.add("Gather", [f"{name}.table", "away"], f"{name}.by_distance", axis=0)
    bias = graph.add("Transpose", [bias], f"{name}.by_head", perm=[2, 0, 1])
    shares = graph.add("Softmax", [graph.add("Add", [scores, bias], f"{name}.scores")], f"{name}.shares", axis=-1)
    found = graph.add("MatMul", [shares, values], f"{name}.found")
    found = graph.add("Transpose", [found], f"{name}.found_rows", perm=[0, 2, 1, 3])
    found = graph.add("Reshape", [found, joined], f"{name}.found_joined")
    return graph.add("Transpose", [_linear(graph, f"{name}.answers", found)], f"{name}.answer", perm=[0, 2, 1])


def _linear(graph: Graph, name: str, rows: str) -> str:
    """Add a linear map with the weights `NAME.weight` and `NAME.bias`; return the name of its output."""
    weight = graph.add("Transpose", [f"{name}.weight"], f"{name}.turned", perm=[1, 0])
    return graph.add("Add", [graph.add("MatMul", [rows, weight], f"{name}.product"), f"{name}.bias"], f"{name}.out")
