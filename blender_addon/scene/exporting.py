# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the scene as .blend, .mp4 or for game engines; each beside its target first, all renamed at the end."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import bpy

from ..backend.core.errors import OutputError
from ..backend.core.files import written_beside
from .retiming import starting_at_zero
from .window import in_window

USD_ENDINGS = (".usd", ".usda", ".usdc", ".usdz")
USD_TEXTURES = "textures"
"""Folder that Blender's exporter puts pictures into, beside the file."""


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
    """Write the scene's objects with their textures, baked frame by frame; time 0 is the scene's first frame."""
    options: dict[str, object] = {
        "bake_anim_use_all_actions": False,
        "bake_anim_use_nla_strips": False,
        "bake_anim_simplify_factor": 0.0,
        "add_leaf_bones": False,
        "path_mode": "COPY",
        "embed_textures": True,
    }
    with starting_at_zero(bpy.context.scene), _bare_shapes(bpy.context.scene):
        bpy.ops.export_scene.fbx(filepath=str(path), check_existing=False, **options)


def export_usd(path: Path) -> None:
    """Write the scene's objects and their motion; time code 0 is the scene's first frame.

    Textures go into a folder `textures` beside it, or into the file where it ends in `.usdz`.

    Raises:
        OutputError: this Blender was built without USD.
    """
    if not bpy.app.build_options.usd:
        raise OutputError(f"cannot write {path.name}: this Blender was built without USD; use one from blender.org")
    textures = path.with_name(USD_TEXTURES)
    is_new = not textures.exists()
    options: dict[str, object] = {"export_animation": True, "export_shapekeys": True, "export_armatures": True}
    try:
        with starting_at_zero(bpy.context.scene), _bare_shapes(bpy.context.scene):
            bpy.ops.wm.usd_export(filepath=str(path), check_existing=False, relative_paths=True, **options)
    except RuntimeError:
        if is_new:
            shutil.rmtree(textures, ignore_errors=True)
        raise


@contextmanager
def _bare_shapes(scene: bpy.types.Scene) -> Iterator[None]:
    """Hide modifiers, all but armatures, of meshes with shape keys: exporters that apply them leave out the shapes."""
    meshes = [one for one in scene.objects if one.type == "MESH" and one.data.shape_keys is not None]
    hidden = [
        (modifier, modifier.show_viewport, modifier.show_render)
        for one in meshes
        for modifier in one.modifiers
        if modifier.type != "ARMATURE"
    ]
    for modifier, _, _ in hidden:
        modifier.show_viewport = modifier.show_render = False
    try:
        yield
    finally:
        for modifier, in_viewport, in_render in hidden:
            modifier.show_viewport, modifier.show_render = in_viewport, in_render


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


Writer = Callable[[Path], None]
WRITERS: dict[str, dict[str, Writer]] = {
    "save": {".blend": save_blend},
    "export": {".glb": export_glb, ".fbx": export_fbx} | dict.fromkeys(USD_ENDINGS, export_usd),
    "render": {".mp4": render_mp4},
}
"""Kind of output: what writes it, by its ending."""


def check_outputs(outputs: Mapping[str, Path]) -> None:
    """Check endings and folders, before any work is done.

    Args:
        outputs: path by kind, see `WRITERS`.

    Raises:
        OutputError: an ending that does not fit, or a folder that cannot be written to.
    """
    for kind, path in outputs.items():
        endings = list(WRITERS[kind])
        if path.suffix.lower() not in endings:
            raise OutputError(f"{path}: --{kind} writes {', '.join(endings)} files; change the ending")
        if path.suffix.lower() in USD_ENDINGS and not bpy.app.build_options.usd:
            raise OutputError(f"{path}: this Blender was built without USD; export .glb or .fbx, or use blender.org's")
        if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
            raise OutputError(f"cannot write {path}; choose a file in a folder that is there and can be written to")


def write_outputs(outputs: Mapping[str, Path], writers: Mapping[str, Writer] | None = None) -> None:
    """Write everything, or nothing.

    Args:
        outputs: path by kind, see `WRITERS`; one writer after the other, in this order.
        writers: for kinds that are not in `WRITERS`, or in place of those.

    Raises:
        OutputError: no space, or Blender could not write.
    """
    own = writers or {}
    with ExitStack() as stack:
        for kind, path in outputs.items():
            beside = stack.enter_context(written_beside(path))
            beside.unlink()  # or Blender would keep the empty file as a backup
            try:
                with in_window():
                    write = own[kind] if kind in own else WRITERS[kind][path.suffix.lower()]
                    write(beside)
            except RuntimeError as error:
                reason = (str(error).strip().splitlines() or ["no reason given"])[-1]
                raise OutputError(f"cannot write {path}: {reason}; free some space or choose another folder") from error
            if not beside.is_file() or beside.stat().st_size == 0:
                raise OutputError(f"Blender did not write {path}; free some space or choose another folder")
