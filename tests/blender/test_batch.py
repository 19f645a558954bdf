# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches with a Blender that is kept alive between lines."""

import hashlib
import json
import os
import signal
import subprocess
import sys

import pytest

from .conftest import CHECKOUT, curves, speak

TEXTS = ("Mama and papa bought a big boat.", "My brother Bob.", "Five very big moving boxes.")


@pytest.fixture(scope="module")
def sheet(addon, tmp_path_factory):
    """Three lines for the canonical face, and one for a box."""
    import bpy

    from benchmarks.batch.characters import CHARACTERS
    from blender_addon.scene.exporting import write_outputs

    folder = tmp_path_factory.mktemp("sheet")
    for name in ("puppet.glb", "no_mouth.glb"):
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        kind, put = CHARACTERS[name]
        put()
        write_outputs({kind: folder / name})
    for n, text in enumerate(TEXTS):
        speak(text, folder / f"l{n}.wav")
    rows = [f"l{n},l{n}.wav,puppet.glb,json glb" for n in range(len(TEXTS))]
    rows += ["box,l0.wav,no_mouth.glb,glb"]
    (folder / "jobs.csv").write_text("\n".join(["id,sound,character,outputs", *rows]) + "\n", encoding="utf-8")
    return folder / "jobs.csv"


def batch(jobs, output, *arguments):
    command = [sys.executable, "-m", "backend", "batch", jobs, "-o", output, "-q", *arguments]
    done = subprocess.run([*map(str, command)], cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=300)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stderr


def sums(folder, *endings):
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.name.endswith(endings)
    }


def states(folder):
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return {one["id"]: (one["state"], one.get("error", "")) for one in report["lines"]}


def test_lines_come_out_the_same_in_any_order_and_process(sheet, tmp_path):
    import bpy

    code, error = batch(sheet, tmp_path / "a", "--workers", "1")
    assert (code, error.count("\n")) == (1, 1)
    told = states(tmp_path / "a")
    assert {name: state for name, (state, _) in told.items()} == {
        "l0": "done", "l1": "done", "l2": "done", "box": "failed"
    }  # fmt: skip
    assert "nothing moves the mouth" in told["box"][1]
    head, *rows = sheet.read_text(encoding="utf-8").splitlines()
    turned = sheet.with_name("turned.csv")
    turned.write_text("\n".join([head, *reversed(rows)]) + "\n", encoding="utf-8")
    batch(turned, tmp_path / "b", "--workers", "2")
    assert sums(tmp_path / "a", ".glb") == sums(tmp_path / "b", ".glb")
    assert len(sums(tmp_path / "a", ".glb", ".json")) == 7
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.import_scene.gltf(filepath=str(tmp_path / "a/l1.glb"))
    assert len(bpy.data.actions) == 1  # nothing of another line is left in it
    moved = max(curve.range()[1] for action in bpy.data.actions for curve in curves(action))
    assert moved > 1


def job(sheet, tmp_path, **outputs):
    import numpy as np
    import soundfile

    from backend.batch.lines import ENDINGS
    from backend.core.face import canonical_face
    from backend.core.mesh_file import MeshHeader, write_mesh
    from backend.core.types import PhoneSpan
    from backend.motion.performance import Performance

    phones = (PhoneSpan("m", 0.1, 0.2), PhoneSpan("ɑ", 0.2, 0.5))
    times = np.arange(19) / 30
    motion = Performance(phones, 0.6)
    mesh, sound = tmp_path / "m.npz", tmp_path / "s.wav"
    write_mesh(mesh, MeshHeader(times, np.ones(19, np.float32), phones), [motion.displacement_cm(times)],
               motion.weights(times))  # fmt: skip
    soundfile.write(str(sound), np.zeros(9600, np.float32), 16000)
    assert canonical_face().neutral_cm.shape == (468, 3)
    return {
        "character": str(sheet.with_name("puppet.glb")), "object": "", "map": "AUTO", "mesh": str(mesh),
        "sound": str(sound), "title": "line", "fps": 30.0, "start_frame": 1, "gains": {}, "tracks": str(tmp_path / "t"),
        "outputs": {kind: str(tmp_path / f"o{ENDINGS[kind]}") for kind in outputs},
    }  # fmt: skip


def test_every_kind_of_output_is_written(sheet, tmp_path):
    from backend.batch.blender import Blender

    blender = Blender()
    try:
        wanted = job(sheet, tmp_path, blend=1, glb=1, fbx=1, usd=1)
        answer = blender.ask(wanted)
        assert answer["keyed"] > 5
        heads = {kind: (tmp_path / f"o.{kind}").read_bytes()[:20] for kind in ("glb", "fbx", "usdz")}
        assert heads["glb"].startswith(b"glTF")
        assert heads["fbx"].startswith(b"Kaydara FBX Binary")
        assert heads["usdz"].startswith(b"PK")
        assert (tmp_path / "o.blend").stat().st_size > 10_000
    finally:
        blender.close()


def test_a_blender_that_dies_is_replaced(sheet, tmp_path):
    from backend.batch.blender import Blender
    from backend.core.errors import BlenderError, RigError

    blender, wanted = Blender(), job(sheet, tmp_path, glb=1)
    try:
        blender.ask(wanted)
        first = blender.pid
        with pytest.raises(RigError, match="no object 'Bob'"):
            blender.ask(wanted | {"object": "Bob"})
        assert blender.pid == first
        os.kill(first, signal.SIGKILL)
        with pytest.raises(BlenderError, match="ended in the middle of a line"):
            blender.ask(wanted)
            blender.ask(wanted)
        blender.ask(wanted)
        assert blender.pid not in (None, first)
    finally:
        blender.close()
    small = Blender(memory_mb=1.0)
    small.ask(wanted)
    assert small.pid is None
    with pytest.raises(BlenderError, match=r"is no Blender|does not start"):
        from backend.batch.blender import identity

        identity("/bin/true" if os.name == "posix" else "none.exe")


def motion(path):
    """Times and weights by node of a file's animation, as an independent reader has them."""
    import numpy as np
    import pygltflib

    document = pygltflib.GLTF2().load(str(path))
    data = document.binary_blob()

    def numbers(index):
        view = document.bufferViews[document.accessors[index].bufferView]
        return np.frombuffer(data[view.byteOffset : view.byteOffset + view.byteLength], "<f4")

    (animation,) = document.animations
    return {
        document.nodes[channel.target.node].name: tuple(
            numbers(index).tolist()
            for index in (animation.samplers[channel.sampler].input, animation.samplers[channel.sampler].output)
        )
        for channel in animation.channels
    }


def test_the_quick_way_to_a_glb_gives_what_the_exporter_gives(addon, sheet, tmp_path, monkeypatch):
    from blender_addon.scene import batch_line

    wanted = job(sheet, tmp_path, glb=1)
    assert "error" not in batch_line.answer(wanted)
    quick = motion(tmp_path / "o.glb")
    assert quick["Puppet"][0][-1] == pytest.approx(0.6)
    assert max(quick["Puppet"][1]) > 0.2
    monkeypatch.setattr(batch_line, "only_shapes_move", lambda: False)
    assert "error" not in batch_line.answer(wanted | {"outputs": {"glb": str(tmp_path / "full.glb")}})
    assert motion(tmp_path / "full.glb") == quick


@pytest.fixture
def operator(addon):
    from blender_addon.operators.lipsync import LIPSYNC_OT_from_audio

    yield
    LIPSYNC_OT_from_audio.stop()


def test_the_open_character_speaks_a_sheet(head, scene, operator, sheet, tmp_path, dump):
    import bpy

    assert not bpy.ops.lipsync.batch.poll()
    mine = sheet.with_name("mine.csv")
    mine.write_text("id,sound,outputs\nl0,l0.wav,glb\nl1,l1.wav,json\n", encoding="utf-8")
    scene.lipsync3d.batch.sheet, scene.lipsync3d.batch.folder = str(mine), str(tmp_path / "out")
    before = dump()
    assert bpy.ops.lipsync.batch() == {"FINISHED"}
    assert dump() == before
    assert {name: state for name, (state, _) in states(tmp_path / "out").items()} == {"l0": "done", "l1": "done"}
    assert "Lip-sync head" in motion(tmp_path / "out/l0.glb")
    mine.write_text("id,sound,outputs\nl0,none.wav,glb\n", encoding="utf-8")
    bpy.ops.wm.save_as_mainfile(filepath=str(mine.with_name("own.blend")))
    wanted = bpy.context.scene.lipsync3d.batch
    wanted.sheet, wanted.folder = "//mine.csv", "//out"
    with pytest.raises(RuntimeError, match=r"1 of 1 lines failed: l0: sound: no file none.wav"):
        bpy.ops.lipsync.batch()
    assert states(mine.with_name("out"))["l0"][0] == "failed"


def test_the_terminals_batch_passes_everything_on(sheet, tmp_path):
    command = [sys.executable, "-m", "blender_addon", "batch", sheet, "-o", tmp_path / "o", "--check"]
    done = subprocess.run([*map(str, command)], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, f"{sheet}: 4 lines, nothing wrong")
