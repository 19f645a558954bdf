# SPDX-License-Identifier: GPL-3.0-or-later
"""The terminal, as a user runs it."""

import json
import subprocess
import sys

import pytest

from .conftest import CHECKOUT, curves


@pytest.fixture(scope="module")
def head_file(addon, tmp_path_factory):
    import bpy

    from blender_addon.scene.exporting import write_outputs

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.lipsync.add_head()
    path = tmp_path_factory.mktemp("head") / "head.blend"
    write_outputs({"save": path})
    return path


def run(*arguments):
    command = [sys.executable, "-m", "blender_addon", "animate", *map(str, arguments)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=200)
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, errors, done.stdout


def test_a_text_is_spoken_onto_a_character(head_file, speech, tmp_path):
    import bpy

    out = tmp_path / "out.blend"
    code, errors, told = run(
        head_file, "--text", "Mama and papa", "--save", out, "--fps", "23.976", "--start-frame", "5", "--json-progress"
    )
    assert (code, errors) == (0, [])
    fractions = [json.loads(line)["fraction"] for line in told.splitlines() if line.startswith('{"stage"')]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["out.blend"]
    bpy.ops.wm.open_mainfile(filepath=str(out))
    scene = bpy.context.scene
    assert scene.render.fps / scene.render.fps_base == pytest.approx(24000 / 1001)
    assert scene.frame_start == 5
    assert any(
        curve.data_path == 'key_blocks["jawOpen"].value' for action in bpy.data.actions for curve in curves(action)
    )
    if bpy.app.build_options.audaspace:
        (sound,) = bpy.data.sounds
        assert sound.packed_file is not None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--sound", "none.wav", "--save", "{tmp}/o.blend"], "no such sound file"),
        (["--sound", "none.wav", "--save", "{tmp}/none/o.blend"], "choose a file in a folder that is there"),
        (["--sound", "none.wav", "--export", "{tmp}/o.obj"], "--export writes .glb"),
        (["--sound", "none.wav", "--save", "{tmp}/o.blend", "--object", "Bob"], "no object 'Bob'"),
        (["--sound", "none.wav", "--save", "{tmp}/o.blend", "--map", "none.json"], "none.json: cannot read"),
        (["--sound", "{file}", "--save", "{tmp}/o.blend", "--bundle", "none"], "no bundle 'none'"),
        (["--sound", "{file}", "--save", "{tmp}/o.blend", "--fps", "0"], "frame rate 0"),
    ],
)
def test_errors_are_one_line_and_write_nothing(arguments, words, head_file, tmp_path):
    code, errors, _ = run(head_file, *(one.format(tmp=tmp_path, file=head_file) for one in arguments))
    assert code == 1
    assert len(errors) == 1
    assert words in errors[0]
    assert list(tmp_path.iterdir()) == []


def test_a_character_that_is_none(tmp_path):
    for name, content, words in (
        ("a.glb", b"glTF nonsense", "cannot open"),
        ("a.txt", b"", "unknown kind of character"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        code, errors, _ = run(path, "--sound", "none.wav", "--save", tmp_path / "o.blend")
        assert (code, len(errors)) == (1, 1)
        assert words in errors[0]


@pytest.mark.parametrize(
    "arguments", [[], ["--sound", "a.wav"], ["--sound", "a.wav", "--text", "b", "--save", "c.blend"]]
)
def test_wrong_usage_is_2(arguments, head_file):
    assert run(head_file, *arguments)[0] == 2


def test_a_full_disk_leaves_nothing(head_file, speech, tmp_path):
    """A tmpfs too small for the .blend, where the machine lets us have one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True, check=False
    ).returncode:
        pytest.skip("cannot mount a tmpfs here")
    try:
        code, errors, _ = run(head_file, "--sound", speech, "--save", disk / "o.blend")
        assert (code, len(errors)) == (1, 1)
        assert "cannot write" in errors[0]
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes that break are POSIX")
def test_a_reader_that_has_gone_does_not_lose_the_work(head_file, speech, tmp_path):
    out = tmp_path / "out.blend"
    command = [sys.executable, "-m", "blender_addon", "animate", head_file, "--sound", speech, "--save", out]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        process.stdout.close()
    assert process.returncode == 0
    assert out.is_file()
