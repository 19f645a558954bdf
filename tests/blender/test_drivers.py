# SPDX-License-Identifier: GPL-3.0-or-later
"""Shape keys that drivers own: keys go on what drives them, where that can be turned round."""

from pathlib import Path

import numpy as np
import pytest

from .conftest import curves

COUNT = 21
WANTED = np.linspace(0.0, 0.8, COUNT, dtype=np.float32)


@pytest.fixture
def board(head):
    """An armature beside the head, with a bone and a property to drive shapes by."""
    import bpy

    rig = bpy.data.objects.new("board", bpy.data.armatures.new("board"))
    bpy.context.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    bone = rig.data.edit_bones.new("mouth")
    bone.head, bone.tail = (0.3, 0, 0), (0.3, 0, 0.1)
    bpy.ops.object.mode_set(mode="OBJECT")
    rig["open"] = 0.0
    head.parent = rig
    return rig


def drive(head, shape, target, path, expression=None):
    """Put a driver of one variable on a shape; its curve."""
    curve = head.data.shape_keys.driver_add(f'key_blocks["{shape}"].value')
    variable = curve.driver.variables.new()
    variable.name = "var"
    variable.targets[0].id_type = target.id_type
    variable.targets[0].id, variable.targets[0].data_path = target, path
    curve.driver.type = "SCRIPTED" if expression else "AVERAGE"
    if expression:
        curve.driver.expression = expression
    return curve


def reached(scene, head, **wanted):
    """Key shapes [T]; what they are on each frame, as the drivers make them."""
    import bpy
    from blender_addon.backend.retarget.apply import ControlTracks

    from blender_addon.jobs.bake import Baked
    from blender_addon.scene.bake import Placement, apply
    from blender_addon.scene.character import character_of

    scene.render.fps = 30
    limits = np.array([[0, 1]] * len(wanted), np.float32)
    tracks = ControlTracks(tuple(wanted), np.stack(list(wanted.values()), axis=1), limits)
    baked = Baked(np.arange(COUNT) / 30, tracks, 1.0, 1.0, "test")
    apply(scene, character_of(head, scene), baked, Placement(Path("none.wav"), 1.0, add_strip=False))
    found = {name: [] for name in wanted}
    for frame in range(1, COUNT + 1):
        scene.frame_set(frame)
        blocks = head.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.shape_keys.key_blocks
        for name in wanted:
            found[name].append(blocks[name].value)
    return {name: np.array(values) for name, values in found.items()}


@pytest.mark.parametrize(
    ("path", "expression"),
    [
        ('["open"]', None),
        ('["open"]', "var / 100"),
        ('["open"]', "1 - var"),
        ('["open"]', "min(max(var * 4 - 1, 0), 1)"),
        ('["open"]', "var ** 2 if var > 0 else 0"),
        ('pose.bones["mouth"].location[1]', "-var * 25"),
        ('pose.bones["mouth"].rotation_euler[0]', "clamp(degrees(var) / 30)"),
    ],
)
def test_the_shape_becomes_what_was_wanted(scene, head, board, path, expression):
    board.pose.bones["mouth"].rotation_mode = "XYZ"
    drive(head, "jawOpen", board, path, expression)
    assert np.allclose(reached(scene, head, jawOpen=WANTED)["jawOpen"], WANTED, atol=2e-3)
    assert not any('"jawOpen"' in curve.data_path for curve in _of(head))
    assert len({curve.data_path for curve in curves(board.animation_data.action)}) == 1


def _of(head):
    data = head.data.shape_keys.animation_data
    return curves(data.action) if data.action else ()


def test_a_local_transform_drives_as_in_a_face_board(scene, head, board):
    curve = drive(head, "jawOpen", board, "", "-var * 10")
    variable = curve.driver.variables[0]
    variable.type = "TRANSFORMS"
    target = variable.targets[0]
    target.id, target.bone_target, target.transform_type, target.transform_space = (
        board, "mouth", "LOC_Y", "LOCAL_SPACE",
    )  # fmt: skip
    assert np.allclose(reached(scene, head, jawOpen=WANTED)["jawOpen"], WANTED, atol=1e-3)
    assert [(c.data_path, c.array_index) for c in curves(board.animation_data.action)] == [
        ('pose.bones["mouth"].location', 1)
    ]


def test_a_chain_of_drivers_is_followed_to_its_end(scene, head, board):
    drive(head, "jawOpen", head.data.shape_keys, 'key_blocks["mouthFunnel"].value', "var * 2")
    drive(head, "mouthFunnel", board, '["open"]', "var / 10")
    assert np.allclose(reached(scene, head, jawOpen=WANTED)["jawOpen"], WANTED, atol=2e-3)
    assert [curve.data_path for curve in curves(board.animation_data.action)] == ['["open"]']


def test_one_slider_for_two_directions(scene, head, board):
    drive(head, "mouthSmileLeft", board, '["open"]', "max(var, 0)")
    drive(head, "mouthFrownLeft", board, '["open"]', "max(-var, 0)")
    smile = np.maximum(WANTED - 0.4, 0)
    frown = np.maximum(0.3 - WANTED, 0)
    found = reached(scene, head, mouthSmileLeft=smile, mouthFrownLeft=frown)
    assert np.allclose(found["mouthSmileLeft"], smile, atol=2e-3)
    assert np.allclose(found["mouthFrownLeft"], frown, atol=2e-3)


def test_shapes_on_one_slider_are_solved_as_one(scene, head, board):
    from blender_addon.scene.character import character_of
    from blender_addon.scene.plan import fit_of

    drive(head, "mouthSmileLeft", board, '["open"]', "var")
    drive(head, "mouthSmileRight", board, '["open"]', "var / 2")
    drive(head, "mouthFrownLeft", board, '["open"]', "-var")
    fit = fit_of(character_of(head, scene), "AUTO")
    by_name = {matched.control.name: matched.control for matched in fit.match.controls}
    assert by_name["mouthSmileLeft"].weights == pytest.approx({"mouthSmileLeft": 1.0, "mouthSmileRight": 0.5})
    assert "mouthSmileRight" not in by_name
    assert ("mouthSmileLeft", "mouthFrownLeft") in fit.match.map.cancel
    assert fit.notes[-1].endswith("hang on one slider and move together")


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("sin(var * 9)", "rises and falls"),
        ("frame / 10 + var", "not understood"),
        ("__import__('os').getpid() + var", "not understood"),
        ("0 * var", "does not move it"),
    ],
)
def test_a_driver_that_cannot_be_turned_round_keeps_its_shape(scene, head, board, expression, reason):
    from blender_addon.scene.character import character_of

    drive(head, "jawOpen", board, '["open"]', expression)
    found = character_of(head, scene)
    assert found.faces[0].driven == ("jawOpen",)
    assert any("left to them" in note and reason in note for note in found.notes)


def test_a_curve_bends_what_a_driver_gives(scene, head, board):
    curve = drive(head, "jawOpen", board, '["open"]', "var")
    curve.keyframe_points.clear()
    for modifier in list(curve.modifiers):
        curve.modifiers.remove(modifier)
    for value, jaw in ((0.0, 0.0), (10.0, 1.0)):
        curve.keyframe_points.insert(value, jaw).interpolation = "LINEAR"
    assert np.allclose(reached(scene, head, jawOpen=WANTED)["jawOpen"], WANTED, atol=2e-3)
    assert max(point.co[1] for one in curves(board.animation_data.action) for point in one.keyframe_points) == (
        pytest.approx(8.0, abs=0.02)
    )


def test_a_muted_driver_leaves_its_shape_free(scene, head, board):
    drive(head, "jawOpen", board, '["open"]').mute = True
    reached(scene, head, jawOpen=WANTED)
    assert board.animation_data is None
    assert any('"jawOpen"' in curve.data_path for curve in _of(head))


def test_a_property_that_the_map_knows_is_keyed_once(scene, head, board):
    from blender_addon.scene.character import character_of
    from blender_addon.scene.plan import fit_of

    board["jawOpen"] = 0.0
    drive(head, "jawOpen", board, '["jawOpen"]')
    found = character_of(head, scene)
    (jaw,) = [matched for matched in fit_of(found).match.controls if matched.control.name == "jawOpen"]
    assert jaw.names == ("jawOpen",)
    assert reached(scene, head, jawOpen=WANTED)["jawOpen"] == pytest.approx(WANTED, abs=2e-3)
