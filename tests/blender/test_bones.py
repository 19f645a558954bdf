# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls beyond shape keys: bones in every mode of rotation, and custom properties wherever they hang."""

from pathlib import Path

import numpy as np
import pytest

from .conftest import curves

COUNT = 21
RAMP = np.linspace(0.0, 0.4, COUNT, dtype=np.float32)
EYES = 0.063
"""Distance of the eye bones: the canonical face in metres."""


@pytest.fixture
def rig(scene):
    """An armature that faces -Y: eyes, a jaw that points forward and down, and a mesh bound to it."""
    import bpy

    rig = bpy.data.objects.new("rig", bpy.data.armatures.new("rig"))
    scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    rig.select_set(True)
    bpy.ops.object.mode_set(mode="EDIT")
    for name, head, tail in (
        ("eye.L", (EYES / 2, -0.05, 0.1), (EYES / 2, -0.07, 0.1)),
        ("eye.R", (-EYES / 2, -0.05, 0.1), (-EYES / 2, -0.07, 0.1)),
        ("jaw", (0, 0, 0.05), (0, -0.08, -0.01)),
    ):
        bone = rig.data.edit_bones.new(name)
        bone.head, bone.tail, bone.roll = head, tail, 0.7
    bpy.ops.object.mode_set(mode="OBJECT")
    body = bpy.data.objects.new("body", bpy.data.meshes.new("body"))
    body.data.from_pydata([(0, -0.09, -0.01), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    scene.collection.objects.link(body)
    body.parent = rig
    return rig


def bake(scene, rig, *tracks, placement=()):
    """Key tracks (kind, name, channel, values) from frame 1 on; the report."""
    from blender_addon.backend.retarget.apply import ControlTracks
    from blender_addon.backend.retarget.maps import BoneChannel

    from blender_addon.jobs.bake import Baked
    from blender_addon.scene.bake import Placement, apply
    from blender_addon.scene.character import character_of

    scene.render.fps = 30
    kinds, names, channels, values = zip(*tracks, strict=True)
    made = ControlTracks(
        names,
        np.stack(values, axis=1),
        np.zeros((len(names), 2), np.float32),
        kinds,
        tuple(BoneChannel(*channel) if channel else None for channel in channels),
    )
    baked = Baked(np.arange(COUNT) / 30, made, 1.0, 1.0, "test", None)
    where = Placement(Path("none.wav"), 1.0, **{"add_strip": False, **dict(placement)})
    return apply(scene, character_of(rig, scene), baked, where)


def keyed(owner):
    return {(curve.data_path.rpartition("].")[2], curve.array_index) for curve in curves(owner.animation_data.action)}


MODES = {
    "XYZ": "rotation_euler",
    "ZXY": "rotation_euler",
    "QUATERNION": "rotation_quaternion",
    "AXIS_ANGLE": "rotation_axis_angle",
}


@pytest.mark.parametrize("mode", MODES)
def test_a_jaw_opens_by_its_angle_in_every_mode_of_rotation(scene, rig, mode):
    jaw = rig.pose.bones["jaw"]
    jaw.rotation_mode = mode
    rest = jaw.tail.copy()
    bake(scene, rig, ("bone", "jaw", ("rotation", 0, "face"), RAMP))
    assert {path for path, _ in keyed(rig)} == {MODES[mode]}
    for frame in (1, 8, COUNT):
        scene.frame_set(frame)
        turned = jaw.matrix_basis.to_quaternion()
        assert turned.angle == pytest.approx(RAMP[frame - 1], abs=1e-4)
    assert jaw.tail.z < rest.z - 0.02, "the jaw opens downwards"
    assert jaw.tail.x == pytest.approx(0, abs=1e-6)


def test_a_bones_own_axis_is_keyed_alone(scene, rig):
    rig.pose.bones["jaw"].rotation_mode = "XYZ"
    bake(scene, rig, ("bone", "jaw", ("rotation", 2, "bone"), RAMP))
    assert keyed(rig) == {("rotation_euler", 2)}
    scene.frame_set(COUNT)
    assert tuple(rig.pose.bones["jaw"].rotation_euler) == pytest.approx((0, 0, 0.4))


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_a_centimetre_is_one_of_the_characters_face(scene, rig, scale):
    from mathutils import Matrix

    rig.data.transform(Matrix.Scale(scale, 4))
    jaw = rig.pose.bones["jaw"]
    rest = jaw.bone.head_local
    up, left = ("location", 1, "face"), ("location", 0, "face")
    bake(scene, rig, ("bone", "jaw", up, -RAMP), ("bone", "jaw", left, 2 * RAMP))
    scene.frame_set(COUNT)
    assert tuple((jaw.head - rest) / scale) == pytest.approx((0.008, 0, -0.004), abs=1e-6)


def test_a_face_that_lies_otherwise_in_its_armature_opens_alike(scene, rig):
    from mathutils import Matrix

    turn = Matrix.Rotation(np.pi / 2, 4, "X") @ Matrix.Rotation(np.pi / 2, 4, "Z")
    rig.data.transform(turn)
    rig.matrix_world = turn.inverted()
    jaw = rig.pose.bones["jaw"]
    rest = rig.matrix_world @ jaw.bone.tail_local
    bake(scene, rig, ("bone", "jaw", ("rotation", 0, "face"), RAMP))
    scene.frame_set(COUNT)
    moved = rig.matrix_world @ jaw.tail - rest
    assert moved.z < -0.02
    assert moved.x == pytest.approx(0, abs=1e-6)


def test_properties_are_keyed_wherever_they_hang(scene, rig):
    body = rig.children[0]
    rig["smile"], rig.pose.bones["jaw"]["smile"], body["smile"] = 0.0, 0.0, 0.0
    rig["note"], rig["on"] = "text", True
    report = bake(scene, rig, ("property", "smile", None, RAMP))
    assert report.keyed == ("smile",)
    assert {curve.data_path for curve in curves(rig.animation_data.action)} == {
        '["smile"]',
        'pose.bones["jaw"]["smile"]',
    }
    scene.frame_set(COUNT)
    assert [one["smile"] for one in (rig, rig.pose.bones["jaw"], body)] == pytest.approx([0.4] * 3)


def test_properties_and_free_bones_are_what_a_map_may_name(scene, rig):
    from blender_addon.scene.character import character_of

    rig["smile"] = 0.0
    rig.id_properties_ui("smile").update(min=0.0, max=100.0)
    rig["note"], rig["on"], rig["led"], rig["layer"] = "text", True, 0.5, 2
    rig.driver_add('["led"]')
    rig.pose.bones["eye.L"].constraints.new("COPY_TRANSFORMS")
    rig.driver_add('pose.bones["eye.R"].location', 1)
    found = character_of(rig, scene)
    assert (found.names.bones, found.names.properties) == (("jaw",), ("smile",))
    assert found.limits == {"smile": (0.0, 100.0)}


def test_an_animation_of_the_body_stays_as_it_was(scene, rig):
    import bpy

    rig.pose.bones["eye.L"].keyframe_insert("location", frame=3)
    walk = rig.animation_data.action
    walk.name = "walk"
    before = [(curve.data_path, [tuple(point.co) for point in curve.keyframe_points]) for curve in curves(walk)]
    report = bake(scene, rig, ("bone", "jaw", ("rotation", 0, "face"), RAMP))
    assert report.kept == ("walk",)
    after = [(curve.data_path, [tuple(point.co) for point in curve.keyframe_points]) for curve in curves(walk)]
    assert (after, walk.use_fake_user) == (before, True)
    assert rig.animation_data.action != walk
    assert len(curves(rig.animation_data.action)) == 3 + 4
    assert bpy.data.actions["walk"] == walk


def test_an_nla_track_leaves_what_plays_and_replaces_the_last_take(scene, rig):
    import bpy

    rig.pose.bones["eye.L"].keyframe_insert("location", frame=3)
    walk = rig.animation_data.action
    track = ("bone", "jaw", ("rotation", 0, "face"), RAMP)
    for _ in range(2):
        bake(scene, rig, track, placement={"in_track": True})
    assert rig.animation_data.action == walk
    assert [len(one.strips) for one in rig.animation_data.nla_tracks] == [1]
    assert len(bpy.data.actions) == 2
    scene.frame_set(COUNT)
    assert rig.pose.bones["jaw"].matrix_basis.to_quaternion().angle == pytest.approx(0.4, abs=1e-4)
    report = bake(scene, rig, track)
    report = bake(scene, rig, track, placement={"in_track": True})
    assert "plays over the NLA track" in report.sentence


@pytest.mark.parametrize("in_track", [False, True])
def test_a_bake_that_fails_leaves_bones_and_properties_as_they_were(scene, rig, dump, in_track):
    import bpy
    from blender_addon.backend.core.errors import SoundError

    if not bpy.app.build_options.audaspace:
        pytest.skip("this Blender was built without sound")
    from blender_addon.scene import sound_strip

    first = sound_strip.place(scene, Path(__file__), 1)
    first.channel = sound_strip.HIGHEST_CHANNEL
    scene.render.fps, rig["smile"] = 30, 0.0
    before = dump()
    tracks = ("bone", "jaw", ("rotation", 0, "face"), RAMP), ("property", "smile", None, RAMP)
    with pytest.raises(SoundError, match="channels"):
        bake(scene, rig, *tracks, placement={"in_track": in_track, "add_strip": True})
    assert dump() == before
    assert rig.animation_data is None


def test_a_location_that_has_no_effect_is_told(scene, rig, tmp_path):
    import bpy
    from blender_addon.backend.retarget.maps import BlendshapeMap, BoneChannel, Control

    from blender_addon.scene import user_maps
    from blender_addon.scene.character import character_of
    from blender_addon.scene.conflicts import conflicts
    from blender_addon.scene.plan import fit_of

    bpy.ops.object.mode_set(mode="EDIT")
    lip = rig.data.edit_bones.new("lip")
    lip.parent, lip.head, lip.tail = rig.data.edit_bones["jaw"], rig.data.edit_bones["jaw"].tail, (0, -0.1, -0.01)
    lip.use_connect = True
    bpy.ops.object.mode_set(mode="OBJECT")
    jaw = Control("jaw", {"jawOpen": 1}, "jaw", kind="bone", bone=BoneChannel("rotation", 0, "face"), full=0.4)
    lower = Control("lip", {"mouthLowerDownLeft": 1}, "lips", kind="bone", bone=BoneChannel("location", 1))
    path = user_maps.save(BlendshapeMap("lip", "Lip", (jaw, lower), 1, 0), tmp_path / "lip.json")
    character = character_of(rig, scene)
    (told,) = conflicts(character, fit_of(character, str(path)).match)
    assert told.startswith("lip is connected to its parent")
