# SPDX-License-Identifier: GPL-3.0-or-later
"""Cost of writing keys into Blender: a long clip on all 52 shapes at once."""

import time
from pathlib import Path

import numpy as np

from backend.core.blendshapes import ARKIT_NAMES

from .figure import Figure

MINUTES, FPS = 11, 30


def bake(folder: Path) -> Figure:
    """Seconds to write 11 minutes of 52 curves at 30 fps into a new Action; `folder` is not used."""
    del folder
    import bpy

    from blender_addon.scene import actions
    from blender_addon.scene.places import shape_path

    bpy.ops.wm.read_factory_settings(use_empty=True)
    mesh = bpy.data.meshes.new("face")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    face = bpy.data.objects.new("face", mesh)
    for name in ("Basis", *ARKIT_NAMES):
        face.shape_key_add(name=name)
    frames = np.arange(MINUTES * 60 * FPS, dtype=np.float64)
    wave = (0.5 + 0.5 * np.sin(frames / 7)).astype(np.float32)
    curves = dict.fromkeys((actions.Curve(shape_path(name)) for name in ARKIT_NAMES), wave)
    began = time.perf_counter()
    actions.write(mesh.shape_keys, "benchmark", actions.Tracks(frames, curves))
    seconds = time.perf_counter() - began
    keys = len(frames) * len(ARKIT_NAMES)
    return Figure(f"baking {MINUTES} min x {len(ARKIT_NAMES)} shapes x {FPS} fps ({keys:,} keys)", seconds, "s", 5.0)
