# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bare head needs to be filmed: a camera that holds all of it, a plain background, colours as they are."""

import bpy
import numpy as np
from numpy.typing import NDArray

LENS_MM, SENSOR_MM = 85.0, 36.0
MARGIN = 1.16
"""Of the picture's height to the face's, with room for a jaw that drops."""
CHIN_SHARE = 0.03
"""Part of the face's height by which the middle lies lower."""
MOVED_SHARE = 1e-3
"""Of a mesh's size; what a shape key moves less is not framed for it."""
BACKGROUND = (0.02, 0.022, 0.026)
ENGINES = {"workbench": ("BLENDER_WORKBENCH",), "eevee": ("BLENDER_EEVEE_NEXT", "BLENDER_EEVEE"), "cycles": ("CYCLES",)}
"""What people write: what Blender calls it, which changed with 5.0."""
CYCLES_SAMPLES = 16


def film(scene: bpy.types.Scene, thing: bpy.types.Object, size_px: int, engine: str) -> None:
    """Frame a head by a new camera from ahead, square, and set up the picture.

    Of a mesh that is more than a head, only what its shape keys move is framed.
    """
    points = _moving(thing.data) @ np.array(thing.matrix_world, np.float64)[:3, :3].T
    low, high = points.min(axis=0), points.max(axis=0)
    width, depth, height = (high - low).tolist()
    camera = bpy.data.cameras.new("Talking head camera")
    camera.lens, camera.sensor_width = LENS_MM, SENSOR_MM
    stand = bpy.data.objects.new(camera.name, camera)
    distance = max(width, height) * MARGIN * LENS_MM / SENSOR_MM
    middle = (low + high) / 2
    stand.location = thing.matrix_world.translation
    stand.location.x += float(middle[0])
    stand.location.y += float(low[1]) - distance + depth / 3
    stand.location.z += float(middle[2]) - CHIN_SHARE * height
    stand.rotation_euler = (np.pi / 2, 0.0, 0.0)
    camera.clip_start = distance / 100
    scene.collection.objects.link(stand)
    scene.camera = stand
    scene.render.resolution_x = scene.render.resolution_y = size_px
    scene.render.resolution_percentage = 100
    _set_look(scene, engine)


def _moving(mesh: bpy.types.Mesh) -> NDArray[np.float64]:
    """Return the vertices [N, 3] that shape keys move, all where nothing does."""
    flat = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", flat)
    rest = flat.reshape(-1, 3).astype(np.float64)
    moved = np.zeros(len(rest), bool)
    for block in mesh.shape_keys.key_blocks[1:] if mesh.shape_keys is not None else ():
        block.data.foreach_get("co", flat)
        moved |= np.abs(flat.reshape(-1, 3) - rest).max(axis=1) > MOVED_SHARE * np.ptp(rest)
    return rest[moved] if moved.any() else rest


def _set_look(scene: bpy.types.Scene, engine: str) -> None:
    scene.render.engine = ENGINES[engine][bpy.app.version >= (5, 0, 0) and len(ENGINES[engine]) > 1]
    scene.view_settings.view_transform, scene.view_settings.look = "Standard", "None"
    world = scene.world or bpy.data.worlds.new("Talking head")
    scene.world = world
    world.color = BACKGROUND
    if world.node_tree is None:
        world.use_nodes = True
    background = next((node for node in world.node_tree.nodes if node.type == "BACKGROUND"), None)
    if background is not None:
        background.inputs["Color"].default_value = (*BACKGROUND, 1.0)
    if engine == "workbench":
        shading = scene.display.shading
        shading.light, shading.color_type = "FLAT", "TEXTURE"
        shading.background_type = "WORLD"
    if engine == "cycles":
        scene.cycles.samples, scene.cycles.use_denoising = CYCLES_SAMPLES, False
