# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make demo` makes, with a shorter text and a smaller film."""

import json
import re
import subprocess

import pytest

from .conftest import run_python, told_by

pytestmark = [pytest.mark.blender, pytest.mark.slow]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    pytest.importorskip("bpy")
    folder = tmp_path_factory.mktemp("demo")
    said = run_python("-m", "demo", "--text", "My mum made jam.", "--size", "64", "-o", folder)
    assert "demo.mp4" in said
    return folder


def test_every_file_is_there(made):
    assert sorted(file.name for file in made.iterdir()) == [
        "demo.blend", "demo.glb", "demo.json", "demo.mp4", "demo.png", "demo.wav",
        "speaker.mp4",
    ]  # fmt: skip


@pytest.mark.parametrize(("film", "size"), [("demo.mp4", "64x64"), ("speaker.mp4", "384x384")])
def test_the_films_have_moving_pictures_and_sound(made, film, size):
    ffmpeg = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    done = subprocess.run([ffmpeg, "-i", made / film], capture_output=True, text=True, check=False)
    assert re.search(rf"Video: h264.* {size}[ ,]", done.stderr)
    assert "Audio: aac" in done.stderr
    minutes, seconds = re.search(r"Duration: 00:(\d\d):(\d\d\.\d\d)", done.stderr).groups()
    assert abs(int(minutes) * 60 + float(seconds) - frames(made) / 24) < 0.1


def frames(made):
    return len(json.loads((made / "demo.json").read_text())["weights"])


def test_the_glb_is_valid_and_moves_the_jaw(made, gltf_issues):
    issues = gltf_issues(made / "demo.glb")
    assert issues["numErrors"] == 0, issues["messages"][:3]
    assert morph_travel(made / "demo.glb")["jawOpen"] > 0.05


def morph_travel(path):
    """Largest minus smallest weight of each morph target over the file's animations, by name."""
    gltf = pytest.importorskip("pygltflib").GLTF2().load(str(path))
    data = gltf.binary_blob()
    travel = {}
    for animation in gltf.animations:
        for channel in animation.channels:
            if channel.target.path == "weights":
                mesh = gltf.meshes[gltf.nodes[channel.target.node].mesh]
                names = mesh.extras["targetNames"]
                values = floats(gltf, data, animation.samplers[channel.sampler].output).reshape(-1, len(names))
                for name, size in zip(names, values.max(axis=0) - values.min(axis=0), strict=True):
                    travel[name] = max(travel.get(name, 0.0), float(size))
    return travel


def floats(gltf, data, index):
    """The float32 values of an accessor."""
    import numpy as np

    accessor = gltf.accessors[index]
    start = (accessor.byteOffset or 0) + (gltf.bufferViews[accessor.bufferView].byteOffset or 0)
    return np.frombuffer(data, np.float32, accessor.count, start)


def test_the_blend_holds_keys_sound_and_camera(made):
    program = (
        "import bpy, sys, json; bpy.ops.wm.open_mainfile(filepath=sys.argv[1]); s = bpy.context.scene\n"
        "strips = getattr(s.sequence_editor, 'strips', None) or s.sequence_editor.sequences\n"
        "keyed = [k.name for k in bpy.data.shape_keys if k.animation_data and k.animation_data.action]\n"
        "print(json.dumps([len(keyed), len(strips), bool(s.camera), s.frame_end,"
        " bool(bpy.data.sounds[0].packed_file)]))"
    )
    keyed, strips, camera, last, packed = told_by("-c", program, made / "demo.blend")
    assert keyed >= 1
    assert (strips, camera, packed) == (1, True, True)
    assert abs(last - frames(made)) <= 1
