# SPDX-License-Identifier: GPL-3.0-or-later
"""Create Lip-sync Shape Keys, and the landmarks that are placed by hand."""

import numpy as np
import pytest

from backend.core.blendshapes import ARKIT_NAMES

MARK = "lipsync3d_landmark"


def coordinates(block):
    flat = np.empty(3 * len(block.data), np.float32)
    block.data.foreach_get("co", flat)
    return flat.reshape(-1, 3)


def moved(thing, name):
    blocks = thing.data.shape_keys.key_blocks
    return coordinates(blocks[name]) - coordinates(blocks["Basis"])


def landmarks():
    import bpy

    return {thing[MARK]: thing for thing in bpy.data.objects if thing.get(MARK)}


@pytest.fixture
def bare(head):
    """The demo head without shape keys, all of it selected; with the movement that its jawOpen was."""
    import bpy

    original = moved(head, "jawOpen")
    parts = [head, *(part for part in head.children if not part.name.startswith("hair"))]
    for part in parts:
        if part.data.shape_keys is not None:
            part.shape_key_clear()
    for thing in bpy.data.objects:
        thing.select_set(thing in parts)
    return head, original


def test_the_52_are_made_in_one_step(bare):
    import bpy

    head, original = bare
    head.rotation_euler = (0, 0, 0)
    assert bpy.ops.lipsync.create_shapes() == {"FINISHED"}
    names = [block.name for block in head.data.shape_keys.key_blocks]
    assert names == ["Basis", *(name for name in ARKIT_NAMES if name != "tongueOut")]
    own = moved(head, "jawOpen")
    assert (own * original).sum() / np.linalg.norm(own) / np.linalg.norm(original) > 0.95
    assert all(block.value == 0 for block in head.data.shape_keys.key_blocks[1:])
    lower = bpy.data.objects["teeth lower"]
    assert set(lower.data.shape_keys.key_blocks.keys()) == {"Basis", "jawForward", "jawLeft", "jawOpen", "jawRight"}
    assert bpy.data.objects["teeth upper"].data.shape_keys is None

    from blender_addon.scene.character import selected_character
    from blender_addon.scene.plan import match_of

    assert match_of(selected_character(bpy.context).names).map.id == "arkit52"


def test_existing_shape_keys_are_left_alone(bare):
    import bpy

    head, _ = bare
    head.shape_key_add(name="Basis")
    own = head.shape_key_add(name="jawOpen")
    own.data[0].co.z += 1.0
    own.value = 0.25
    before = coordinates(own)
    assert bpy.ops.lipsync.create_shapes(kind="VISEMES") == {"FINISHED"}
    assert bpy.ops.lipsync.create_shapes() == {"FINISHED"}
    blocks = head.data.shape_keys.key_blocks
    assert np.array_equal(coordinates(blocks["jawOpen"]), before)
    assert blocks["jawOpen"].value == 0.25
    assert len(blocks) == 2 + 15 + 50
    assert np.abs(moved(head, "viseme_sil")).max() == 0
    assert np.abs(moved(head, "viseme_aa")).max() > 0.005


def test_landmarks_are_dragged_and_used(bare):
    import bpy

    from backend.fit.landmarks import LANDMARKS

    head, original = bare
    head.rotation_euler, head.location = (0.0, 0.0, 0.6), (1.0, -2.0, 3.0)
    bpy.context.view_layer.update()
    assert bpy.ops.lipsync.place_landmarks() == {"FINISHED"}
    found = landmarks()
    assert set(found) == set(LANDMARKS)
    points = np.empty(3 * len(head.data.vertices), np.float32)
    head.data.vertices.foreach_get("co", points)
    world = np.array(head.matrix_world)
    places = points.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3]
    for name, vertex in LANDMARKS.items():
        found[name].location = places[vertex]
    bpy.context.view_layer.objects.active = found["chin"]
    bpy.context.view_layer.update()
    assert bpy.ops.lipsync.create_shapes() == {"FINISHED"}
    assert landmarks() == {}
    own = moved(head, "jawOpen")
    assert (own * original).sum() / np.linalg.norm(own) / np.linalg.norm(original) > 0.95


def test_what_is_no_face_is_refused_and_can_be_marked(scene, dump):
    import bpy

    bpy.ops.mesh.primitive_uv_sphere_add()
    before = dump()
    with pytest.raises(RuntimeError, match=r"no mouth.*by hand"):
        bpy.ops.lipsync.create_shapes()
    assert dump() == before
    assert bpy.ops.lipsync.place_landmarks() == {"FINISHED"}
    assert len(landmarks()) == 12
    for empty in landmarks().values():
        assert np.linalg.norm(empty.location) < 1.2  # on the ball
    assert bpy.ops.lipsync.place_landmarks() == {"FINISHED"}
    assert len(landmarks()) == 12


def test_a_mesh_that_cannot_take_shapes_says_why(bare):
    import bpy

    head, _ = bare
    twin = head.copy()
    bpy.context.scene.collection.objects.link(twin)
    with pytest.raises(RuntimeError, match="shared by 2 objects"):
        bpy.ops.lipsync.create_shapes()
    bpy.data.objects.remove(twin)
    head.modifiers.new("half", "MIRROR")
    with pytest.raises(RuntimeError, match="Mirror modifier"):
        bpy.ops.lipsync.create_shapes()
    assert head.data.shape_keys is None
