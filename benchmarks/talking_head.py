# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks.talking_head BUNDLE SOUND`: what a talking head costs, and how near it stays to the prediction.

For error bounds of 1 to 0.05 mm the shapes, the largest and mean error; for flip-books the error of the texels that
change; then seconds and bytes of the head in Blender, against the dense cache of the same clip.
"""

import argparse
import tempfile
import time
from pathlib import Path

import bpy
import numpy as np

from backend.core.mesh_file import MeshClip, read_mesh
from backend.core.puppet.flip_book import flip_book
from backend.core.puppet.shape_track import compress
from backend.inference.animate import animate
from backend.inference.bundle import open_bundle
from backend.inference.predict import PredictRequest
from backend.inference.predictors import open_predictor

LIMITS_MM = (1.0, 0.5, 0.2, 0.1, 0.05)
TILES = (16, 64)
FPS = 30


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.talking_head", description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("sound", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lipsync3d-bench-") as folder:
        output = Path(folder) / "mesh.npz"
        predictor = open_predictor(open_bundle(str(options.bundle)), "cpu")
        animate(predictor, PredictRequest(options.sound.absolute(), fps=FPS), output)
        clip = read_mesh(output)
        _shapes(clip)
        if clip.atlas is not None and clip.reference_atlas is not None:
            _flip_books(clip)
        _in_blender(options, clip, Path(folder))


def _shapes(clip: MeshClip) -> None:
    moved = clip.vertices_cm - clip.neutral_cm
    for limit in LIMITS_MM:
        track = compress(moved, limit)
        off = np.linalg.norm(track.displacement_cm() - moved, axis=-1) * 10
        print(f"bound {limit:4} mm: {len(track.shapes_cm):2} shapes, max {off.max():.3f} mean {off.mean():.4f} mm")


def _flip_books(clip: MeshClip) -> None:
    atlases, reference = clip.atlas, clip.reference_atlas
    assert atlases is not None
    assert reference is not None
    changing = (np.ptp(atlases[::5], axis=0) > 8).any(axis=-1)
    for tiles in TILES:
        book = flip_book(atlases, reference, tiles)
        off = [
            np.abs(atlases[frame][changing].astype(np.int16) - atlases[book.shown[tile]][changing]).mean()
            for frame, tile in enumerate(book.track)
        ]
        still = [np.abs(atlas[changing].astype(np.int16) - reference[changing]).mean() for atlas in atlases]
        rate = np.count_nonzero(np.diff(book.track)) / clip.times_s[-1]
        error = f"off by {np.mean(off):.2f} of 255 (still {np.mean(still):.2f})"
        print(f"{tiles} tiles: {error}, {rate:.1f} changes a second")


def _in_blender(options: argparse.Namespace, clip: MeshClip, folder: Path) -> None:
    from blender_addon.jobs.client import WorkerClient
    from blender_addon.jobs.head import HeadJob, HeadRequest
    from blender_addon.jobs.job import Wanted
    from blender_addon.scene.bake import Placement
    from blender_addon.scene.talking_head import HeadLook, add_talking_head

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.context.scene.render.fps = FPS
    client = WorkerClient()
    sound = options.sound.absolute()
    request = HeadRequest(
        Wanted(sound, FPS, str(options.bundle.absolute())), texture="SEQUENCE", folder=folder / "texture"
    )
    begun = time.perf_counter(), time.process_time()
    job = HeadJob(request, client)
    job.wait(3600)
    made = job.outcome()
    report = add_talking_head(bpy.context.scene, made, Placement(sound, 1), HeadLook(texture="SEQUENCE"))
    client.close()
    took = time.perf_counter() - begun[0], time.process_time() - begun[1]
    print(f"{clip.times_s[-1]:.0f} s of sound: {took[0]:.1f} s with the prediction, {took[1]:.1f} CPU seconds without")
    action = report.thing.data.shape_keys.animation_data.action
    sizes = []
    for compressed in (False, True):
        bpy.data.libraries.write(str(folder / "action.blend"), {action}, compress=compressed)
        sizes.append((folder / "action.blend").stat().st_size / 1e6)
    dense = made.shapes.displacement_cm().nbytes / 1e6
    print(f"{report.sentence}\nAction {sizes[0]:.2f} MB, compressed {sizes[1]:.2f}; dense cache {dense:.2f} MB")


if __name__ == "__main__":
    main()
