# SPDX-License-Identifier: GPL-3.0-or-later
"""From the settings of a scene to the talking head that is asked of the worker."""

import re
from dataclasses import dataclass
from pathlib import Path

import bpy

from ..backend.core.errors import BundleError, OutputError
from ..jobs.head import PACKED, SEQUENCE, HeadRequest
from .bake import Placement
from .plan import bundle_of, placement_of, wanted_of
from .talking_head import HeadLook


@dataclass(frozen=True)
class HeadPlan:
    """One talking head, fully said."""

    scene_name: str
    request: HeadRequest
    placement: Placement
    look: HeadLook


def head_plan_of(context: bpy.types.Context, device: str = "auto") -> HeadPlan:
    """Return the talking head that the scene's settings ask for.

    Raises:
        LipSyncError: no sound, no bundle, or nowhere to put the pictures; says what to do.
    """
    scene = context.scene
    wanted = scene.lipsync3d.head
    if not wanted.bundle:
        raise BundleError("no model is chosen; choose the folder of a personal model under Talking Head")
    placement = placement_of(scene)
    request = HeadRequest(
        wanted_of(scene, placement.sound, bundle_of(bpy.path.abspath(wanted.bundle)), device),
        limit_mm=wanted.error_mm,
        texture=wanted.texture,
        folder=texture_folder(placement.sound) if wanted.texture == SEQUENCE else None,
        tiles=wanted.tiles if wanted.texture == PACKED else 0,
        back=wanted.back,
        pose=Path(bpy.path.abspath(wanted.pose)) if wanted.pose else None,
    )
    return HeadPlan(scene.name, request, placement, HeadLook(wanted.lit, wanted.texture, tuple(scene.cursor.location)))


def texture_folder(sound: Path) -> Path:
    """Return a new folder beside the open .blend for the pictures of a clip.

    Raises:
        OutputError: the file has not been saved yet.
    """
    if not bpy.data.filepath:
        raise OutputError("the pictures go beside the .blend: save it first, or choose Packed as the texture")
    blend = Path(bpy.data.filepath)
    stem = re.sub(r"[^\w-]+", "_", f"{blend.stem}_{sound.stem}")
    tries = (blend.with_name(f"{stem}_texture{f'_{count}' if count else ''}") for count in range(1000))
    return next(folder for folder in tries if not folder.exists())
