# SPDX-License-Identifier: GPL-3.0-or-later
"""Real rigs, lip-synced as a user would, then played: does the mouth of the evaluated character follow the prediction?

    OMP_NUM_THREADS=1 python -m benchmarks.rigs DATA [SOUND]

DATA is the folder that holds `rigs` and `speech`; the sound is its recording of J. F. Kennedy. Each rig is opened in
Blender, recognised and keyed by the add-on. Then every frame is played, and the height between two vertices of the
lips is read from the evaluated mesh. These vertices are found by what the rig's own open-mouth shape does, not by any
map. Told are r against the predicted lip gap, and how many p, b and m close the lips to a tenth of the widest opening.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from blender_addon.backend.core.errors import RigError
from blender_addon.backend.retarget.apply import Retargeter
from numpy.typing import NDArray

import blender_addon
from backend.core.face import canonical_face, lip_gap_cm
from backend.inference.bundle import open_bundle
from backend.inference.predict import Predictor, PredictRequest
from blender_addon.jobs.bake import Baked, Prediction
from blender_addon.scene import bake, importing
from blender_addon.scene.character import Character, character_of, characters
from blender_addon.scene.plan import fit_of

from .figure import Figure

SOUND = "speech/languages/en_jfk_1961.flac"
FPS = 30.0
CLOSURES = ("p", "b", "m")
NEAR_S = 0.05
"""How far before and after a p, b or m its closest frame may lie."""
CLOSED = 0.1
"""Part of the widest opening up to which lips count as closed."""
FRONT = 0.6
"""Part of the moved vertices on the middle line that may lie on the outside of the face."""
NEARNESS = 3.0
"""Times the distance at rest of two vertices that their parting has to be worth, to be taken for the lips."""
BODY_VERTICES = 13_380
"""Of MakeHuman's base mesh; behind them lie helpers."""

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Rig:
    """One character."""

    title: str
    bound: float
    """Least r."""
    load: Callable[[Path], tuple[bpy.types.Object, "LipPair"]]
    """From the folder of rigs: the object to select, and where its lips part."""


@dataclass(frozen=True)
class LipPair:
    """Two vertices that part when the mouth opens."""

    name: str
    """Of the mesh object."""
    upper: int
    lower: int

    def gap(self) -> float:
        """Return how high the one is above the other on the evaluated character, world space."""
        points = evaluated(bpy.data.objects[self.name])
        return float(points[self.upper, 2] - points[self.lower, 2])


@dataclass(frozen=True)
class Score:
    """How well a rig follows."""

    map_title: str
    coverage: str
    r: float
    closed: int
    closures: int


def predict(sound: Path) -> Prediction:
    """Return the prediction of a recording."""
    clip = Predictor(open_bundle()).prepare(PredictRequest(sound, fps=FPS))
    times_s = clip.times_s()
    moved = np.concatenate([part.displacement_cm for part in clip.chunks()]).astype(np.float16)
    return Prediction(times_s, moved, None, clip.phones)


def score(chosen: bpy.types.Object, pair: LipPair, prediction: Prediction) -> Score:
    """Lip-sync a character as the add-on does, play it, and compare.

    Raises:
        RigError: it is refused.
    """
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = round(FPS), 1.0
    character = character_of(chosen, scene)
    fit = fit_of(character)
    rest = pair.gap()
    report = bake.apply(
        scene, character, baked(character, prediction), bake.Placement(Path("speech.wav"), 0.0, add_strip=False)
    )
    gaps = np.array([played(scene, pair, frame) for frame in range(report.frames[0], report.frames[1] + 1)]) - rest
    wanted = lip_gap_cm(canonical_face().neutral_cm + prediction.displacement_cm.astype(np.float32))[: len(gaps)]
    times_s = prediction.times_s[: len(gaps)]
    closures = [span for span in prediction.phones if span.phone in CLOSURES]
    closest = [
        gaps[(times_s >= span.start_s - NEAR_S) & (times_s <= span.end_s + NEAR_S)].min(initial=np.inf)
        for span in closures
    ]
    closed = int(np.count_nonzero(np.array(closest) <= CLOSED * gaps.max()))
    r = float(np.corrcoef(gaps, wanted)[0, 1])
    coverage = fit.match.coverage.partition(", missing")[0]
    return Score(fit.match.map.title, coverage.partition(": ")[2], r, closed, len(closures))


def baked(character: Character, prediction: Prediction) -> Baked:
    """Return a prediction solved for a character."""
    match = fit_of(character).match
    tracks = Retargeter(match, limits=character.limits).tracks(prediction.displacement_cm.astype(np.float32))
    return Baked(prediction.times_s, tracks, float(prediction.times_s[-1]), 1.0, "", match, prediction)


def played(scene: bpy.types.Scene, pair: LipPair, frame: int) -> float:
    """Return the gap on a frame."""
    scene.frame_set(frame)
    return pair.gap()


def evaluated(thing: bpy.types.Object) -> Doubles:
    """Return the evaluated vertices [N, 3] of a mesh object, world space."""
    bpy.context.view_layer.update()
    seen = thing.evaluated_get(bpy.context.evaluated_depsgraph_get())
    flat = np.empty(3 * len(seen.data.vertices), np.float32)
    seen.data.vertices.foreach_get("co", flat)
    points = flat.reshape(-1, 3).astype(np.float64)
    matrix = np.array(seen.matrix_world)
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def lip_pair(thing: bpy.types.Object, opens: str) -> LipPair:
    """Return the two vertices in the middle of the mouth that touch most nearly and that a shape parts most."""
    rest = evaluated(thing)
    block = thing.data.shape_keys.key_blocks[opens]
    block.value = 1.0
    moved = evaluated(thing) - rest
    block.value = 0.0
    much = np.linalg.norm(moved, axis=1)
    mouth = rest[much > 0.05 * much.max()]
    low, high = mouth.min(axis=0), mouth.max(axis=0)
    middle = np.abs(rest[:, 0] - (low[0] + high[0]) / 2) < 0.03 * (high[0] - low[0])
    deep = np.quantile(rest[middle & (much > 0.05 * much.max()), 1], FRONT)
    near = middle & (rest[:, 2] > low[2]) & (rest[:, 2] < 2 * high[2] - low[2])
    front = np.flatnonzero(near & (rest[:, 1] < deep))
    apart = np.linalg.norm(rest[front][:, None] - rest[front][None], axis=2)
    opening = moved[front, 2][:, None] - moved[front, 2][None]
    upper, lower = np.unravel_index((opening - NEARNESS * apart).argmax(), apart.shape)
    return LipPair(thing.name, int(front[upper]), int(front[lower]))


def imported(
    name: str, opens: str, keep: Callable[[str], bool] = bool
) -> Callable[[Path], tuple[bpy.types.Object, LipPair]]:
    """Return a loader of a file, with only those of its shapes that are to be kept."""

    def load(folder: Path) -> tuple[bpy.types.Object, LipPair]:
        importing.open_character(folder / name)
        meshes = [thing for thing in bpy.data.objects if thing.type == "MESH" and thing.data.shape_keys is not None]
        face = max(
            (mesh for mesh in meshes if opens in mesh.data.shape_keys.key_blocks), key=lambda m: len(m.data.vertices)
        )
        pair = lip_pair(face, opens)
        for mesh in meshes:
            for block in [one for one in mesh.data.shape_keys.key_blocks[1:] if not keep(one.name)]:
                mesh.shape_key_remove(block)
        return face, pair

    return load


def makehuman(keep: Callable[[str], bool]) -> Callable[[Path], tuple[bpy.types.Object, LipPair]]:
    """Return a loader of MakeHuman's base mesh with its targets as shape keys."""

    def load(folder: Path) -> tuple[bpy.types.Object, LipPair]:
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        points, faces = read_base(folder / "makehuman" / "base.obj")
        mesh = bpy.data.meshes.new("base")
        mesh.from_pydata(points.tolist(), [], faces)
        thing = bpy.data.objects.new("base", mesh)
        bpy.context.scene.collection.objects.link(thing)
        thing.shape_key_add(name="Basis")
        for path in sorted((folder / "makehuman" / "targets").glob("*.target")):
            moved = points.copy()
            rows = np.array([line.split() for line in path.read_text().splitlines() if line[:1].isdigit()], float)
            kept = rows[rows[:, 0] < BODY_VERTICES] if len(rows) else np.zeros((0, 4))
            moved[kept[:, 0].astype(int)] += upright(kept[:, 1:])
            block = thing.shape_key_add(name=path.stem)
            block.data.foreach_set("co", moved.astype(np.float32).ravel())
            block.value = 0.0  # Blender 5.2 makes them fully on
        pair = lip_pair(thing, "jawOpen")
        for block in [one for one in mesh.shape_keys.key_blocks[1:] if not keep(one.name)]:
            thing.shape_key_remove(block)
        return thing, pair

    return load


def read_base(path: Path) -> tuple[Doubles, list[list[int]]]:
    """Return the body's vertices [N, 3], Z up, and its faces."""
    lines = [line.split() for line in path.read_text().splitlines()]
    points = np.array([line[1:4] for line in lines if line[:1] == ["v"]], float)[:BODY_VERTICES]
    faces = [[int(corner.partition("/")[0]) - 1 for corner in line[1:]] for line in lines if line[:1] == ["f"]]
    return upright(points), [face for face in faces if max(face) < BODY_VERTICES]


def upright(points: Doubles) -> Doubles:
    """Return points [N, 3] with Y up as such with Z up."""
    return np.stack([points[:, 0], -points[:, 2], points[:, 1]], axis=1)


def is_viseme(name: str) -> bool:
    """Return whether a shape is one of the 15 visemes, by its name."""
    return name.startswith("viseme_")


RIGS = (
    Rig("brunette, ARKit and visemes", 0.9, imported("brunette-t.glb", "jawOpen")),
    Rig("brunette, visemes only", 0.8, imported("brunette-t.glb", "jawOpen", is_viseme)),
    Rig("sloth", 0.9, imported("sloth_head.fbx", "jawOpen")),
    Rig("unitychan, five vowels", 0.7, imported("unitychan.fbx", "MTH_A")),
    Rig("MakeHuman, ARKit", 0.9, makehuman(lambda name: not is_viseme(name))),
    Rig("MakeHuman, visemes", 0.8, makehuman(is_viseme)),
)


def refusal(folder: Path) -> str:
    """Return why the robot is refused; empty where it is not."""
    importing.open_character(folder / "robot_expressive.blend")
    try:
        for one in characters(bpy.context.scene):
            fit_of(one)
    except RigError as error:
        return str(error)
    return ""


def main() -> int:
    """Print the table; 1 where a bound does not hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rigs", description="Lip-sync real rigs and play them.")
    parser.add_argument("data", type=Path, help="the folder that holds rigs and speech")
    parser.add_argument("sound", type=Path, nargs="?", help=f"default: {SOUND} of the data")
    parser.add_argument("--only", default="", help="rigs whose title holds this")
    given = parser.parse_args()
    blender_addon.register()
    prediction, held = predict(given.sound or given.data / SOUND), True
    for rig in (one for one in RIGS if given.only in one.title):
        try:
            found = score(*rig.load(given.data / "rigs"), prediction)
        except RigError as error:
            print(f"{rig.title}: refused: {error}", flush=True)
            held = False
            continue
        figure = Figure(f"{rig.title} [{found.map_title}, {found.coverage}]", found.r, "r", rig.bound, at_least=True)
        held &= figure.holds
        print(f"{figure}; {found.closed} of {found.closures} closures kept", flush=True)
    reason = refusal(given.data / "rigs")
    print(f"robot: {'refused: ' + reason if reason else 'MISSED, it was not refused'}", flush=True)
    return 0 if held and reason else 1


if __name__ == "__main__":
    CODE = main()
    blender_addon.unregister()
    sys.exit(CODE)
