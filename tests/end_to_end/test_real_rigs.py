# SPDX-License-Identifier: GPL-3.0-or-later
"""Real speech on real rigs, through the terminal: what comes out re-imports, moves the mouth, and is valid glTF."""

import subprocess
import sys

import pytest

from .conftest import CHECKOUT, told_by
from .test_demo import morph_travel

pytestmark = [pytest.mark.blender, pytest.mark.slow]
REIMPORT = """
import bpy, json, sys
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.import_scene.gltf(filepath=sys.argv[1])
faces = set()
scene = bpy.context.scene
for frame in range(1, 300, 10):
    scene.frame_set(frame)
    faces.add(tuple(round(key.value, 3) for block in bpy.data.shape_keys for key in block.key_blocks))
print(json.dumps([len(faces)]))
"""


def lip_sync(character, sound, *outputs):
    """Exit code and standard error of the terminal command."""
    command = [sys.executable, "-m", "blender_addon", "animate", character, "--sound", sound, *outputs]
    done = subprocess.run(
        [str(part) for part in command], cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=300
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("rig", ["brunette-t.glb", "sloth_head.fbx"])
def test_real_speech_moves_a_real_rig(rig, shared_data, gltf_issues, tmp_path):
    pytest.importorskip("bpy")
    sound = shared_data / "speech" / "languages" / "en_jfk_1961.flac"
    blend, glb = tmp_path / "talks.blend", tmp_path / "talks.glb"
    code, said = lip_sync(shared_data / "rigs" / rig, sound, "--save", blend, "--export", glb)
    assert code == 0, said
    assert blend.stat().st_size > 10_000
    issues = gltf_issues(glb)
    assert issues["numErrors"] == 0, issues["messages"][:3]
    assert max(morph_travel(glb).values()) > 0.2
    assert told_by("-c", REIMPORT, glb)[0] > 10  # so many different faces in 30 looks


def test_mouths_follow_the_prediction(shared_data):
    """Keyed and played: r of the lip gap by kind of convention, every p b m closed, and the robot refused."""
    pytest.importorskip("bpy")
    command = [sys.executable, "-m", "benchmarks.rigs", str(shared_data)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=600)
    told = [line for line in done.stdout.splitlines() if "closures kept" in line or line.startswith("robot")]
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert len(told) == 7
    assert "robot: refused: nothing moves the mouth" in told[-1]
    for line in told[:-1]:
        kept, closures = line.rpartition("; ")[2].removesuffix(" closures kept").split(" of ")
        assert kept == closures, line


def test_a_rig_with_nothing_to_move_is_refused(shared_data, speech_wav, tmp_path):
    pytest.importorskip("bpy")
    code, said = lip_sync(shared_data / "rigs" / "robot_expressive.blend", speech_wav, "--save", tmp_path / "out.blend")
    assert code == 1
    assert said.strip().splitlines()[-1].startswith("error: ")
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []
