# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens a character's file, whatever its kind, for the terminal."""

from pathlib import Path

import bpy

from ..backend.core.errors import RigError
from ..terminal import KINDS
from .window import in_window

IMPORTED_FPS = 30
"""Frame rate of the fresh scene that a file without one is imported into."""


def open_character(path: Path) -> None:
    """Replace the open scene by a character's file; scripts inside a .blend do not run.

    Raises:
        RigError: missing, of an unknown kind, or damaged.
    """
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise RigError(f"{path}: unknown kind of character {kind!r}; give a file ending in {', '.join(KINDS)}")
    if not path.is_file():
        raise RigError(f"{path}: no such character file; check the path")
    try:
        _open(path, kind)
    except (RuntimeError, ValueError, KeyError, IndexError, OSError) as error:  # what the importers raise on damage
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise RigError(f"{path}: Blender cannot open it ({lines[-1]}); export the character again") from error


def _open(path: Path, kind: str) -> None:
    if kind == ".blend":
        bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, use_scripts=False)
        return
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = IMPORTED_FPS, 1.0
    with in_window():
        if kind in (".glb", ".gltf"):
            done = bpy.ops.import_scene.gltf(filepath=str(path))
        elif kind == ".fbx":
            done = bpy.ops.import_scene.fbx(filepath=str(path))
        else:
            done = bpy.ops.wm.obj_import(filepath=str(path))
    if "FINISHED" not in done:
        raise RuntimeError("the importer refused it")
