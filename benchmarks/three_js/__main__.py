# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks.three_js BUNDLE SOUND [-o SHEET.jpg]`: the exported GLB in three.js against Blender's picture.

A talking head is made and exported. Chromium without a window opens it in three.js at three times, once with the
plug-in that plays `KHR_animation_pointer` and once without. Blender renders the same head at the same times from the
same camera (Workbench, flip-book). Told are the likeness of the pictures and whether weights and texture offsets are
the clip's. Needs Node's npm, which fetches the packages named in `package.json`, and Chromium or Chrome.
"""

import argparse
import base64
import json
import sys
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import bpy
import cv2
import numpy as np
from numpy.typing import NDArray

from backend.core.face import lip_gap_cm
from backend.training.evaluation.texture_metrics import LUMA, ssim
from blender_addon.jobs.client import WorkerClient
from blender_addon.jobs.head import PACKED, HeadClip, HeadJob, HeadRequest
from blender_addon.jobs.job import Wanted
from blender_addon.scene import head_stage
from blender_addon.scene.bake import Placement
from blender_addon.scene.head_export import EngineLook
from blender_addon.scene.head_output import set_fps, write
from blender_addon.scene.talking_head import HeadLook, add_talking_head

from ..figure import Figure
from .browser import install, visit

FPS, TILES, SIZE_PX = 25, 16, 512
LEAST_LIKENESS = 0.97
LARGEST_WEIGHT_ERROR = 1e-3
INTO_FRAME_S = 1e-5
"""How far into a frame a picture is taken: on the key itself, rounding would choose between two tiles."""
SHEET_SCALE = 0.6
SHOWN = 0.2
"""Luma above which a pixel is the head, not the background."""
Pictures = list[NDArray[np.uint8]]


@dataclass(frozen=True)
class Stage:
    """A head in Blender, exported."""

    clip: HeadClip
    frames: list[int]
    """Of the clip, at which pictures are taken."""
    pictures: Pictures
    """[S, S, 3] of Blender, RGB."""


def main() -> int:
    """Measure, print, and exit with 1 where a bound does not hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.three_js", description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("sound", type=Path)
    parser.add_argument("-o", "--output", type=Path, help="picture of both, to look at")
    parser.add_argument("--modules", type=Path, help="folder to keep npm's packages in (default: a temporary one)")
    parser.add_argument("--browser", help="Chromium's or Chrome's program (default: the one that is found)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lipsync3d-bench-") as temporary:
        folder = Path(temporary) if options.modules is None else options.modules.absolute()
        folder.mkdir(exist_ok=True)
        install(folder)
        stage = _on_stage(options.bundle, options.sound.absolute(), folder)
        answer = visit(folder, options.browser)
    played, plain = (_pictures(answer[name]) for name in ("plugged", "plain"))
    if options.output is not None:
        sheet = np.concatenate([np.concatenate(row, axis=1) for row in (stage.pictures, played, plain)])
        small = cv2.resize(sheet, None, fx=SHEET_SCALE, fy=SHEET_SCALE, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(options.output), small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    print(f"three.js r{answer['revision']}; times {[round(float(stage.clip.times_s[at]), 2) for at in stage.frames]} s")
    for complaint in answer["complaints"]:
        print(f"the page said {complaint}")
    figures = _figures(stage, answer, played, plain)
    print("\n".join(map(str, figures)))
    return 0 if all(figure.holds for figure in figures) else 1


def _on_stage(bundle: Path, sound: Path, folder: Path) -> Stage:
    """Make the head, export it as `head.glb` into the folder, render it, and write the page its `wish.json`."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    set_fps(scene, FPS)
    client = WorkerClient()
    named = str(bundle.absolute()) if bundle.is_dir() else str(bundle)
    job = HeadJob(HeadRequest(Wanted(sound, FPS, named), texture=PACKED, tiles=TILES), client)
    job.wait(3600)
    clip = job.outcome()
    client.close()
    thing = add_talking_head(scene, clip, Placement(sound, 1, add_strip=False), HeadLook(texture=PACKED)).thing
    write(thing, clip, sound, {"export": folder / "head.glb"}, EngineLook())
    head_stage.film(scene, thing, SIZE_PX, "workbench")
    frames = _telling_frames(clip)
    pictures = [_rendered(scene, 1 + frame, folder / "still.png") for frame in frames]
    x, y, z = scene.camera.location
    wish = {
        "size_px": SIZE_PX,
        "field_of_view_degrees": float(np.degrees(scene.camera.data.angle)),
        "camera_m": [x, z, -y],
        "background": head_stage.BACKGROUND,
        "times_s": [float(clip.times_s[frame]) + INTO_FRAME_S for frame in frames],
    }
    (folder / "wish.json").write_text(json.dumps(wish))
    return Stage(clip, frames, pictures)


def _telling_frames(clip: HeadClip) -> list[int]:
    """Return the frame with the narrowest lips of the first third, the widest of the second, a middling of the last."""
    gaps = lip_gap_cm(clip.neutral_cm + clip.shapes.displacement_cm())
    thirds = np.array_split(np.arange(len(gaps)), 3)
    narrow, wide = thirds[0][gaps[thirds[0]].argmin()], thirds[1][gaps[thirds[1]].argmax()]
    middling = thirds[2][np.abs(gaps[thirds[2]] - gaps[wide] / 2).argmin()]
    return [int(narrow), int(wide), int(middling)]


def _rendered(scene: bpy.types.Scene, frame: int, path: Path) -> NDArray[np.uint8]:
    scene.frame_set(frame)
    scene.render.image_settings.file_format = "PNG"
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    return cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1].copy()


def _pictures(played: dict[str, Any]) -> Pictures:
    coded = [np.frombuffer(base64.b64decode(shot["picture"].split(",")[1]), np.uint8) for shot in played["shots"]]
    return [cv2.imdecode(one, cv2.IMREAD_COLOR)[..., ::-1].copy() for one in coded]


def _figures(stage: Stage, answer: dict[str, Any], played: Pictures, plain: Pictures) -> list[Figure]:
    clip, shots = stage.clip, answer["plugged"]["shots"]
    assert clip.book is not None
    wanted, offsets = clip.shapes.weights[stage.frames], clip.book.offsets()[stage.frames]
    fallback = min(map(_alike, stage.pictures, plain))
    still = np.array([shot["offset"] for shot in answer["plain"]["shots"]])
    errors = [
        np.abs(np.array([shot["weights"] for shot in given["shots"]]) - wanted).max()
        for given in (answer["plugged"], answer["plain"])
    ]
    alike = [_alike(*pair) for pair in zip(stage.pictures, played, strict=True)]
    moved = [_alike(one, other) for one, other in pairwise(played)]
    bounds = [Figure(f"likeness to Blender's picture {index + 1}", value, "SSIM", LEAST_LIKENESS, at_least=True)
              for index, value in enumerate(alike)]  # fmt: skip
    return [
        *bounds,
        Figure("likeness of one time to the next", max(moved), "SSIM", min(alike)),
        Figure("weights off the clip's, with the plug-in and without", max(errors), "", LARGEST_WEIGHT_ERROR),
        Figure("tile offset off the clip's", np.abs([shot["offset"] for shot in shots] - offsets).max(), "", 1e-6),
        Figure("without the plug-in: change of the tile", np.ptp(still, axis=0).max(), "", 0.0),
        Figure("without the plug-in: errors", sum("error" in one for one in answer["complaints"]), "", 0),
        Figure("without the plug-in: likeness to Blender's pictures", fallback, "SSIM", 0.9, at_least=True),
    ]  # fmt: skip


def _alike(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Return the likeness of two pictures where either shows the head."""
    grey = [picture.astype(np.float32) @ LUMA / 255 for picture in (first, second)]
    shown = np.maximum(*grey) > SHOWN
    return ssim(*grey, cv2.erode(shown.astype(np.uint8), np.ones((3, 3))) > 0)


if __name__ == "__main__":
    sys.exit(main())
