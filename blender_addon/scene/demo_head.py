# SPDX-License-Identifier: GPL-3.0-or-later
"""The procedural head of `core.head` as Blender objects: meshes, materials, UVs and shape keys."""

import bpy
import numpy as np
from mathutils import Matrix

from ..backend.core.head import MATERIALS, HeadPart, Material, demo_head

METRES_FROM_CM = 0.01
NAME = "Lip-sync head"


def add_demo_head(collection: bpy.types.Collection, scale: float = METRES_FROM_CM) -> list[bpy.types.Object]:
    """Add the head to a collection and return its parts; the skin comes first and holds the others.

    It looks along -Y with its up along Z, as Blender's front view expects.
    """
    materials = [_material(material) for material in MATERIALS]
    parts = [_part(part, materials, scale) for part in demo_head()]
    skin = parts[0]
    skin.name = NAME
    for part in parts:
        collection.objects.link(part)
        if part is not skin:
            part.parent = skin
    return parts


def _part(part: HeadPart, materials: list[bpy.types.Material], scale: float) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(part.name)
    mesh.from_pydata(in_blender(part.vertices_cm, scale), [], part.faces.tolist())
    used, index = np.unique(part.material_index, return_inverse=True)
    for slot in used.tolist():
        mesh.materials.append(materials[slot])
    mesh.polygons.foreach_set("material_index", index.astype(np.int32).ravel())
    mesh.polygons.foreach_set("use_smooth", np.ones(len(part.faces), bool))
    layer = mesh.uv_layers.new(name="UVMap")
    layer.data.foreach_set("uv", part.uv[part.faces.ravel()].ravel())
    mesh.update()
    thing = bpy.data.objects.new(part.name, mesh)
    if part.shapes:
        thing.shape_key_add(name="Basis", from_mix=False)
    for name, displacement in part.shapes.items():
        block = thing.shape_key_add(name=name, from_mix=False)
        block.data.foreach_set("co", in_blender(part.vertices_cm + displacement, scale).ravel())
        block.value = 0.0
    return thing


def in_blender(points_cm: np.ndarray, scale: float) -> np.ndarray:
    """Return canonical points [N, 3] (+Y up, +Z out of the face) with Z up and the face along -Y."""
    turned = np.asarray(Matrix.Rotation(np.pi / 2, 3, "X"), np.float32)
    return (points_cm.astype(np.float32) @ turned.T) * np.float32(scale)


def _material(material: Material) -> bpy.types.Material:
    made = bpy.data.materials.new(f"{NAME} {material.name}")
    if made.node_tree is None:  # before 5.0, which always has nodes and warns
        made.use_nodes = True
    made.diffuse_color = (*material.colour, 1.0)
    made.roughness = material.roughness
    shader = next(node for node in made.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Base Color"].default_value = (*material.colour, 1.0)
    shader.inputs["Roughness"].default_value = material.roughness
    shader.inputs["Subsurface Weight"].default_value = material.subsurface
    shader.inputs["Subsurface Scale"].default_value = METRES_FROM_CM
    return made
