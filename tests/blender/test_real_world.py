# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters as they come: overridden from a library, odd sliders, partial shapes, shapes missing."""

import numpy as np
import pytest

from .conftest import curves

INNER_LIPS = 13, 14


@pytest.fixture(scope="module")
def prediction(speech):
    from benchmarks.rigs import predict

    return predict(speech)


def score(head, prediction):
    from benchmarks.rigs import LipPair
    from benchmarks.rigs import score as scored

    return scored(head, LipPair(head.name, *INNER_LIPS), prediction)


def without(head, *names):
    for part in (head, *head.children):
        for name in names:
            if part.data.shape_keys is not None and name in part.data.shape_keys.key_blocks:
                part.shape_key_remove(part.data.shape_keys.key_blocks[name])


def keys_of(head):
    """Values [T] by shape."""
    return {
        curve.data_path.split('"')[1]: np.array([point.co[1] for point in curve.keyframe_points])
        for curve in curves(head.data.shape_keys.animation_data.action)
    }


def test_lips_close_without_a_shape_that_closes_them(head, scene, prediction):
    without(head, "mouthClose")
    found = score(head, prediction)
    assert found.r > 0.95
    assert found.closed == found.closures > 5


def test_without_jaw_open_nothing_is_closed_by_mouth_close(head, scene, prediction):
    without(head, "jawOpen")
    found = score(head, prediction)
    assert "mouthClose" not in keys_of(head)
    assert found.closed == found.closures
    assert found.r > 0.7


def test_sliders_are_kept_and_a_shape_goes_no_further_than_it_was_made_for(head, scene, prediction):
    blocks = head.data.shape_keys.key_blocks
    blocks["jawOpen"].slider_max = 0.1
    blocks["mouthPucker"].slider_min, blocks["mouthPucker"].slider_max = -5.0, 5.0
    for side in ("Left", "Right"):
        blocks[f"mouthLowerDown{side}"].slider_max = 2.0
    score(head, prediction)
    keys = keys_of(head)
    assert keys["jawOpen"].max() == pytest.approx(0.1, abs=1e-5)
    assert keys["mouthPucker"].min() >= 0
    assert all(values.max() <= 1 + 1e-5 for values in keys.values())


def test_properties_that_count_to_100(head, scene, prediction):
    import bpy

    from benchmarks.rigs import baked
    from blender_addon.scene.character import character_of

    names = [block.name for block in head.data.shape_keys.key_blocks[1:]]
    for part in (head, *head.children):
        part.shape_key_clear()
    for name in names:
        head[name] = 0.0
        head.id_properties_ui(name).update(min=0.0, max=100.0)
    tracks = baked(character_of(head, bpy.context.scene), prediction).tracks
    jaw = tracks.values[:, tracks.names.index("jawOpen")]
    assert set(tracks.kinds) == {"property"}
    assert 10 < jaw.max() <= 100


def test_a_shape_relative_to_another_is_taken_as_what_it_adds(head, scene, addon):
    import bpy

    from blender_addon.scene.character import selected_character
    from blender_addon.scene.plan import fit_of

    blocks = head.data.shape_keys.key_blocks
    rest, jaw, close = (_points(blocks[name]) for name in ("Basis", "jawOpen", "mouthClose"))
    blocks["mouthClose"].data.foreach_set("co", jaw + close - rest)
    whole = fit_of(selected_character(bpy.context)).match
    assert not whole.map.ordered, "sculpted as a whole pose, it means both"
    blocks["mouthClose"].relative_key = blocks["jawOpen"]
    added = fit_of(selected_character(bpy.context)).match
    assert added.map.ordered == (("mouthClose", "jawOpen"),)


def test_a_vertex_group_limits_what_a_shape_means(head, scene, addon):
    import bpy

    from blender_addon.scene.character import selected_character
    from blender_addon.scene.plan import fit_of
    from blender_addon.scene.shapes import displacements

    blocks = head.data.shape_keys.key_blocks
    rest, jaw, close = (_points(blocks[name]) for name in ("Basis", "jawOpen", "mouthClose"))
    blocks["mouthClose"].data.foreach_set("co", jaw + close - rest)
    lips = np.flatnonzero(np.linalg.norm((close - rest).reshape(-1, 3), axis=1) > 1e-4)
    group = head.vertex_groups.new(name="lips")
    group.add(lips.tolist(), 0.5, "REPLACE")
    blocks["mouthClose"].vertex_group = "lips"
    character = selected_character(bpy.context)
    moved = displacements(character.faces[0], ["mouthClose"])["mouthClose"]
    assert np.flatnonzero(np.linalg.norm(moved, axis=1) > 1e-6).tolist() <= lips.tolist()
    assert np.allclose(moved[lips], 0.5 * (jaw + close - 2 * rest).reshape(-1, 3)[lips], atol=1e-6)
    assert fit_of(character).match.map.ordered == (("mouthClose", "jawOpen"),)


def _points(block):
    flat = np.empty(3 * len(block.data), np.float32)
    block.data.foreach_get("co", flat)
    return flat


def test_an_overridden_character_speaks_and_its_library_stays(head, scene, prediction, tmp_path):
    import bpy

    from blender_addon.scene.character import character_of

    collection = bpy.data.collections.new("hero")
    scene.collection.children.link(collection)
    for part in (head, *head.children):
        collection.objects.link(part)
        scene.collection.objects.unlink(part)
    rig = bpy.data.objects.new("rig", bpy.data.armatures.new("rig"))
    collection.objects.link(rig)
    rig["open"], head.parent = 0.0, rig
    curve = head.data.shape_keys.driver_add('key_blocks["jawOpen"].value')
    variable = curve.driver.variables.new()
    variable.name, curve.driver.expression = "var", "var"
    variable.targets[0].id, variable.targets[0].data_path = rig, '["open"]'
    library = tmp_path / "hero.blend"
    bpy.data.libraries.write(str(library), {collection})
    before = library.read_bytes()
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    with bpy.data.libraries.load(str(library), link=True) as (_, wanted):
        wanted.collections = ["hero"]
    linked = bpy.data.collections["hero"]
    scene.collection.children.link(linked)
    made = linked.override_hierarchy_create(scene, bpy.context.view_layer, do_fully_editable=True)
    skin = next(one for one in made.all_objects if one.name.startswith("Lip-sync head"))
    rig = next(one for one in made.all_objects if one.name.startswith("rig"))
    notes = character_of(skin, scene).notes
    found = score(skin, prediction)
    assert found.r > 0.95
    assert found.closed == found.closures
    assert [one.data_path for one in curves(rig.animation_data.action)] == ['["open"]']
    assert any("is linked from" in note and "teeth" in note for note in notes)
    assert library.read_bytes() == before


def test_a_linked_rig_says_what_to_do(scene, addon, tmp_path):
    import bpy
    from blender_addon.backend.core.errors import RigError

    from blender_addon.scene.character import character_of

    rig = bpy.data.objects.new("rig", bpy.data.armatures.new("rig"))
    rig["open"] = 0.0
    library = tmp_path / "rig.blend"
    bpy.data.libraries.write(str(library), {rig})
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    with bpy.data.libraries.load(str(library), link=True) as (_, wanted):
        wanted.objects = ["rig"]
    linked = bpy.data.objects["rig"]
    scene.collection.objects.link(linked)
    with pytest.raises(RigError, match="make a library override"):
        character_of(linked, scene)
