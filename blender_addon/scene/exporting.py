# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the scene as .blend, .glb or .mp4; each beside its target first, all renamed together at the end."""

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import bpy

from ..backend.core.errors import OutputError
from ..backend.core.files import written_beside
from .window import in_window


def save_blend(path: Path) -> None:
    """Write a copy of the open file."""
    bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True, compress=True, check_existing=False)


def export_glb(path: Path) -> None:
    """Write the scene's objects and the Actions that play on them; time 0 is the scene's first frame."""
    options: dict[str, object] = {
        "export_format": "GLB",
        "export_animations": True,
        "export_animation_mode": "ACTIVE_ACTIONS",
        "export_frame_range": True,
        "export_anim_slide_to_zero": True,
        "export_morph_animation": True,
        "export_optimize_animation_size": False,
    }
    bpy.ops.export_scene.gltf(filepath=str(path), check_existing=False, **options)


def export_still_glb(path: Path) -> None:
    """Write the scene's objects without any motion."""
    bpy.ops.export_scene.gltf(filepath=str(path), check_existing=False, export_format="GLB", export_animations=False)


def export_fbx(path: Path) -> None:
    """Write the scene's objects and the Actions that play on them."""
    options: dict[str, object] = {
        "bake_anim": True,
        "bake_anim_use_all_actions": False,
        "bake_anim_use_nla_strips": False,
        "bake_anim_simplify_factor": 0.0,
        "add_leaf_bones": False,
    }
    bpy.ops.export_scene.fbx(filepath=str(path), check_existing=False, **options)


def export_usd(path: Path) -> None:
    """Write the scene over its frame range.

    Raises:
        OutputError: this Blender was built without USD.
    """
    if not bpy.app.build_options.usd:
        raise OutputError(f"cannot write {path.name}: this Blender was built without USD; use one from blender.org")
    bpy.ops.wm.usd_export(filepath=str(path), check_existing=False, export_animation=True, export_shapekeys=True)


def render_mp4(path: Path) -> None:
    """Render the scene's frame range, with its sound, as H.264 with AAC."""
    scene = bpy.context.scene
    if scene.camera is None:
        raise OutputError(f"cannot render {path.name}: the scene has no camera; add one, or leave --render")
    render = scene.render
    if "media_type" in render.image_settings.bl_rna.properties:  # from 5.0
        render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    render.ffmpeg.format, render.ffmpeg.codec = "MPEG4", "H264"
    render.ffmpeg.constant_rate_factor, render.ffmpeg.audio_codec = "MEDIUM", "AAC"
    # H.264 halves the colour channels: odd sizes cannot be written
    render.resolution_x += render.resolution_x % 2
    render.resolution_y += render.resolution_y % 2
    render.use_file_extension = False
    render.filepath = str(path)
    bpy.ops.render.render(animation=True)


WRITERS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "save": (".blend", save_blend),
    "export": (".glb", export_glb),
    "render": (".mp4", render_mp4),
}
"""Kind of output: its ending and what writes it."""


def check_outputs(outputs: Mapping[str, Path]) -> None:
    """Check endings and folders, before any work is done.

    Args:
        outputs: path by kind, see `WRITERS`.

    Raises:
        OutputError: an ending that does not fit, or a folder that cannot be written to.
    """
    for kind, path in outputs.items():
        ending = WRITERS[kind][0]
        if path.suffix.lower() != ending:
            raise OutputError(f"{path}: --{kind} writes {ending} files; change the ending")
        if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
            raise OutputError(f"cannot write {path}; choose a file in a folder that is there and can be written to")


def write_outputs(outputs: Mapping[str, Path], writers: Mapping[str, Callable[[Path], None]] | None = None) -> None:
    """Write everything, or nothing.

    Args:
        outputs: path by kind, see `WRITERS`; one writer after the other, in this order.
        writers: for kinds that are not in `WRITERS`, or in place of those.

    Raises:
        OutputError: no space, or Blender could not write.
    """
    write = {kind: writer for kind, (_, writer) in WRITERS.items()} | dict(writers or {})
    with ExitStack() as stack:
        for kind, path in outputs.items():
            beside = stack.enter_context(written_beside(path))
            beside.unlink()  # or Blender would keep the empty file as a backup
            try:
                with in_window():
                    write[kind](beside)
            except RuntimeError as error:
                reason = (str(error).strip().splitlines() or ["no reason given"])[-1]
                raise OutputError(f"cannot write {path}: {reason}; free some space or choose another folder") from error
            if not beside.is_file() or beside.stat().st_size == 0:
                raise OutputError(f"Blender did not write {path}; free some space or choose another folder")
