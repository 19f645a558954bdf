# SPDX-License-Identifier: GPL-3.0-or-later
"""A GLB that stands still, given motion: weights of its morph targets over time, and nothing else of it changed."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..types import Floats
from .gltf import Document

Weights = Mapping[str, Floats]
"""[T] by name of a morph target."""


def with_motion(still: bytes, title: str, times_s: NDArray[np.float64], tracks: Mapping[str, Weights]) -> bytes:
    """Return a GLB with an animation of its morph targets.

    Args:
        still: a GLB file without animations, whose meshes name their targets in `extras.targetNames`.
        title: of the animation.
        times_s: [T] from 0.
        tracks: by name of the node; targets without a track keep the weight of their mesh, 0 where it has none.

    Raises:
        ValueError: not a GLB file, or one with animations.
        KeyError: a node or target that is not there.
    """
    document = Document.read(still)
    root = document.root
    if root.get("animations"):
        raise ValueError("the file has animations already")
    nodes = {node["name"]: index for index, node in enumerate(root["nodes"]) if "mesh" in node}
    begin = document.accessor(times_s.astype(np.float32), bounds=True)
    channels: list[dict[str, object]] = []
    samplers: list[dict[str, object]] = []
    for name, weights in sorted(tracks.items(), key=lambda item: nodes[item[0]]):
        mesh = root["meshes"][root["nodes"][nodes[name]]["mesh"]]
        targets: list[str] = mesh["extras"]["targetNames"]
        rest = np.array(mesh.get("weights", np.zeros(len(targets))), np.float32)
        values = np.tile(rest, (len(times_s), 1))
        for target, track in weights.items():
            values[:, targets.index(target)] = track
        output = document.accessor(values.ravel())
        channels.append({"sampler": len(samplers), "target": {"node": nodes[name], "path": "weights"}})
        samplers.append({"input": begin, "interpolation": "LINEAR", "output": output})
    root["animations"] = [{"name": title, "channels": channels, "samplers": samplers}]
    return document.to_bytes()
