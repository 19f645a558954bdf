# SPDX-License-Identifier: GPL-3.0-or-later
"""The material of a talking head: its texture still, as a picture a frame, or as a page that is leafed through.

By default the texture glows by itself, since it shows the light of the video already; lit, it is the skin's colour.
EEVEE, Cycles and the solid view with texture colours show the same.
"""

from contextlib import ExitStack
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from ..backend.core.png import png_bytes
from ..backend.core.puppet.head_glb import changes
from ..jobs.head import HeadClip, picture_name
from . import actions

FLIP_BOOK = "Flip-book"
TEXTURE = "Texture"
LOCATION, SCALE = "Location", "Scale"
ROUGHNESS = 0.6


def make_material(name: str, clip: HeadClip, *, lit: bool, first_frame: int, undo: ExitStack) -> bpy.types.Material:
    """Make the material; `undo` then knows how to take it away.

    Args:
        name: of the head.
        clip: with the texture: a folder of pictures, else a book, else a still one, else none.
        lit: whether the scene's lights fall on it.
        first_frame: scene frame of the first picture.
        undo: takes back what is made.
    """
    material = bpy.data.materials.new(name)
    undo.callback(bpy.data.materials.remove, material)
    if material.node_tree is None:  # before 5.0, which always has nodes and warns
        material.use_nodes = True
    tree = material.node_tree
    shader = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Roughness"].default_value = ROUGHNESS
    image = _image(name, clip)
    if image is None:
        return material
    undo.callback(bpy.data.images.remove, image)
    texture = tree.nodes.new("ShaderNodeTexImage")
    texture.name, texture.image, texture.extension = TEXTURE, image, "EXTEND"
    texture.location = (shader.location.x - 360, shader.location.y)
    if image.source == "SEQUENCE":
        user = texture.image_user
        user.frame_start, user.frame_duration, user.frame_offset = first_frame, len(clip.times_s), 0
        user.use_auto_refresh, user.use_cyclic = True, False
    elif clip.book is not None:
        _add_mapping(tree, texture, clip)
    tree.nodes.active = texture  # what the solid view shows
    if lit:
        tree.links.new(texture.outputs["Color"], shader.inputs["Base Color"])
    else:
        shader.inputs["Base Color"].default_value = (0.0, 0.0, 0.0, 1.0)
        shader.inputs["Specular IOR Level"].default_value = 0.0
        shader.inputs["Emission Strength"].default_value = 1.0
        tree.links.new(texture.outputs["Color"], shader.inputs["Emission Color"])
    return material


def key_flip_book(material: bpy.types.Material, clip: HeadClip, frames: NDArray[np.float64]) -> bpy.types.Action:
    """Key which tile of the page shows, in steps; frames [T] are those of the clip in the scene."""
    assert clip.book is not None
    at = changes(clip.book)
    where = f'nodes["{FLIP_BOOK}"].inputs[{_input_index(material.node_tree, LOCATION)}].default_value'
    offsets = _locations(clip)[at]
    values = {actions.Curve(where, axis, FLIP_BOOK): offsets[:, axis] for axis in range(2)}
    return actions.write(material.node_tree, material.name, actions.Tracks(frames[at], values, stepped=True))


def _image(name: str, clip: HeadClip) -> bpy.types.Image | None:
    if clip.pictures is not None:
        first = str(clip.pictures / picture_name(0))
        beside = bpy.data.filepath and Path(bpy.data.filepath).parent == clip.pictures.parent
        image = bpy.data.images.load(bpy.path.relpath(first) if beside else first)
        image.source = "SEQUENCE"
    elif clip.book is not None or clip.reference_atlas is not None:
        picture = clip.reference_atlas if clip.book is None else clip.book.page
        assert picture is not None
        image = bpy.data.images.new(name, *picture.shape[1::-1])
        data = png_bytes(picture)
        image.pack(data=data, data_len=len(data))
        image.source = "FILE"
    else:
        return None
    image.name = f"{name} texture"
    image.colorspace_settings.name = "sRGB"
    return image


def _add_mapping(tree: bpy.types.NodeTree, texture: bpy.types.Node, clip: HeadClip) -> None:
    assert clip.book is not None
    coordinates = tree.nodes.new("ShaderNodeTexCoord")
    mapping = tree.nodes.new("ShaderNodeMapping")
    mapping.name = mapping.label = FLIP_BOOK
    mapping.location = (texture.location.x - 240, texture.location.y)
    coordinates.location = (mapping.location.x - 220, mapping.location.y)
    mapping.inputs[SCALE].default_value = (1 / clip.book.columns, 1 / clip.book.rows, 1.0)
    mapping.inputs[LOCATION].default_value = (*_locations(clip)[0].tolist(), 0.0)
    tree.links.new(coordinates.outputs["UV"], mapping.inputs["Vector"])
    tree.links.new(mapping.outputs["Vector"], texture.inputs["Vector"])


def _locations(clip: HeadClip) -> NDArray[np.float32]:
    """Return [T, 2] where the tiles begin, v upwards."""
    assert clip.book is not None
    offsets = clip.book.offsets()
    return np.stack([offsets[:, 0], 1 - 1 / clip.book.rows - offsets[:, 1]], axis=-1).astype(np.float32)


def _input_index(tree: bpy.types.NodeTree, name: str) -> int:
    return [socket.name for socket in tree.nodes[FLIP_BOOK].inputs].index(name)


def sequence_folder(material: bpy.types.Material) -> Path | None:
    """Return where the pictures of a head's material lie; None where it has none."""
    texture = material.node_tree.nodes.get(TEXTURE)
    if texture is None or texture.image is None or texture.image.source != "SEQUENCE":
        return None
    return Path(bpy.path.abspath(texture.image.filepath)).parent
