# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure This Rig, on characters whose names say nothing."""

import json
import random

import numpy as np
import pytest

LIPS = ("lip_inner_upper", "lip_inner_lower")


@pytest.fixture
def user_folder(tmp_path, monkeypatch):
    """The user's folder of maps, for this test alone."""
    from blender_addon.scene import user_maps

    monkeypatch.setattr(user_maps, "folder", lambda **_given: tmp_path)
    return tmp_path


def rename(names):
    """Call every shape key by one of some names in shuffled order; return new -> old."""
    import bpy

    blocks = [block for key in bpy.data.shape_keys for block in key.key_blocks[1:]]
    old = sorted({block.name for block in blocks})
    random.Random(5).shuffle(old)
    new = {name: names(number) for number, name in enumerate(old, start=1)}
    for block in blocks:
        block.name = new[block.name]
    return {key: name for name, key in new.items()}


def jaw_rig(head):
    """Put the head on an armature of one bone that opens the mouth, without any shape keys; return the armature."""
    import bpy

    skin = np.empty(3 * len(head.data.vertices), np.float32)
    head.data.shape_keys.key_blocks["jawOpen"].data.foreach_get("co", skin)
    rest = np.empty_like(skin)
    head.data.vertices.foreach_get("co", rest)
    moved = np.linalg.norm((skin - rest).reshape(-1, 3), axis=1)
    for mesh in (head, *head.children):
        if mesh.data.shape_keys is not None:
            mesh.shape_key_clear()
    rig = bpy.data.objects.new("rig", bpy.data.armatures.new("rig"))
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    for name, end in (("骨1", (0, -0.1, -0.09)), ("骨2", (0, 0.1, 0.1))):
        bone = rig.data.edit_bones.new(name)
        bone.head, bone.tail = (0, 0.044, -0.024), end
    bpy.ops.object.mode_set(mode="OBJECT")
    groups = [head.vertex_groups.new(name=name) for name in ("骨1", "骨2")]
    for index, share in enumerate((moved / moved.max()).tolist()):
        groups[0].add([index], share, "REPLACE")
        groups[1].add([index], 1 - share, "REPLACE")
    head.modifiers.new("rig", "ARMATURE").object = rig
    head.select_set(True)
    bpy.context.view_layer.objects.active = head
    return rig


def values():
    """Return what every shape key is set to."""
    import bpy

    return {(key.name, block.name): block.value for key in bpy.data.shape_keys for block in key.key_blocks}


def test_shapes_without_meaning_names_are_mapped(head, user_folder):
    import bpy

    from backend.retarget.maps import load_map

    old = rename(lambda number: f"Форма.{number:03d}")
    head.data.shape_keys.key_blocks["Форма.007"].value = 0.3
    before = values()
    assert bpy.ops.lipsync.measure_rig() == {"FINISHED"}
    assert values() == before
    made = load_map(next(user_folder.glob("measured-*.json")))
    first = {old[c.name]: max(c.weights, key=c.weights.get) for c in made.controls}
    mouth = [name for name in old.values() if name.startswith(("jaw", "mouth"))]
    assert sum(first.get(name) == name for name in mouth) > 0.8 * len(mouth)
    assert all(0 < control.confidence <= 1 for control in made.controls)

    from blender_addon.scene.character import selected_character
    from blender_addon.scene.plan import match_of

    match = match_of(selected_character(bpy.context).names, str(next(user_folder.glob("*.json"))))
    assert match.refusal is None
    assert all(matched.names == (matched.control.name,) for matched in match.controls)


def test_a_jaw_that_is_a_bone_is_measured(head, user_folder, dump):
    import bpy

    jaw_rig(head)
    head.parent = None
    before = dump()
    assert bpy.ops.lipsync.measure_rig() == {"FINISHED"}
    assert dump() == before
    entries = json.loads(next(user_folder.glob("*.json")).read_text(encoding="utf-8"))["controls"]
    assert {name for entry in entries for name in entry.get("aliases", [entry["name"]])} == {"骨1"}
    turns = [entry for entry in entries if entry["channel"] == "rotation"]
    opening = max(turns, key=lambda entry: entry["weights"].get("jawOpen", 0) * entry["confidence"])
    assert opening["weights"]["jawOpen"] > 0.4
    assert opening["signed"]
    assert abs(opening["full"]) == pytest.approx(20.0)


def test_no_face_is_refused_with_a_reason(scene, user_folder, dump):
    import bpy

    bpy.ops.mesh.primitive_monkey_add()
    bpy.ops.mesh.primitive_torus_add()
    torus = bpy.context.object
    for name in ("Basis", "Key 1", "Key 2"):
        torus.shape_key_add(name=name)
    torus.data.shape_keys.key_blocks["Key 1"].data[3].co.z += 0.5
    for block in torus.data.shape_keys.key_blocks:
        block.value = 0.0
    bpy.context.view_layer.update()  # the bounding box follows only now
    before = dump()
    with pytest.raises(RuntimeError, match=r"no mouth|no face|proportions"):
        bpy.ops.lipsync.measure_rig()
    assert dump() == before
    assert list(user_folder.iterdir()) == []


def test_shapes_that_do_not_open_the_mouth_are_refused(head, user_folder):
    import bpy

    for mesh in (head, *head.children):
        for block in list(mesh.data.shape_keys.key_blocks[1:]) if mesh.data.shape_keys else ():
            if not block.name.startswith(("brow", "eye")):
                mesh.shape_key_remove(block)
    with pytest.raises(RuntimeError, match="nothing parts the lips"):
        bpy.ops.lipsync.measure_rig()


def test_it_says_what_to_select(scene):
    import bpy

    assert not bpy.ops.lipsync.measure_rig.poll()
