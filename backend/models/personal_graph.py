# SPDX-License-Identifier: GPL-3.0-or-later
"""The ONNX graph of networks from speech features to a speaker's motion, node by node, weights as 16-bit floats."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, checker, helper
from torch import nn

from .graph import IR_VERSION, OPSET, Graph
from .lipsync3d import FRONT_WIDTH, GeometryNet

Net = TypeVar("Net", bound=nn.Module)


def geometry_weights(net: GeometryNet) -> dict[str, NDArray[np.float16]]:
    """Return the weights by name, mean and scale of the features folded into the first convolution.

    Raises:
        ValueError: the network hears a spectrogram, which is for comparison only.
    """
    if net.hears is None:
        raise ValueError("a network on the spectrogram front is for comparison and is not exported")
    return folded_weights(net)


def folded_weights(net: nn.Module) -> dict[str, NDArray[np.float16]]:
    """Return a network's weights by name, mean and scale of its features folded into its convolution `hears`."""
    state = {name: value.detach().cpu().double() for name, value in net.state_dict().items()}
    weight = state.pop("hears.weight") / state["feature_scale"][None, :, None]
    bias = state.pop("hears.bias") - (weight[..., 0] @ state["feature_mean"])
    del state["feature_mean"], state["feature_scale"]
    state |= {"hears.weight": weight, "hears.bias": bias}
    return {name: value.numpy().astype(np.float16) for name, value in state.items()}


def rounded(net: GeometryNet) -> GeometryNet:
    """Return the network with the weights that its graph will hold."""
    return with_weights(GeometryNet(net.config), geometry_weights(net))


def with_weights(net: Net, weights: Mapping[str, NDArray[np.float16]]) -> Net:
    """Return a new network, in evaluation mode, made to compute what folded weights say."""
    state = {name: torch.from_numpy(value.astype(np.float32)) for name, value in weights.items()}
    fresh = net.state_dict()
    net.load_state_dict(state | {name: fresh[name] for name in ("feature_mean", "feature_scale")})
    return net.eval()


def geometry_graph(weights: Mapping[str, NDArray[np.float16]], dilations: Sequence[int]) -> ModelProto:
    """Return the checked model: `features` [1, F, S] to `motion` [1, S, K] and `latent` [1, S, L], float32."""
    graph = Graph(weights)
    hidden = graph.add("Gelu", [graph.convolution("hears", "features", (0, 0))], "hears.active")
    for index, dilation in enumerate(dilations):
        hidden = block(graph, index, dilation, hidden)
    return motion_model(graph, hidden, weights)


def block(graph: Graph, index: int, dilation: int, hidden: str) -> str:
    """Add a residual block; return the name of its output [1, C, S]."""
    name = f"blocks.{index}"
    inner = graph.convolution(f"{name}.spread", hidden, (dilation, dilation), dilations=[dilation])
    inner = graph.add("Gelu", [inner], f"{name}.inner")
    mixed = graph.convolution(f"{name}.mix", inner, (0, 0))
    return graph.add("Add", [hidden, mixed], f"{name}.sum")


def motion_model(graph: Graph, hidden: str, weights: Mapping[str, NDArray[np.float16]]) -> ModelProto:
    """Return the checked model whose last block's output is `hidden`."""
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
