# SPDX-License-Identifier: GPL-3.0-or-later
"""Shape keys made for faces that have none, against those that an artist made for the same faces.

    OMP_NUM_THREADS=1 python -m benchmarks.created DATA [--pictures FOLDER]

DATA is the folder that holds `rigs` and `speech`. Each face is opened in Blender, its shape keys are taken away, and
the add-on makes the 52 ARKit shapes (landmarks found, none placed). Told are: the cosine between the displacement of
every vertex by a made shape and by the artist's of that name (mean over jaw and mouth, the least, jawOpen); then, with
speech lip-synced onto the made shapes and played on the evaluated character, r of the lips' gap with the predicted
one, how many p, b and m close them to a tenth of the widest opening, and the same of the 15 visemes. The two lip
vertices whose gap is read are found by the artist's open mouth. What was made is also looked at: `--pictures`.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

import blender_addon
from backend.core.blendshapes import ARKIT_NAMES
from blender_addon.jobs.bake import Prediction
from blender_addon.scene import creating, demo_head

from .figure import Figure
from .measured import lip_gaps, score
from .rigs import LipPair, evaluated, imported, lip_pair, makehuman, predict

CLIPS = ("en_jfk_1961.flac", "de.wav", "ja.wav")
BOUND = 0.9
SHOWN = (
    "",
    "jawOpen",
    "mouthFunnel",
    "mouthPucker",
    "mouthSmileLeft",
    "mouthRollLower",
    "mouthUpperUpLeft",
    "viseme_aa",
)

Doubles = NDArray[np.float64]
Loader = Callable[[Path], tuple[bpy.types.Object, LipPair]]


@dataclass(frozen=True)
class Bare:
    """A face whose shape keys were taken away."""

    face: bpy.types.Object
    meshes: list[bpy.types.Object]
    """The face first."""
    pair: LipPair
    originals: dict[str, Doubles]
    """ARKit name -> [N, 3], what the artist's shape did to the face."""


def demo(_folder: Path) -> tuple[bpy.types.Object, LipPair]:
    """Return the demo head, whose shapes are those that are carried over."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    face = demo_head.add_demo_head(bpy.context.scene.collection)[0]
    return face, lip_pair(face, "jawOpen")


FACES: dict[str, Loader] = {
    "demo head": demo,
    "brunette": imported("brunette-t.glb", "jawOpen"),
    "MakeHuman": makehuman(bool),
    "sloth": imported("sloth_head.fbx", "jawOpen"),
}


def bare(load: Loader, folder: Path) -> Bare:
    """Return a face without its shape keys."""
    face, pair = load(folder)
    rest = evaluated(face)
    originals: dict[str, Doubles] = {}
    for block in face.data.shape_keys.key_blocks[1:]:
        plain = block.name.rpartition(".")[2].replace("_L", "Left").replace("_R", "Right")
        if plain in ARKIT_NAMES:
            block.value = 1.0
            originals[plain] = evaluated(face) - rest
            block.value = 0.0
    meshes = [face, *(thing for thing in bpy.data.objects if thing.type == "MESH" and thing != face)]
    meshes = [mesh for mesh in meshes if mesh.data.shape_keys is not None or mesh.parent == face]
    for mesh in meshes:
        if mesh.data.shape_keys is not None:
            mesh.shape_key_clear()
    return Bare(face, meshes, pair, originals)


def cosines(made: Bare) -> dict[str, float]:
    """Return the cosine between the movement of made and original shapes, by name."""
    rest = evaluated(made.face)
    found: dict[str, float] = {}
    for name, original in made.originals.items():
        block = made.face.data.shape_keys.key_blocks.get(name)
        if block is None:
            continue
        block.value = 1.0
        own = evaluated(made.face) - rest
        block.value = 0.0
        size = np.linalg.norm(own) * np.linalg.norm(original)
        found[name] = float((own * original).sum() / max(size, 1e-12))
    return found


def picture(made: Bare, path: Path) -> None:
    """Write a picture of each shown shape of a face, seen from the front and a little from the side."""
    scene = bpy.context.scene
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.display.shading.light, scene.display.shading.show_cavity = "STUDIO", True
    scene.render.resolution_x = scene.render.resolution_y = 400
    mouth = evaluated(made.face)[[made.pair.upper, made.pair.lower]].mean(axis=0)
    tall = 6 * np.ptp(np.linalg.norm(made.originals["jawOpen"], axis=1))
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.data.type, camera.data.ortho_scale = "ORTHO", tall
    camera.location = mouth + tall * np.array([0.6, -2.0, 0.25])
    camera.rotation_euler = (np.pi / 2, 0, 0.29)
    scene.collection.objects.link(camera)
    scene.camera = camera
    camera.data.clip_start, camera.data.clip_end = tall / 100, 100 * tall
    for name in SHOWN:
        for mesh in made.meshes:
            for block in mesh.data.shape_keys.key_blocks[1:] if mesh.data.shape_keys else ():
                block.value = float(block.name == name)
        scene.render.filepath = str(path / f"{made.face.name} {name or 'rest'}.png")
        bpy.ops.render.render(write_still=True)


def main() -> int:
    """Print what was measured; 1 where a bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder that holds rigs and speech")
    parser.add_argument("--only", default="", help="the face of this name")
    parser.add_argument("--pictures", type=Path, help="folder for pictures of what was made")
    given = parser.parse_args()
    blender_addon.register()
    predictions = {clip: predict(given.data / "speech" / "languages" / clip) for clip in CLIPS}
    held = True
    for title, load in FACES.items():
        if given.only not in title:
            continue
        made = bare(load, given.data / "rigs")
        print(f"{title}: {creating.create(made.meshes, creating.ARKIT).sentence}", flush=True)
        found = cosines(made)
        mouth = {name: value for name, value in found.items() if name.startswith(("jaw", "mouth"))}
        least = min(mouth, key=lambda name: mouth[name])
        print(
            f"  cosine with the original shapes: jaw and mouth {np.mean(list(mouth.values())):.3f}, least {least} "
            f"{mouth[least]:.3f}, jawOpen {mouth['jawOpen']:.3f}, all {np.mean(list(found.values())):.3f}", flush=True
        )  # fmt: skip
        if given.pictures is not None:
            picture(made, given.pictures)
        for kind in (creating.ARKIT, creating.VISEMES):
            for clip, prediction in predictions.items():
                held &= told(title, load, given.data / "rigs", (kind, clip, prediction))
    return 0 if held else 1


def told(title: str, load: Loader, folder: Path, case: tuple[str, str, Prediction]) -> bool:
    """Make the shapes, lip-sync one clip, print how well the lips follow, and return whether the bound holds."""
    kind, clip, prediction = case
    made = bare(load, folder)
    creating.create(made.meshes, kind)
    gaps = lip_gaps(made.face, made.pair, prediction)
    one = score(gaps, gaps, prediction)
    figure = Figure(f"  {title}, {kind}, {clip}: r with the prediction", one.against_prediction, "", BOUND, True)
    print(f"{figure}; {one.closed} of {one.closures} closures kept", flush=True)
    return figure.holds


if __name__ == "__main__":
    CODE = main()
    blender_addon.unregister()
    sys.exit(CODE)
