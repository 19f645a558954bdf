# SPDX-License-Identifier: GPL-3.0-or-later
"""A talking head without a window: the scene it goes into, and the files that are made of it."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import bpy

from ..backend.core.errors import OutputError
from ..backend.core.puppet.head_glb import track_json
from ..backend.core.timebase import exact_fps
from ..jobs.head import HeadClip
from .exporting import Writer, save_blend, write_outputs
from .head_export import EngineLook, engine_writer
from .head_material import TEXTURE
from .importing import IMPORTED_FPS

TRACK_ENDING = ".flipbook.json"


def open_scene(fps: float | None) -> bpy.types.Scene:
    """Return the open file's scene, or an empty one where no file is open, at a frame rate where one is given."""
    if not bpy.data.filepath:
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        set_fps(bpy.context.scene, IMPORTED_FPS)
    if fps is not None:
        set_fps(bpy.context.scene, fps)
    return bpy.context.scene


def set_fps(scene: bpy.types.Scene, fps: float) -> None:
    """Set a scene's frame rate; the NTSC rates exactly."""
    rate = exact_fps(fps)
    scene.render.fps = -(-rate.numerator // rate.denominator)
    scene.render.fps_base = float(scene.render.fps / rate)


def pictures_folder(outputs: Mapping[str, Path], texture: str, temporary: Path) -> Path | None:
    """Return where a sequence's pictures go: beside the .blend that is saved, else into a temporary folder."""
    if texture != "sequence":
        return None
    blend = outputs.get("save")
    return temporary / "texture" if blend is None else blend.with_name(f"{blend.stem}_texture")


def write(
    thing: bpy.types.Object, clip: HeadClip, sound: Path, outputs: Mapping[str, Path], look: EngineLook
) -> list[Path]:
    """Write a head's files and return them; beside one for engines its flip-book's track and the sound.

    Raises:
        OutputError: no space, or Blender could not write; nothing is written then.
    """
    paths: dict[str, Path] = {}
    writers: dict[str, Writer] = {"save": lambda path: _save(thing, path)}
    for kind, path in outputs.items():
        paths[kind] = path
        if kind != "export":
            continue
        beside = path.with_suffix(sound.suffix.lower())
        writers["export"] = engine_writer(thing, clip, path.suffix.lower(), look)
        if not (beside.exists() and beside.samefile(sound)):
            paths["sound"] = beside
            writers["sound"] = lambda path: _copy(sound, path)
        if clip.book is not None:
            paths["track"] = path.with_suffix(TRACK_ENDING)
            text = track_json(clip.book, clip.times_s, beside.name)
            writers["track"] = lambda path, text=text: _write_text(path, text)
    write_outputs(paths, writers)
    return list(paths.values())


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise OutputError(f"cannot copy {source} to {target.parent}: {error.strerror}; free some space") from error


def _save(thing: bpy.types.Object, path: Path) -> None:
    with _relative_pictures(thing, path.parent):
        save_blend(path)


@contextmanager
def _relative_pictures(thing: bpy.types.Object, folder: Path) -> Iterator[None]:
    """Let the texture's pictures be found beside the saved file, wherever both are moved."""
    material = thing.active_material
    texture = material.node_tree.nodes.get(TEXTURE) if material is not None else None
    image = None if texture is None else texture.image
    absolute = None if image is None else image.filepath
    is_beside = image is not None and image.source == "SEQUENCE" and Path(absolute).parent.parent == folder
    if is_beside:
        image.filepath = f"//{Path(absolute).parent.name}/{Path(absolute).name}"
    try:
        yield
    finally:
        if is_beside:
            image.filepath = absolute
