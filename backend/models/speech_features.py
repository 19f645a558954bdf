# SPDX-License-Identifier: GPL-3.0-or-later
"""The universal speech encoder as the ear of other predictors: its graph with the last block's output let out."""

import onnx
from onnx import TensorProto, helper

from ..core.errors import BundleError

LAST_BLOCK = "blocks.7.active"
HIDDEN = "hidden"


def speech_graph(model: bytes) -> bytes:
    """Return the universal encoder's ONNX graph with a second output `hidden` [1, S, C] at 50 Hz.

    Raises:
        BundleError: the graph has no such block.
    """
    proto = onnx.load_from_string(model)
    if not any(LAST_BLOCK in node.output for node in proto.graph.node):
        raise BundleError(f"the speech encoder has no block {LAST_BLOCK!r}; use the shipped universal bundle")
    node = helper.make_node("Transpose", [LAST_BLOCK], [HIDDEN], name=HIDDEN, perm=[0, 2, 1])
    proto.graph.node.append(node)
    proto.graph.output.append(helper.make_tensor_value_info(HIDDEN, TensorProto.FLOAT, [1, "S", "C"]))
    onnx.checker.check_model(proto)
    return proto.SerializeToString()
