# SPDX-License-Identifier: GPL-3.0-or-later
import pytest

SHAPES = ("jawOpen", "mouthClose", "mouthPucker", "mouthFunnel")


@pytest.fixture
def character(addon):
    from blender_addon.scene import character

    return character


@pytest.fixture
def rig_error(addon):
    from blender_addon.backend.core.errors import RigError

    return RigError


def mesh(scene, name, shapes, parent=None):
    import bpy

    thing = bpy.data.objects.new(name, bpy.data.meshes.new(name))
    thing.data.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    for shape in ("Basis", *shapes) if shapes else ():
        thing.shape_key_add(name=shape, from_mix=False)
    thing.parent = parent
    scene.collection.objects.link(thing)
    return thing


def armature(scene, name):
    import bpy

    rig = bpy.data.objects.new(name, bpy.data.armatures.new(name))
    scene.collection.objects.link(rig)
    return rig


def worn(found):
    return {face.object_name for face in found.faces}


def test_a_mesh_stands_for_those_that_share_its_shapes(scene, character):
    rig = armature(scene, "rig")
    head = mesh(scene, "head", SHAPES, rig)
    mesh(scene, "teeth", SHAPES[:1], rig)
    mesh(scene, "tail", ("wag",), rig)
    hair = mesh(scene, "hair", (), rig)
    mesh(scene, "another's head", SHAPES, armature(scene, "another"))
    assert worn(character.character_of(head, scene)) == {"head", "teeth"}
    assert worn(character.character_of(rig, scene)) == {"head", "teeth", "tail"}
    assert worn(character.character_of(hair, scene)) == {"head", "teeth", "tail"}
    assert len(character.characters(scene)) == 2


def test_an_armature_modifier_holds_a_character_together(scene, character):
    rig = armature(scene, "rig")
    things = [mesh(scene, name, SHAPES) for name in ("head", "teeth")]
    for thing in things:
        thing.modifiers.new("Armature", "ARMATURE").object = rig
    assert worn(character.character_of(things[0], scene)) == {"head", "teeth"}


def test_loose_meshes_belong_together_when_selected(scene, character):
    head, teeth = mesh(scene, "head", SHAPES), mesh(scene, "teeth", SHAPES)
    assert worn(character.character_of(head, scene)) == {"head"}
    assert worn(character.character_of(head, scene, [head, teeth])) == {"head", "teeth"}


def test_sliders_of_every_mesh_are_respected(scene, character):
    head, teeth = mesh(scene, "head", SHAPES), mesh(scene, "teeth", SHAPES)
    head.data.shape_keys.key_blocks["jawOpen"].slider_max = 2.0
    teeth.data.shape_keys.key_blocks["jawOpen"].slider_max = 0.5
    teeth.data.shape_keys.key_blocks["jawOpen"].slider_min = -1.0
    assert character.character_of(head, scene, [teeth]).limits["jawOpen"] == (0.0, 0.5)


def test_driven_shapes_are_left_to_their_drivers(scene, character):
    head = mesh(scene, "head", SHAPES)
    head.data.shape_keys.driver_add('key_blocks["jawOpen"].value')
    found = character.character_of(head, scene)
    assert found.faces[0].driven == ("jawOpen",)
    assert "jawOpen" not in found.names.shapes
    assert "drivers" in found.notes[0]


def test_what_cannot_be_keyed_is_refused_with_the_reason(scene, character, rig_error):
    plain = mesh(scene, "plain", ())
    with pytest.raises(rig_error, match="no shape keys"):
        character.character_of(plain, scene)
    absolute = mesh(scene, "absolute", SHAPES)
    absolute.data.shape_keys.use_relative = False
    with pytest.raises(rig_error, match=r"absolute.*Relative"):
        character.character_of(absolute, scene)


def test_linked_shapes_are_refused_until_overridden(scene, character, rig_error, tmp_path):
    import bpy

    library = tmp_path / "library.blend"
    head = mesh(scene, "head", SHAPES)
    bpy.data.libraries.write(str(library), {head})
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(library), link=True) as (_, wanted):
        wanted.objects = ["head"]
    scene = bpy.context.scene
    linked = bpy.data.objects["head"]
    scene.collection.objects.link(linked)
    with pytest.raises(rig_error, match=r"linked from .*library\.blend; make a library override"):
        character.character_of(linked, scene)


def test_a_character_that_changed_meanwhile_is_an_error(scene, character, rig_error):
    import bpy

    from blender_addon.scene.controls import key_of

    head = mesh(scene, "head", SHAPES)
    (face,) = character.character_of(head, scene).faces
    assert key_of(face) == head.data.shape_keys
    bpy.data.objects.remove(head)
    bpy.data.meshes.remove(bpy.data.meshes["head"])
    with pytest.raises(rig_error, match="run it again"):
        key_of(face)


def test_muted_shape_keys_and_actions_that_do_not_play_are_told(scene, character, rig_error):
    head = mesh(scene, "head", SHAPES)
    keys = head.data.shape_keys
    keys.key_blocks["jawOpen"].mute = True
    found = character.character_of(head, scene)
    assert found.names.shapes == SHAPES[1:]
    assert found.notes == ("head: 1 shape keys are muted and stay so",)
    track = keys.animation_data_create().nla_tracks.new()
    track.is_solo = True
    with pytest.raises(rig_error, match="does not play"):
        character.character_of(head, scene)
