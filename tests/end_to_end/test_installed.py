# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed zip lip-syncs in Blenders that have no package of ours beside them."""

import json
import os
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.blender
OTHERS = [python for python in os.environ.get("LIPSYNC3D_BPY_PYTHONS", "").split(os.pathsep) if python]


def bake(python, zip_path, sound, home):
    """What `bake_installed.py` tells, run by that Python with Blender's user folder in `home`."""
    script = Path(__file__).with_name("bake_installed.py")
    kept = {"PATH", "HOME", "LANG", "SYSTEMROOT", "TEMP", "LD_LIBRARY_PATH"}
    environment = {name: value for name, value in os.environ.items() if name in kept}
    done = subprocess.run(
        [str(python), "-I", str(script), str(zip_path), str(sound)],
        env={**environment, "BLENDER_USER_RESOURCES": str(home)},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert lines, done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads(lines[-1])


def assert_spoke(told):
    assert told["enabled"]
    assert told["finished"]
    assert told["borrowed"] == []
    assert told["moved"]["jawOpen"] > 0.05
    assert sum(travel > 0.02 for travel in told["moved"].values()) >= 4
    assert 30 < told["frames"] < 150


def test_the_installed_zip_lip_syncs_in_a_bare_blender(extension_zip, bare_python, speech_wav, tmp_path):
    assert_spoke(bake(bare_python, extension_zip, speech_wav, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("python", OTHERS or [None])
def test_and_in_other_versions(python, extension_zip, speech_wav, tmp_path):
    if python is None:
        pytest.skip("LIPSYNC3D_BPY_PYTHONS names no Pythons with other versions of bpy")
    assert_spoke(bake(python, extension_zip, speech_wav, tmp_path))
