# SPDX-License-Identifier: GPL-3.0-or-later
"""The texture network's ONNX graph, node by node, weights stored as 16-bit floats: one step of the loop."""

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, ValueInfoProto, checker, helper, numpy_helper

from .graph import IR_VERSION, OPSET, Graph
from .texture import BASIS_GAIN, FED_BACK_GAIN, SHRINK, TextureNet


def texture_weights(net: TextureNet) -> dict[str, NDArray[np.float16]]:
    """Return the weights by name, with the latent's mean and scale and the basis's gain folded into their layers."""
    state = {name: value.detach().cpu().double() for name, value in net.state_dict().items()}
    mean, scale = state.pop("latent_mean"), state.pop("latent_scale")
    weight = state["hears.weight"].clone()
    weight[:, : net.config.latent] /= scale
    state["hears.bias"] = state["hears.bias"] - weight[:, : net.config.latent] @ mean
    state["hears.weight"] = weight
    state["basis.weight"], state["basis.bias"] = state["basis.weight"] * BASIS_GAIN, state["basis.bias"] * BASIS_GAIN
    return {name: value.numpy().astype(np.float16) for name, value in state.items()}


def rounded_texture(net: TextureNet) -> TextureNet:
    """Return the network with the weights that its graph will hold."""
    copy = TextureNet(net.config, net.blend.detach().cpu()).eval()
    state = {name: torch.from_numpy(value.astype(np.float32)) for name, value in texture_weights(net).items()}
    state["basis.weight"], state["basis.bias"] = state["basis.weight"] / BASIS_GAIN, state["basis.bias"] / BASIS_GAIN
    copy.load_state_dict({**state, "latent_mean": copy.latent_mean, "latent_scale": copy.latent_scale})
    return copy


def texture_graph(net: TextureNet, row: int, column: int, size: int) -> ModelProto:
    """Return the checked model of one step.

    Inputs `latent` [1, L] and `previous` [1, 3, h / 4, w / 4]; outputs `difference` [1, 3, h, w] to the reference
    atlas, sRGB 0-1, and `feedback`, the next step's `previous`.

    Args:
        net: trained.
        row: of the window's first texel in the atlas, from the top; goes into the metadata.
        column: the same from the left.
        size: texels along each side of the atlas.
    """
    height, width = net.blend.shape
    graph = Graph(texture_weights(net))
    heard = "latent"
    if net.config.code:
        graph.constants.append(numpy_helper.from_array(np.array(FED_BACK_GAIN, np.float32), "gain"))
        seen = graph.add("Flatten", [graph.add("Mul", ["previous", "gain"], "seen")], "seen.flat", axis=1)
        seen = graph.add("Gelu", [_layer(graph, "looks", seen)], "looks.active")
        code = graph.add("Tanh", [_layer(graph, "codes", seen)], "code")
        heard = graph.add("Concat", ["latent", code], "heard", axis=1)
    hidden = graph.add("Gelu", [_layer(graph, "hears", heard)], "hears.active")
    mixed = graph.add("Gelu", [_layer(graph, "mixes", hidden)], "mixes.active")
    hidden = graph.add("Add", [hidden, mixed], "hidden")
    drawn = _layer(graph, "basis", _layer(graph, "weighs", hidden))
    drawn = graph.add("Reshape", [drawn, graph.integers("picture", 1, 3, height, width)], "drawn")
    graph.add("Mul", [drawn, "blend"], "difference")
    graph.add("AveragePool", ["difference"], "feedback", kernel_shape=[SHRINK, SHRINK], strides=[SHRINK, SHRINK])
    small = [1, *net.fed_back]
    proto = helper.make_graph(
        graph.nodes,
        "texture",
        [_value("latent", [1, net.config.latent]), _value("previous", small)],
        [_value("difference", [1, 3, height, width]), _value("feedback", small)],
        graph.constants,
    )
    model = helper.make_model(proto, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    helper.set_model_props(model, {"window": f"{row} {column} {size}"})
    checker.check_model(model)
    return model


def _layer(graph: Graph, name: str, hidden: str) -> str:
    return graph.add("Gemm", [hidden, f"{name}.weight", f"{name}.bias"], f"{name}.out", transB=1)


def _value(name: str, shape: list[int]) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
