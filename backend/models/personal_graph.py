# SPDX-License-Identifier: GPL-3.0-or-later
"""The geometry network's ONNX graph, node by node, weights stored as 16-bit floats."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, checker, helper

from .graph import IR_VERSION, OPSET, Graph
from .lipsync3d import FRONT_WIDTH, GeometryNet


def geometry_weights(net: GeometryNet) -> dict[str, NDArray[np.float16]]:
    """Return the weights by name, mean and scale of the features folded into the first convolution.

    Raises:
        ValueError: the network hears a spectrogram, which is for comparison only.
    """
    if net.hears is None:
        raise ValueError("a network on the spectrogram front is for comparison and is not exported")
    state = {name: value.detach().cpu().double() for name, value in net.state_dict().items()}
    weight = state.pop("hears.weight") / state["feature_scale"][None, :, None]
    bias = state.pop("hears.bias") - (weight[..., 0] @ state["feature_mean"])
    del state["feature_mean"], state["feature_scale"]
    state |= {"hears.weight": weight, "hears.bias": bias}
    return {name: value.numpy().astype(np.float16) for name, value in state.items()}


def rounded(net: GeometryNet) -> GeometryNet:
    """Return the network with the weights that its graph will hold."""
    halves = geometry_weights(net)
    copy = GeometryNet(net.config).eval()
    state = {name: torch.from_numpy(value.astype(np.float32)) for name, value in halves.items()}
    state["feature_mean"], state["feature_scale"] = copy.feature_mean, copy.feature_scale
    copy.load_state_dict(state)
    return copy


def geometry_graph(weights: Mapping[str, NDArray[np.float16]], dilations: Sequence[int]) -> ModelProto:
    """Return the checked model: `features` [1, F, S] to `motion` [1, S, K] and `latent` [1, S, L], float32."""
    graph = Graph(weights)
    hidden = graph.add("Gelu", [graph.convolution("hears", "features", (0, 0))], "hears.active")
    for index, dilation in enumerate(dilations):
        name = f"blocks.{index}"
        inner = graph.convolution(f"{name}.spread", hidden, (dilation, dilation), dilations=[dilation])
        inner = graph.add("Gelu", [inner], f"{name}.inner")
        mixed = graph.convolution(f"{name}.mix", inner, (0, 0))
        hidden = graph.add("Add", [hidden, mixed], f"{name}.sum")
    active = graph.add("Gelu", [hidden], "active")
    graph.add("Transpose", [active], "latent", perm=[0, 2, 1])
    graph.add("Transpose", [graph.convolution("head", active, (0, 0))], "motion", perm=[0, 2, 1])
    proto = helper.make_graph(
        graph.nodes,
        "geometry",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, FRONT_WIDTH["speech"], "S"])],
        [
            helper.make_tensor_value_info("motion", TensorProto.FLOAT, [1, "S", len(weights["head.bias"])]),
            helper.make_tensor_value_info("latent", TensorProto.FLOAT, [1, "S", len(weights["hears.bias"])]),
        ],
        graph.constants,
    )
    model = helper.make_model(proto, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    checker.check_model(model)
    return model
