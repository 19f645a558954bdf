# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets the head in the open scene up for filming: camera, three lights, a backdrop colour; Cycles on the processor,
so that it works without a display or a graphics card."""

from collections.abc import Sequence
from dataclasses import dataclass

import bpy
from mathutils import Vector

LIGHTS = (  # place relative to the head's middle in its heights, watts at height 1, size in heights
    ((-0.9, -1.5, 0.9), 45.0, 0.8),
    ((1.3, -1.0, 0.2), 14.0, 1.2),
    ((0.5, 1.1, 0.9), 50.0, 0.6),
)
"""Key, fill and rim."""
BACKDROP = (0.055, 0.065, 0.085, 1.0)
LENS_MM = 85.0
FACE_SHARE = 0.6
"""How far up the head with its neck the picture's middle lies."""


@dataclass(frozen=True)
class Shot:
    """How the film is taken."""

    size_px: int = 400
    """Width and height."""
    samples: int = 3
    """Light paths a pixel; the denoiser does the rest."""
    field: float = 0.78
    """Height of the picture, in heights of the head with its neck."""


def set_up(parts: Sequence[bpy.types.Object], shot: Shot) -> None:
    """Aim a camera and three lights at a head that looks along -Y, and choose the renderer."""
    low, high = _bounds(parts)
    height = high.z - low.z
    middle = Vector(((low.x + high.x) / 2, (low.y + high.y) / 2, low.z + FACE_SHARE * height))
    scene = bpy.context.scene
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.data.lens = LENS_MM
    distance = height * shot.field * LENS_MM / camera.data.sensor_width
    camera.location = middle + Vector((0.18, -1.0, 0.04)).normalized() * distance
    _aim(camera, middle)
    camera.data.clip_start = distance / 100
    scene.collection.objects.link(camera)
    scene.camera = camera
    for place, watts, size in LIGHTS:
        lamp = bpy.data.lights.new("Light", "AREA")
        lamp.energy, lamp.size = watts * height**2, size * height
        light = bpy.data.objects.new("Light", lamp)
        light.location = middle + Vector(place) * height
        _aim(light, middle)
        scene.collection.objects.link(light)
    scene.world = scene.world or bpy.data.worlds.new("World")
    scene.world.color = BACKDROP[:3]
    if scene.world.node_tree and (background := scene.world.node_tree.nodes.get("Background")):
        background.inputs[0].default_value = BACKDROP
    _renderer(scene, shot)


def without_subsurface() -> None:
    """Make every material opaque: light under the skin costs a third of a frame and hardly shows at this size."""
    for material in bpy.data.materials:
        for node in material.node_tree.nodes if material.node_tree else ():
            if node.type == "BSDF_PRINCIPLED":
                node.inputs["Subsurface Weight"].default_value = 0.0


def _renderer(scene: bpy.types.Scene, shot: Shot) -> None:
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = shot.samples
    scene.cycles.use_denoising = True
    scene.cycles.denoising_quality, scene.cycles.denoising_prefilter = "FAST", "NONE"
    scene.cycles.denoising_input_passes = "RGB"
    scene.cycles.max_bounces = 2
    scene.cycles.use_light_tree = False  # for three lights it costs more than it saves
    scene.render.use_persistent_data = True  # the scene stays loaded between frames
    scene.render.resolution_x = scene.render.resolution_y = shot.size_px
    scene.render.resolution_percentage = 100
    scene.view_settings.view_transform = "AgX"


def _bounds(parts: Sequence[bpy.types.Object]) -> tuple[Vector, Vector]:
    corners = [part.matrix_world @ Vector(corner) for part in parts for corner in part.bound_box]
    return Vector(map(min, zip(*corners, strict=True))), Vector(map(max, zip(*corners, strict=True)))


def _aim(thing: bpy.types.Object, at: Vector) -> None:
    thing.rotation_euler = (at - thing.location).to_track_quat("-Z", "Y").to_euler()
