# SPDX-License-Identifier: GPL-3.0-or-later
"""The built zip, a Blender with nothing else beside it, spoken sounds, and Khronos' glTF validator."""

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path

import pytest

import build_addon

CHECKOUT = Path(__file__).resolve().parents[2]
BUILD = CHECKOUT / "build"
VALIDATE = """
const fs = require("fs");
require("gltf-validator").validateBytes(new Uint8Array(fs.readFileSync(process.argv[1])))
  .then(report => console.log(JSON.stringify(report.issues)));
"""


@pytest.fixture(scope="session")
def extension_zip(tmp_path_factory):
    """The installable zip for this machine's platform."""
    platform = next((p for p in build_addon.PLATFORMS if p.name == build_addon.this_platform()), None)
    if platform is None:
        pytest.skip(f"no zip is made for {build_addon.this_platform()}")
    try:
        return build_addon.make_zip(platform, tmp_path_factory.mktemp("dist"))
    except build_addon.BuildError as error:
        if "no wheels" not in str(error):
            raise
        pytest.skip(f"the wheels cannot be downloaded here: {error}")


@pytest.fixture(scope="session")
def bare_python():
    """A Python that has Blender and what Blender itself asks for, and none of this project's packages."""
    pytest.importorskip("bpy", reason="needs the bpy package")
    home = BUILD / f"bare-bpy-{metadata.version('bpy')}"
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (home / "complete").exists():
        shutil.rmtree(home, ignore_errors=True)
        venv.create(home, symlinks=os.name != "nt")
        site = next(home.rglob("site-packages"))
        for top in sorted(top_level_entries("bpy", set())):
            (site / top.name).symlink_to(top)
        (home / "complete").touch()
    return python


def top_level_entries(distribution, seen):
    """Folders and files in site-packages of a distribution and of everything it requires."""
    seen.add(distribution)
    found = metadata.distribution(distribution)
    entries = set()
    for file in found.files or ():
        if file.parts[0] not in {"..", "__pycache__"}:
            entries.add(Path(str(found.locate_file(file.parts[0]))))
    for line in found.requires or ():
        name = re.split(r"[ ;<>=!~\[(]", line)[0]
        if "extra ==" not in line and name.lower() not in seen:
            try:
                entries |= top_level_entries(name.lower(), seen)
            except metadata.PackageNotFoundError:
                continue  # for another platform or Python
    return entries


@pytest.fixture(scope="session")
def speech_wav(tmp_path_factory):
    """A spoken sentence, about two seconds, made by the project's own synthesis."""
    path = tmp_path_factory.mktemp("speech") / "mama.wav"
    run_backend("speak", "Mama, bring me a map of Bombay.", "-o", path)
    return path


def run_backend(*arguments):
    """Run `python -m backend` in the checkout; its standard output."""
    return run_python("-m", "backend", *arguments)


def run_python(*arguments):
    """Run this Python in the checkout; its standard output. Anything but success fails the test."""
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-1000:]
    return done.stdout


def told_by(*arguments):
    """What a program prints as a JSON line among the lines that Blender prints, in whatever order they come."""
    lines = [line for line in run_python(*arguments).splitlines() if line.startswith(("{", "["))]
    return json.loads(lines[-1])


@pytest.fixture(scope="session")
def gltf_issues():
    """Function: GLB file -> the validator's counts, {"numErrors": 0, …, "messages": […]}."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not (node and npm):
        pytest.skip("needs node and npm for Khronos' glTF validator")
    home = BUILD / "gltf-validator"
    if not (home / "node_modules" / "gltf-validator").is_dir():
        command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(home), "gltf-validator"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"gltf-validator cannot be installed here: {done.stderr[-200:]}")

    def issues(path):
        command = [node, "-e", VALIDATE, str(path)]
        done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    return issues
