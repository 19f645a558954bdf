# SPDX-License-Identifier: GPL-3.0-or-later
"""The material of a talking head: its texture is still, a picture a frame, or a flip-book's page.

By default the texture glows by itself, since it shows the light of the video already; lit, it is the skin's colour.
EEVEE, Cycles and the solid view with texture colours show the same.
"""

from contextlib import ExitStack
from pathlib import Path

import bpy

from ..backend.core.png import png_bytes
from ..jobs.head import HeadClip, picture_name
from .pictures import jpeg_bytes

TEXTURE = "Texture"
ROUGHNESS = 0.6


def make_material(
    name: str, clip: HeadClip, *, lit: bool, jpeg: bool, first_frame: int, undo: ExitStack
) -> bpy.types.Material:
    """Make the material; `undo` then knows how to take it away.

    Args:
        name: of the head.
        clip: with the texture: a folder of pictures, else a book, else a still one, else none.
        lit: whether the scene's lights fall on it.
        jpeg: whether a packed picture is JPEG instead of PNG.
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
    image = _image(name, clip, jpeg)
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
    tree.nodes.active = texture  # what the solid view shows
    if lit:
        tree.links.new(texture.outputs["Color"], shader.inputs["Base Color"])
    else:
        shader.inputs["Base Color"].default_value = (0.0, 0.0, 0.0, 1.0)
        shader.inputs["Specular IOR Level"].default_value = 0.0
        shader.inputs["Emission Strength"].default_value = 1.0
        tree.links.new(texture.outputs["Color"], shader.inputs["Emission Color"])
    return material


def _image(name: str, clip: HeadClip, jpeg: bool) -> bpy.types.Image | None:
    if clip.pictures is not None:
        first = str(clip.pictures / picture_name(0))
        beside = bpy.data.filepath and Path(bpy.data.filepath).parent == clip.pictures.parent
        image = bpy.data.images.load(bpy.path.relpath(first) if beside else first)
        image.source = "SEQUENCE"
    elif clip.book is not None or clip.reference_atlas is not None:
        picture = clip.reference_atlas if clip.book is None else clip.book.page
        assert picture is not None
        image = bpy.data.images.new(name, *picture.shape[1::-1])
        data = jpeg_bytes(picture) if jpeg else png_bytes(picture)
        image.pack(data=data, data_len=len(data))
        image.source = "FILE"
    else:
        return None
    image.name = f"{name} texture"
    image.colorspace_settings.name = "sRGB"
    return image
