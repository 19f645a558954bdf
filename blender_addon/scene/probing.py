# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets one control of a character after the other and reads where the depsgraph then has its meshes' vertices.

Drivers, bones and modifiers are in what is read. Everything is put back, whatever happens.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import radians

import bpy
import numpy as np
from mathutils import Matrix, Vector
from numpy.typing import NDArray

from ..backend.core.errors import RigError
from ..backend.fit.reading import Probe
from ..backend.retarget.maps import BoneChannel

TURN_RAD = radians(10.0)
"""How far a bone is turned to see what it does."""
FULL_TURN_RAD = radians(20.0)
FULL_SHIFT_CM = 1.0
MOVES = 1e-5
"""A control that moves no vertex by this part of the meshes' size does nothing to them."""
MOST_BONES = 400

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Reading:
    """Meshes as one set of triangles, in world space."""

    vertices: Doubles
    """[N, 3]"""
    triangles: NDArray[np.int32]
    """[F, 3]"""
    owner: NDArray[np.int32]
    """[N] which mesh each vertex is of."""


def read(things: Sequence[bpy.types.Object], depsgraph: bpy.types.Depsgraph) -> Reading:
    """Return the evaluated meshes of some objects."""
    vertices: list[Doubles] = []
    triangles: list[NDArray[np.int32]] = []
    for thing in things:
        evaluated = thing.evaluated_get(depsgraph)
        mesh = evaluated.to_mesh()
        mesh.calc_loop_triangles()
        corners = np.empty(3 * len(mesh.loop_triangles), np.int32)
        mesh.loop_triangles.foreach_get("vertices", corners)
        flip = -1 if evaluated.matrix_world.is_negative else 1
        triangles.append(corners.reshape(-1, 3)[:, ::flip] + sum(map(len, vertices)))
        vertices.append(_places(mesh, evaluated.matrix_world))
        evaluated.to_mesh_clear()
    owner = np.repeat(np.arange(len(things)), [len(part) for part in vertices]).astype(np.int32)
    return Reading(np.concatenate(vertices), np.concatenate(triangles), owner)


def _places(mesh: bpy.types.Mesh, matrix: Matrix) -> Doubles:
    flat = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", flat)
    world = np.asarray(matrix, np.float64)
    return flat.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3]


def _vertices(things: Sequence[bpy.types.Object], depsgraph: bpy.types.Depsgraph) -> Doubles:
    parts: list[Doubles] = []
    for thing in things:
        evaluated = thing.evaluated_get(depsgraph)
        parts.append(_places(evaluated.to_mesh(), evaluated.matrix_world))
        evaluated.to_mesh_clear()
    return np.concatenate(parts)


@contextmanager
def at_rest(things: Sequence[bpy.types.Object], rigs: Sequence[bpy.types.Object]) -> Generator[None]:
    """Put every free shape key to zero and every bone to rest, and all of it back afterwards."""
    with ExitStack() as undo:
        undo.callback(_refresh)
        for block in _blocks(things):
            undo.callback(setattr, block, "value", block.value)
            block.value = 0.0
        for rig in rigs:
            for bone in rig.pose.bones:
                undo.callback(setattr, bone, "matrix_basis", bone.matrix_basis.copy())
                bone.matrix_basis = Matrix()
        _refresh()
        yield


def _refresh() -> None:
    bpy.context.view_layer.update()


def _blocks(things: Sequence[bpy.types.Object]) -> list[bpy.types.ShapeKey]:
    """Return the shape keys of some meshes that may be set: not the reference, not muted, not owned by a driver."""
    found: dict[int, bpy.types.ShapeKey] = {}
    for thing in things:
        key = thing.data.shape_keys
        if key is None or not key.use_relative:
            continue
        owned = {driver.data_path for driver in (key.animation_data.drivers if key.animation_data else ())}
        for block in key.key_blocks:
            if block != key.reference_key and not block.mute and block.path_from_id("value") not in owned:
                found[block.as_pointer()] = block
    return list(found.values())


@dataclass(frozen=True)
class _Trial:
    probe: Probe
    set_on: Callable[[], None]
    set_off: Callable[[], None]


def try_shapes(
    things: Sequence[bpy.types.Object], rigs: Sequence[bpy.types.Object], depsgraph: bpy.types.Depsgraph
) -> tuple[list[Probe], Doubles]:
    """Return shape keys and custom properties, and what they do [K, N, 3] to the meshes, which are at rest."""
    by_name: dict[str, list[bpy.types.ShapeKey]] = {}
    for block in _blocks(things):
        by_name.setdefault(block.name, []).append(block)
    trials = [_shape_trial(name, blocks) for name, blocks in by_name.items()]
    for owner in (*rigs, *things):
        trials += [_property_trial(owner, name) for name in _numbers(owner) if name not in by_name]
    return _tried(trials, things, depsgraph)


def _shape_trial(name: str, blocks: list[bpy.types.ShapeKey]) -> _Trial:
    high = min(1.0, *(block.slider_max for block in blocks)) or 1.0
    low = max(block.slider_min for block in blocks)

    def put(value: float) -> None:
        for block in blocks:
            block.value = value

    return _Trial(Probe(name, "shape", high, signed=low <= -0.5 * high), lambda: put(high), lambda: put(0.0))


def _numbers(owner: bpy.types.Object) -> list[str]:
    return [name for name, value in owner.items() if isinstance(value, float) and not name.startswith("_")]


def _property_trial(owner: bpy.types.Object, name: str) -> _Trial:
    before = owner[name]
    high = float(owner.id_properties_ui(name).as_dict().get("max", 1.0))
    full = high if 0 < high <= 100 else 1.0

    def put(value: float) -> None:
        owner[name] = value
        owner.update_tag()

    return _Trial(Probe(name, "property", full), lambda: put(full), lambda: put(before))


def try_bones(
    things: Sequence[bpy.types.Object],
    rigs: Sequence[bpy.types.Object],
    depsgraph: bpy.types.Depsgraph,
    cm: float,
) -> tuple[list[Probe], Doubles]:
    """Return bone channels and what they do [K, N, 3], fully on, to the meshes, which are at rest.

    Args:
        things: the meshes.
        rigs: the armatures.
        depsgraph: that evaluates them.
        cm: world units in a centimetre of the canonical face.
    """
    rest = _vertices(things, depsgraph)
    least = MOVES * float(np.ptp(rest, axis=0).max())
    trials: list[_Trial] = []
    for rig in rigs:
        bones = [bone for bone in rig.pose.bones if not bone.bone.hide]
        if len(bones) > MOST_BONES:
            raise RigError(f"{rig.name!r} shows {len(bones)} bones; hide those that are not of the face, then measure")
        for bone in bones:
            unit = cm / max(float(np.mean(np.array(rig.matrix_world.to_scale()))), 1e-9)
            bone.matrix_basis = Matrix.Translation((unit, unit, unit)) @ Matrix.Rotation(TURN_RAD, 4, (1, 1, 1))
            _refresh()
            if np.abs(_vertices(things, depsgraph) - rest).max() > least:
                trials += _bone_trials(bone, unit)
            bone.matrix_basis = Matrix()
    _refresh()
    return _tried(trials, things, depsgraph, {"rotation": FULL_TURN_RAD / TURN_RAD, "location": FULL_SHIFT_CM})


def _bone_trials(bone: bpy.types.PoseBone, unit: float) -> list[_Trial]:
    def put(matrix: Matrix) -> None:
        bone.matrix_basis = matrix

    trials: list[_Trial] = []
    for axis in range(3):
        along = Vector([float(axis == other) for other in range(3)])
        for channel, full, matrix in (
            ("rotation", FULL_TURN_RAD, Matrix.Rotation(TURN_RAD, 4, along)),
            ("location", FULL_SHIFT_CM, Matrix.Translation(unit * along)),
        ):
            free = not (bone.lock_rotation if channel == "rotation" else bone.lock_location)[axis]
            if free and not (channel == "location" and bone.bone.use_connect and bone.parent):
                probe = Probe(bone.name, "bone", full, BoneChannel(channel, axis), signed=True)
                trials.append(_Trial(probe, lambda m=matrix: put(m), lambda: put(Matrix())))
    return trials


def _tried(
    trials: Sequence[_Trial],
    things: Sequence[bpy.types.Object],
    depsgraph: bpy.types.Depsgraph,
    times: dict[str, float] | None = None,
) -> tuple[list[Probe], Doubles]:
    """Return the probes that move anything and what they do; `times` makes a small trial a full one, by channel."""
    rest = _vertices(things, depsgraph)
    least = MOVES * float(np.ptp(rest, axis=0).max())
    probes: list[Probe] = []
    motions: list[NDArray[np.float32]] = []
    for trial in trials:
        try:
            trial.set_on()
            _refresh()
            there = _vertices(things, depsgraph)
        finally:
            trial.set_off()
        if there.shape == rest.shape and np.abs(there - rest).max() > least:
            bone = trial.probe.bone
            factor = (times or {}).get(bone.channel, 1.0) if bone else 1.0
            probes.append(trial.probe)
            motions.append(((there - rest) * factor).astype(np.float32))
    _refresh()
    return probes, np.stack(motions).astype(np.float64) if motions else np.zeros((0, *rest.shape))
