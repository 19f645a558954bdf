# SPDX-License-Identifier: GPL-3.0-or-later
"""Heads and characters as GLB, FBX and USD, read back by a Blender of their own: shapes, keys, times, vertices."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.core.test_puppet import pose_file

from .conftest import CHECKOUT, curves
from .test_talking_head import FRAMES, add, client, clip, mesh_file  # noqa: F401 - fixtures

FPS = 25
REIMPORT = """
import json, os, sys
import bpy
import numpy as np
from tests.blender.conftest import curves
from tests.blender.test_engine_exports import told
bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
scene = bpy.context.scene
scene.render.fps = 25
path = sys.argv[1]
if path.endswith(".glb"):
    bpy.ops.import_scene.gltf(filepath=path)
elif path.endswith(".fbx"):
    bpy.ops.import_scene.fbx(filepath=path, anim_offset=0.0)
else:
    bpy.ops.wm.usd_import(filepath=path)
sys.stdout.write(json.dumps(told(scene)) + "\\n")
sys.stdout.flush()
os._exit(0)  # bpy 4.2 crashes in the interpreter's own way out once glTF has been read
"""


def told(scene):
    """What a file holds: shapes, weights by time, vertices by frame, pictures. Runs in the Blender that reads it."""
    import bpy

    shaped = [one for one in scene.objects if one.type == "MESH" and one.data.shape_keys]
    thing = max(shaped, key=lambda one: len(one.data.vertices))
    found = {}
    for curve in curves(thing.data.shape_keys.animation_data.action):
        if curve.data_path.startswith("key_blocks"):
            found[curve.data_path.split('"')[1]] = [list(point.co) for point in curve.keyframe_points]
    first = min(points[0][0] for points in found.values())
    places = []
    for index in range(0, FRAMES, 6):
        scene.frame_set(round(first) + index)
        mesh = thing.evaluated_get(bpy.context.evaluated_depsgraph_get())
        flat = np.empty(3 * len(mesh.data.vertices), np.float32)
        mesh.data.vertices.foreach_get("co", flat)
        turned = np.array(mesh.matrix_world)
        x, y, z = (flat.reshape(-1, 3) @ turned[:3, :3].T + turned[:3, 3]).T * 100
        places.append(np.stack([x, z, -y], axis=-1).tolist())
    pictures = [[image.name, *image.size] for image in bpy.data.images if image.size[0]]
    blocks = thing.data.shape_keys.key_blocks
    ranges = [[block.slider_min, block.slider_max] for block in blocks]
    return {
        "object": thing.name, "names": blocks.keys(), "ranges": ranges, "keys": found, "places_cm": places,
        "pictures": pictures,
    }  # fmt: skip


def read_back(path):
    done = subprocess.run(
        [sys.executable, "-c", REIMPORT, str(path)], cwd=CHECKOUT, capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def nodding(folder):
    """A shard with the pose of a head that nods."""
    pose_file(folder / "pose.safetensors")
    return folder / "pose.safetensors"


def moved(points, motion):
    """Points [t, V, 3] of every sixth frame as the head's motion takes them."""
    w, *axis = motion.rotation[::6].astype(np.float64).T
    axis = np.stack(axis, axis=1)[:, None]
    cross = np.cross(axis, points)
    turned = points + 2 * (w[:, None, None] * cross + np.cross(axis, cross))
    return turned + motion.shift_cm[::6, None]


pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")  # Blender's own


@pytest.mark.parametrize(
    ("ending", "whole"), [("glb", False), ("glb", True), ("fbx", False), ("fbx", True), ("usd", False), ("usdz", True)]
)
def test_a_head_comes_back_with_the_same_shapes_keys_and_vertices(scene, clip, tmp_path, dump, ending, whole):  # noqa: F811
    import bpy

    from blender_addon.scene.head_export import EngineLook
    from blender_addon.scene.head_output import write

    mesh_file(tmp_path / "mesh.npz")
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    made = clip(back=whole, pose=nodding(tmp_path) if whole else None)
    thing = add(scene, made, start=11).thing
    before = dump()
    out = tmp_path / "out" / f"talk.{ending}"
    out.parent.mkdir()
    write(thing, made, tmp_path / "a.wav", {"export": out}, EngineLook(jpeg=whole))
    assert dump() == before, "the open file is as it was"
    assert len(bpy.data.scenes) == 1
    beside = {path.name for path in out.parent.iterdir()} - {"textures"}
    assert beside == {f"talk.{ending}", "talk.wav", "talk.flipbook.json"}
    back = read_back(out)
    assert back["names"] == ["Basis", *made.shapes.names]
    keys = np.array([back["keys"][name] for name in made.shapes.names])
    late = keys[0, 0, 0] if ending == "glb" else 0  # glTF's importer begins at 0 or 1, depending on the version
    assert np.abs((keys[..., 0] - late) / FPS - made.times_s).max() < 1e-3
    assert np.abs(keys[..., 1] - made.shapes.weights.T).max() < 1e-3
    wanted = made.neutral_cm + made.shapes.displacement_cm()[::6]
    if whole:
        wanted = moved(wanted, made.motion)
    got = np.array(back["places_cm"])
    assert np.linalg.norm(got[:, : wanted.shape[1]] - wanted, axis=-1).max() * 10 < 0.01
    assert [size[1:] for size in back["pictures"]] == [[made.book.page.shape[1], made.book.page.shape[0]]]


def test_a_keyed_character_begins_at_time_zero_and_keeps_its_shapes(scene, head, tmp_path, dump):
    import bpy

    from blender_addon.scene import actions
    from blender_addon.scene.exporting import write_outputs

    scene.render.fps = FPS
    frames = 11.0 + np.arange(FRAMES)
    opening = np.abs(np.sin(frames / 3)).astype(np.float32)
    curve = actions.Curve('key_blocks["jawOpen"].value')
    actions.write(head.data.shape_keys, "speech", actions.Tracks(frames, {curve: opening}))
    away = actions.Tracks(np.array([11.0, 50.0]), {actions.Curve("location", 0): np.array([0, 1], np.float32)})
    actions.write_track(head, "walk", away)
    head.modifiers.new("Smoother", "SUBSURF")
    scene.frame_start, scene.frame_end = 11, 10 + FRAMES
    scene.frame_set(20)
    before = dump()
    for ending in ("fbx", "usdc"):
        out = tmp_path / f"talk.{ending}"
        write_outputs({"export": out})
        assert dump() == before
        assert head.modifiers[0].show_viewport
        back = read_back(out)
        assert set(head.data.shape_keys.key_blocks.keys()) == set(back["names"])
        keys = np.array(back["keys"]["jawOpen"])
        assert np.abs(keys[:, 0] - np.arange(FRAMES)).max() < FPS * 1e-3
        assert np.abs(keys[:, 1] - opening).max() < 1e-3
        travel = np.array(back["places_cm"])[:, :, 0]
        assert travel[-1, 0] - travel[0, 0] == pytest.approx(100 * 36 / 39, abs=0.1), "the strip began with the keys"
    assert bpy.data.actions["walk"] is not None
