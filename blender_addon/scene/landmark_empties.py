# SPDX-License-Identifier: GPL-3.0-or-later
"""The dozen landmarks of a face as empties that can be dragged."""

import bpy
import numpy as np
from mathutils import Vector
from numpy.typing import NDArray

from ..backend.fit.landmarks import LANDMARKS

MARK, OF = "lipsync3d_landmark", "lipsync3d_landmark_of"
"""Custom properties of an empty: which landmark it is, and of which object."""
COLLECTION = "Lip-sync landmarks"
SIZE = 0.02
"""Radius of an empty, in parts of the face's height."""

Doubles = NDArray[np.float64]


def add(face: bpy.types.Object, places: dict[str, Doubles], scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """Put an empty at each landmark [3] (world space) of a face; those of an earlier time go."""
    remove(face, scene)
    collection = bpy.data.collections.get(COLLECTION) or bpy.data.collections.new(COLLECTION)
    if collection.name not in scene.collection.children:
        scene.collection.children.link(collection)
    every = np.stack(list(places.values()))
    made: list[bpy.types.Object] = []
    for name, place in places.items():
        empty = bpy.data.objects.new(name, None)
        empty.empty_display_type, empty.empty_display_size = "SPHERE", SIZE * float(np.ptp(every, axis=0).max())
        empty.show_name = empty.show_in_front = True
        empty.location = Vector(place)
        empty[MARK], empty[OF] = name, face.name
        collection.objects.link(empty)
        made.append(empty)
    return made


def of(face: bpy.types.Object, scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """Return the empties of a face."""
    return [thing for thing in scene.objects if thing.get(OF) == face.name and thing.get(MARK) in LANDMARKS]


def places(face: bpy.types.Object, scene: bpy.types.Scene) -> dict[str, Doubles]:
    """Return where the landmarks of a face were put, world space; empty where there are none."""
    return {empty[MARK]: np.array(empty.matrix_world.translation, np.float64) for empty in of(face, scene)}


def remove(face: bpy.types.Object, scene: bpy.types.Scene) -> None:
    """Take the empties of a face away, and their collection with the last one."""
    for empty in of(face, scene):
        bpy.data.objects.remove(empty)
    collection = bpy.data.collections.get(COLLECTION)
    if collection is not None and not collection.all_objects:
        bpy.data.collections.remove(collection)
