# SPDX-License-Identifier: GPL-3.0-or-later
"""The talking head in Blender: from a mesh file to shape keys, texture and sound."""

import subprocess
import sys

import numpy as np
import pytest

from .conftest import CHECKOUT, curves

FRAMES, SIZE = 40, 32
ANSWERS = """
import shutil, sys
from backend.inference import protocol
say = lambda message: print(protocol.encode(message), flush=True)
say(protocol.Hello("0"))
for line in sys.stdin:
    asked = protocol.decode(line)
    if isinstance(asked, protocol.Request):
        shutil.copyfile(sys.argv[1], asked.output)
        say(protocol.Result(asked.id, asked.output, 1.6, 40, 1.0, 9, "speaker-v1"))
"""
"""A prediction process that gives a mesh file made before."""


def mesh_file(path, textured=True, moving=True):
    """Write what a personal bundle predicts: a jaw that opens and shuts, and a mouth that darkens with it."""
    from backend.core.blendshapes import ARKIT_INDEX
    from backend.core.face import canonical_face
    from backend.core.mesh_file import MeshHeader, write_mesh

    face = canonical_face()
    opening = np.sin(np.linspace(0, 3 * np.pi, FRAMES)).astype(np.float32) ** 2
    moved = opening[:, None, None] * face.basis_cm[ARKIT_INDEX["jawOpen"]]
    atlas = np.full((FRAMES, SIZE, SIZE, 3), 160, np.uint8)
    atlas[:, 20:24, 12:20] -= (opening * 120).astype(np.uint8)[:, None, None, None]
    texture = {"uv": face.uv, "reference_atlas": atlas[0]} if textured else {"uv": face.uv}
    header = MeshHeader(np.arange(FRAMES) / 25, np.ones(FRAMES, np.float32), neutral_cm=face.neutral_cm, **texture)
    write_mesh(path, header, [moved], atlases=iter(atlas) if textured and moving else None)
    return face.neutral_cm + moved, atlas


@pytest.fixture
def client(tmp_path):
    """A client whose process answers with the mesh file `mesh.npz` of the test's folder."""
    from blender_addon.jobs.client import WorkerClient

    made = WorkerClient([sys.executable, "-c", ANSWERS, str(tmp_path / "mesh.npz")])
    yield made
    made.close()


@pytest.fixture
def clip(tmp_path, client, addon):
    """A function that makes a clip by a job."""
    from blender_addon.jobs.head import HeadJob, HeadRequest
    from blender_addon.jobs.job import Wanted

    def make(**changed):
        settings = {"limit_mm": 0.1, "texture": "PACKED", "tiles": 4} | changed
        job = HeadJob(HeadRequest(Wanted(tmp_path / "a.wav", 25.0, "speaker"), **settings), client)
        assert job.wait(60)
        return job.outcome()

    return make


def add(scene, clip, texture="PACKED", start=1):
    from pathlib import Path

    from blender_addon.scene.bake import Placement
    from blender_addon.scene.talking_head import HeadLook, add_talking_head

    scene.render.fps, scene.render.fps_base = 25, 1.0
    return add_talking_head(scene, clip, Placement(Path("a.wav"), start, add_strip=False), HeadLook(texture=texture))


def shown(thing):
    """Vertices [V, 3] of the object as it is on the current frame, canonical and in centimetres."""
    import bpy

    mesh = thing.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    flat = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", flat)
    x, y, z = flat.reshape(-1, 3).T * 100
    return np.stack([x, z, -y], axis=-1)


def test_the_head_follows_the_prediction_within_its_bound(scene, clip, tmp_path):
    truth, _ = mesh_file(tmp_path / "mesh.npz")
    report = add(scene, clip(), start=11)
    assert (report.shapes, report.frames) == (1, (11, 10 + FRAMES))
    assert (scene.frame_start, scene.frame_end) == report.frames
    assert report.max_mm <= 0.1
    assert len(report.thing.data.vertices) == 468
    for index in range(0, FRAMES, 7):
        scene.frame_set(11 + index)
        off = np.linalg.norm(shown(report.thing) - truth[index], axis=1).max() * 10
        assert off <= report.max_mm + 0.002
    assert len(curves(report.thing.data.shape_keys.animation_data.action)) == report.shapes


def test_a_packed_flip_book_shows_each_frame_its_tile(scene, clip, tmp_path):
    import bpy
    from blender_addon.backend.core.fillers import closed_triangles

    mesh_file(tmp_path / "mesh.npz")
    made = clip()
    thing = add(scene, made).thing
    tree = thing.active_material.node_tree
    image = tree.nodes["Texture"].image
    assert image.packed_file is not None
    assert tuple(image.size) == (2 * SIZE, 2 * SIZE)
    page = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(page)
    page = page.reshape(2 * SIZE, 2 * SIZE, 4)[::-1, :, :3]
    assert np.abs(page * 255 - made.book.page).max() < 1
    for index in (0, 9, 20, 39):
        scene.frame_set(1 + index)
        layer = thing.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.uv_layers[0]
        corners = np.empty(2 * len(layer.data), np.float32)
        layer.data.foreach_get("uv", corners)
        tile = made.book.track[index]
        wanted = (made.uv[closed_triangles().ravel()] + (tile % 2, 1 - tile // 2)) / 2
        assert np.abs(corners.reshape(-1, 2) - wanted).max() < 1e-5


def test_a_sequence_has_each_picture_at_its_frame(scene, clip, tmp_path):
    import bpy

    _, atlas = mesh_file(tmp_path / "mesh.npz")
    made = clip(texture="SEQUENCE", folder=tmp_path / "pictures", tiles=0)
    assert len(list(made.pictures.iterdir())) == FRAMES
    thing = add(scene, made, "SEQUENCE", start=5).thing
    texture = thing.active_material.node_tree.nodes["Texture"]
    user = texture.image_user
    assert (texture.image.source, user.frame_start, user.frame_duration, user.frame_offset) == ("SEQUENCE", 5, 40, 0)
    assert user.use_auto_refresh
    picture = bpy.data.images.load(str(made.pictures / "000010.png"))
    pixels = np.empty(SIZE * SIZE * 4, np.float32)
    picture.pixels.foreach_get(pixels)
    assert np.abs(pixels.reshape(SIZE, SIZE, 4)[::-1, :, :3] * 255 - atlas[9]).max() < 1
    clip(texture="SEQUENCE", folder=tmp_path / "pictures", tiles=0)  # again, over its own pictures


def test_pictures_never_replace_other_files(clip, tmp_path):
    from blender_addon.backend.core.errors import OutputError

    mesh_file(tmp_path / "mesh.npz")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "letter.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds other files"):
        clip(texture="SEQUENCE", folder=tmp_path / "pictures")


@pytest.mark.parametrize(("textured", "words"), [(True, "predicts no texture"), (False, "knows no texture")])
def test_a_bundle_without_moving_texture_is_told(scene, clip, tmp_path, textured, words):
    mesh_file(tmp_path / "mesh.npz", textured=textured, moving=False)
    report = add(scene, clip())
    assert words in report.sentence
    assert ("Texture" in report.thing.active_material.node_tree.nodes) == textured


def test_what_fails_leaves_the_scene_as_it_was(scene, clip, tmp_path, dump):
    import bpy
    from blender_addon.backend.core.errors import SoundError

    from blender_addon.scene import sound_strip
    from blender_addon.scene.bake import Placement
    from blender_addon.scene.talking_head import HeadLook, add_talking_head

    mesh_file(tmp_path / "mesh.npz")
    made = clip()
    scene.render.fps, scene.render.fps_base = 25, 1.0
    places = [Placement(tmp_path / "a.wav", 1, first_frame=900, last_frame=950)]
    if bpy.app.build_options.audaspace:  # the last channel is in use, which shows when all else has been made
        sound_strip.place(scene, tmp_path / "b.wav", 1).channel = sound_strip.HIGHEST_CHANNEL
        places.append(Placement(tmp_path / "a.wav", 1))
    before = dump()
    for place in places:
        with pytest.raises(SoundError):
            add_talking_head(scene, made, place, HeadLook())
        assert dump() == before
        assert not bpy.data.materials
        assert not bpy.data.images


def test_the_panel_knows_a_talking_head(head, clip, scene, tmp_path):
    import bpy
    from blender_addon.backend.core.errors import RigError

    from blender_addon.scene.character import character_of, characters
    from blender_addon.scene.plan import chosen_character
    from blender_addon.ui.panel_facts import facts

    mesh_file(tmp_path / "mesh.npz")
    made = add(scene, clip()).thing
    bpy.context.view_layer.objects.active = made
    made.select_set(True)
    told = facts(bpy.context)
    assert told.rig_problem == (
        "'Talking head a' is a talking head, whose shapes are of the sound it was made with; "
        "for another sound, make another: Talking Head from Audio"
    )
    assert (told.is_head, told.has_mesh, told.character) == (True, False, "")
    assert chosen_character(scene, None).head == head.name, "which is no rival of the character beside it"
    made.parent = head
    assert made.name not in character_of(head, scene).worn
    bpy.data.batch_remove({head, *head.children} - {made})
    with pytest.raises(RigError, match="is a talking head"):
        characters(scene)


def test_cancelling_leaves_no_pictures(client, tmp_path, addon):
    from blender_addon.jobs.client import JobCancelledError
    from blender_addon.jobs.head import HeadJob, HeadRequest
    from blender_addon.jobs.job import Wanted

    mesh_file(tmp_path / "mesh.npz")
    job = HeadJob(HeadRequest(Wanted(tmp_path / "a.wav", 25.0, "speaker"), folder=tmp_path / "pictures"), client)
    job.cancel()
    assert job.wait(30)
    with pytest.raises(JobCancelledError):
        job.outcome()
    assert [path.name for path in tmp_path.iterdir()] == ["mesh.npz"]


def test_the_operator_adds_and_selects_a_head(scene, client, speech, tmp_path):
    import bpy

    from blender_addon.operators.lipsync import LIPSYNC_OT_from_audio

    mesh_file(tmp_path / "mesh.npz")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "own.blend"))
    scene = bpy.context.scene
    scene.render.fps = 25
    settings = scene.lipsync3d
    settings.head.bundle, settings.sound_path = "speaker", str(speech)
    LIPSYNC_OT_from_audio.client = client
    try:
        assert bpy.ops.lipsync.talking_head() == {"FINISHED"}
        assert bpy.ops.lipsync.talking_head() == {"FINISHED"}
    finally:
        LIPSYNC_OT_from_audio.stop()
    first, second = (one for one in bpy.data.objects if one.type == "MESH")
    assert (bpy.context.object, second.select_get(), first.select_get()) == (second, True, False)
    assert "off by at most" in second["lipsync3d_head"]
    folders = sorted(path.name for path in tmp_path.iterdir() if path.is_dir())
    assert folders == ["own_speech_texture", "own_speech_texture_1"]
    paths = [one.active_material.node_tree.nodes["Texture"].image.filepath for one in (first, second)]
    assert paths == [f"//{name}/000001.png" for name in folders]


def test_the_operator_says_what_is_missing(scene, speech, tmp_path):
    import bpy

    settings = scene.lipsync3d
    assert not bpy.ops.lipsync.talking_head.poll()
    settings.head.bundle, settings.sound_path = "universal", str(speech)
    with pytest.raises(RuntimeError, match="save it first"):
        bpy.ops.lipsync.talking_head()
    settings.head.texture = "PACKED"
    with pytest.raises(RuntimeError, match="knows no speaker"):
        bpy.ops.lipsync.talking_head()
    assert len(bpy.data.objects) == 0


def run(*arguments):
    command = [sys.executable, "-m", "blender_addon", "head", *map(str, arguments)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=200)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, [line for line in done.stderr.splitlines() if line.startswith("error: ")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--bundle", "universal"], "knows no speaker"),
        (["--bundle", "none"], "no bundle 'none'"),
        (["--bundle", "universal", "--fps", "0"], "frame rate 0"),
        (["--bundle", "demo-speaker-v1", "--pose", CHECKOUT / "README.md"], "holds no head pose"),
        (["--bundle", "demo-speaker-v1", "--tiles", "900"], "choose 1 to 256"),
        (["--bundle", "demo-speaker-v1", "--tiles", "64", "--page", "128"], "take fewer tiles, or a page of at least"),
        (["--bundle", "demo-speaker-v1", "--sound", CHECKOUT / "README.md"], "not a sound file"),
    ],
)
def test_terminal_errors_are_one_line_and_write_nothing(speech, tmp_path, arguments, words):
    sound = [] if "--sound" in arguments else ["--sound", speech]
    code, errors = run(*arguments, *sound, "--export", tmp_path / "o.fbx")
    assert (code, len(errors)) == (1, 1)
    assert words in errors[0]
    assert list(tmp_path.iterdir()) == []


def test_wrong_usage_is_2(tmp_path):
    assert run("--sound", "a.wav", "--save", tmp_path / "o.blend")[0] == 2
    assert run("--bundle", "b", "--sound", "a.wav")[0] == 2
    assert run("--bundle", "b", "--sound", "a.wav", "--render", tmp_path / "o.mp4", "--size", "-3")[0] == 2
