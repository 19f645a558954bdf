# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from backend.core.puppet.gltf import Document
from backend.core.puppet.motion_glb import with_motion


def still(**more):
    document = Document()
    corners = np.eye(3, dtype=np.float32)
    places = [document.accessor(corners, bounds=True), document.accessor(corners), document.accessor(2 * corners)]
    targets = [{"POSITION": places[1]}, {"POSITION": places[2]}]
    document.root |= {
        "meshes": [{"primitives": [{"attributes": {"POSITION": places[0]}, "targets": targets}], "weights": [0, 0.5],
                    "extras": {"targetNames": ["open", "smile"]}}],
        "nodes": [{"name": "root"}, {"name": "face", "mesh": 0}],
    } | more  # fmt: skip
    return document.to_bytes()


def numbers(document, index):
    accessor = document.root["accessors"][index]
    view = document.root["bufferViews"][accessor["bufferView"]]
    part = bytes(document._binary)[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
    return np.frombuffer(part, "<f4")


def test_reading_and_writing_again_changes_nothing():
    assert Document.read(still()).to_bytes() == still()


def test_motion_is_added_and_nothing_else_changed():
    times = np.array([0.0, 0.5])
    data = with_motion(still(), "line", times, {"face": {"open": np.array([0.25, 1.0], np.float32)}})
    moved, before = Document.read(data), Document.read(still())
    (animation,) = moved.root.pop("animations")
    (sampler,) = animation["samplers"]
    assert animation["name"] == "line"
    assert animation["channels"] == [{"sampler": 0, "target": {"node": 1, "path": "weights"}}]
    assert numbers(moved, sampler["input"]).tolist() == [0, 0.5]
    assert numbers(moved, sampler["output"]).tolist() == [0.25, 0.5, 1.0, 0.5]  # smile rests as in the mesh
    assert moved.root["accessors"][sampler["input"]]["max"] == [0.5]
    assert moved.root["meshes"] == before.root["meshes"]
    assert moved.root["accessors"][:3] == before.root["accessors"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"glTF", "not a whole GLB"),
        (still()[:-4], "version 2 with one buffer"),
        (still().replace(b"glTF", b"glTf", 1), "version 2 with one buffer"),
        (still(animations=[{}]), "has animations already"),
    ],
)
def test_files_that_cannot_take_motion(data, words):
    with pytest.raises(ValueError, match=words):
        with_motion(data, "line", np.zeros(1), {})
