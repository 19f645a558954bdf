# SPDX-License-Identifier: GPL-3.0-or-later
"""One line of a batch in a Blender that has done others: opens the character anew, bakes a prediction, writes files."""

import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..backend.core.errors import LipSyncError
from ..backend.core.memory import resident_mb
from ..backend.core.mesh_file import read_mesh
from ..backend.retarget.apply import ControlTracks, Gains, Retargeter
from ..jobs.bake import Baked, retargeted
from . import bake, exporting, importing
from .character import Character
from .head_output import set_fps
from .head_stage import film
from .plan import chosen_character, fit_of
from .quick_glb import StillFiles, only_shapes_move, write_quickly
from .sound_strip import pack

PREVIEW_PX, PREVIEW_ENGINE, PREVIEW_EDGES = 256, "workbench", "FXAA"
STILL_FILES = StillFiles()
"""Kept between the lines of this process."""
Answer = dict[str, Any]


def blender_version() -> str:
    """Return Blender's version."""
    return bpy.app.version_string


def answer(job: dict[str, Any]) -> Answer:
    """Do a job and return what to say of it; a failure is an answer too.

    Args:
        job: `character`, `object`, `map`, `mesh` (the prediction's file), `sound`, `title`, `fps`, `start_frame`,
            `gains`, `outputs` (path by kind) and `tracks` (path of the keyed values, .npz).
    """
    try:
        told = _bake_line(job)
    except LipSyncError as error:
        told = {"error": " ".join(str(error).split())}
    except Exception as error:  # the process must outlive a bug, which its log keeps with the traceback
        traceback.print_exc()
        told = {"error": f"internal error in Blender: {type(error).__name__}: {error}"}
    return told | {"memory_mb": resident_mb()}


def _bake_line(job: dict[str, Any]) -> Answer:
    importing.open_character(Path(job["character"]))
    scene = bpy.context.scene
    set_fps(scene, job["fps"])
    still = STILL_FILES.of_scene(Path(job["character"])) if "glb" in job["outputs"] else None
    chosen = chosen_character(scene, job["object"] or None)
    fit = fit_of(chosen, job["map"])
    clip = read_mesh(Path(job["mesh"]))
    tracks = retargeted(clip, Retargeter(fit.match, Gains(**job["gains"]), chosen.limits))
    told = float(clip.times_s[-1]), float(clip.confidence.mean()), ""
    baked = Baked(clip.times_s, tracks, *told, fit.match)
    sound = Path(job["sound"])
    report = bake.apply(scene, chosen, baked, bake.Placement(sound, job["start_frame"], title=job["title"]))
    pack(sound)
    _write_tracks(Path(job["tracks"]), tracks)
    outputs = {kind: Path(path) for kind, path in job["outputs"].items()}
    writers = _writers(scene, chosen)
    if still is not None and only_shapes_move():
        writers["glb"] = partial(write_quickly, still, job["title"])
    exporting.write_outputs(outputs, writers)
    return {"notes": [fit.match.coverage, *fit.notes, *report.notes], "keyed": len(report.keyed)}


def _write_tracks(path: Path, tracks: ControlTracks) -> None:
    """Write names [N], values [T, N] and limits [N, 2] of what was keyed."""
    with path.open("wb") as file:
        np.savez(file, names=np.array(tracks.names), values=tracks.values, limits=tracks.limits)


def _writers(scene: bpy.types.Scene, chosen: Character) -> dict[str, Callable[[Path], None]]:
    return {
        "blend": exporting.save_blend,
        "glb": exporting.export_glb,
        "fbx": exporting.export_fbx,
        "usd": exporting.export_usd,
        "mp4": partial(_film, scene, chosen),
    }


def _film(scene: bpy.types.Scene, chosen: Character, path: Path) -> None:
    """Render a preview: by the scene's camera, or by one that frames the face."""
    if scene.camera is None:
        worn = chosen.worn[0] if chosen.worn else chosen.head
        film(scene, bpy.data.objects[worn], PREVIEW_PX, PREVIEW_ENGINE)
        scene.display.shading.light, scene.display.shading.color_type = "STUDIO", "MATERIAL"
        scene.display.render_aa = PREVIEW_EDGES
    exporting.render_mp4(path)
