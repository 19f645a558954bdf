# SPDX-License-Identifier: GPL-3.0-or-later
import json
import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
TEXT = "Mama and papa bought five very big moving boxes."


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.blender)
            if find_spec("bpy") is None:
                item.add_marker(pytest.mark.skip(reason="needs Blender as the package bpy"))


@pytest.fixture(scope="session")
def addon():
    """The add-on, registered; taken away at the end, because classes left over crash bpy 4.2 at exit."""
    import blender_addon

    blender_addon.register()
    yield blender_addon
    blender_addon.unregister()


@pytest.fixture
def scene(addon):
    """An empty scene."""
    import bpy

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    return bpy.context.scene


@pytest.fixture
def head(scene):
    """The demo head, selected."""
    import bpy

    bpy.ops.lipsync.add_head()
    return bpy.context.object


@pytest.fixture(scope="session")
def speech(tmp_path_factory):
    """A spoken sentence."""
    if find_spec("onnxruntime") is None or find_spec("espeakng_loader") is None:
        pytest.skip("needs onnxruntime and espeakng_loader for the prediction process")
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    speak(TEXT, path)
    return path


def speak(text, path):
    """Write a spoken text."""
    subprocess.run([sys.executable, "-m", "backend", "speak", text, "-o", str(path), "-q"], cwd=CHECKOUT, check=True)


@pytest.fixture
def dump():
    """A function that tells all of the open file, so that two states can be compared."""

    def tell():
        with warnings.catch_warnings():  # it reads what Blender deprecates as well
            warnings.simplefilter("ignore", DeprecationWarning)
            return _dump()

    return tell


def _dump():
    import bpy

    told = {}
    for collection in ("actions", "meshes", "objects", "scenes", "shape_keys", "sounds", "texts"):
        for one in getattr(bpy.data, collection):
            told[f"{collection}/{one.name_full}"] = _plain(one)
    for scene in bpy.data.scenes:
        told[f"render/{scene.name}"] = _plain(scene.render)
        editor = scene.sequence_editor
        for strip in (getattr(editor, "strips_all", None) or getattr(editor, "sequences_all", ())) if editor else ():
            told[f"strip/{scene.name}/{strip.name}"] = _plain(strip)
    for key in bpy.data.shape_keys:
        told[f"blocks/{key.name}"] = [_plain(block) for block in key.key_blocks]
        if key.animation_data:
            told[f"animation/{key.name}"] = _plain(key.animation_data)
    for action in bpy.data.actions:
        told[f"curves/{action.name}"] = [
            (curve.data_path, [tuple(point.co) for point in curve.keyframe_points]) for curve in curves(action)
        ]
    return json.dumps(told, indent=1, default=str)


def _plain(thing):
    skipped = {"session_uid", "is_evaluated", "original", "frame_current_final"}
    values = {}
    for prop in thing.bl_rna.properties:
        if prop.identifier in skipped or prop.type in ("POINTER", "COLLECTION"):
            continue
        value = getattr(thing, prop.identifier)
        values[prop.identifier] = list(value) if getattr(prop, "array_length", 0) else value
    for name in ("action", "sound", "data", "shape_keys"):
        if hasattr(thing, name):
            values[name] = getattr(getattr(thing, name), "name_full", None)
    return values


def curves(action):
    """Every curve of an Action, whichever way this Blender keeps them."""
    if hasattr(action, "layers"):
        return [
            curve
            for layer in action.layers
            for strip in layer.strips
            for bag in strip.channelbags
            for curve in bag.fcurves
        ]
    return list(action.fcurves)
