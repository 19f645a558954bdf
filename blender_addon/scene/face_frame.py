# SPDX-License-Identifier: GPL-3.0-or-later
"""How a character's face lies in its armature: which way it looks, and how large it is against the canonical face.

Read from the rest positions of the bones, so that neither pose nor meshes matter.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Vector
from numpy.typing import NDArray

from ..backend.core.face import canonical_face
from ..backend.retarget.detect import MapMatch
from ..backend.retarget.effects import effects_cm
from ..backend.retarget.names import words

Doubles = NDArray[np.float64]

EYE_DISTANCE_CM = 6.3
"""Between the centres of the eyeballs behind the canonical face, an adult's."""
METRES_FROM_CM = 0.01
LEAST_PAIR = 1e-6
"""Bones nearer than this to their other side say nothing of left and right."""
SIDES = {"l": "left", "left": "left", "r": "right", "right": "right"}
"""Words of bone names that say the side."""
_EYE = re.compile(r"(?i)eye(?!.*(lid|brow|lash|master|target|corner|socket|aim|look|track|ik))")


@dataclass(frozen=True)
class FaceFrame:
    """The canonical face's axes and unit in an armature's space."""

    axes: Doubles
    """[3, 3] rows: towards the subject's left, up, out of the face."""
    units_per_cm: float
    """Lengths of the armature for one canonical centimetre."""


def face_frame(rig: bpy.types.Object, match: MapMatch | None = None) -> FaceFrame:
    """Return how the face of an armature lies.

    Args:
        rig: the armature object.
        match: what was found on it; its bones tell the size where there are no eyes.
    """
    places = {bone.name: np.array(bone.head_local, np.float64) for bone in rig.data.bones}
    pairs = _pairs(places)
    up = _up(rig)
    between = [places[left] - places[right] for left, right in pairs]
    across = np.sum(between, axis=0) if between else np.cross(up, _facing(rig, up))
    across = across - up * (across @ up)
    size = np.linalg.norm(across)
    across = across / size if size > LEAST_PAIR else np.cross(up, _facing(rig, up))
    return FaceFrame(np.stack([across, up, np.cross(across, up)]), _units_per_cm(rig, places, pairs, match))


def _units_per_cm(
    rig: bpy.types.Object,
    places: dict[str, Doubles],
    pairs: Sequence[tuple[str, str]],
    match: MapMatch | None,
) -> float:
    eyes = [float(np.linalg.norm(places[left] - places[right])) for left, right in pairs if _EYE.search(left)]
    if eyes and max(eyes) > LEAST_PAIR:
        return float(np.median(eyes)) / EYE_DISTANCE_CM
    spread = _spread(places, match) if match is not None else None
    if spread is not None:
        return spread
    return METRES_FROM_CM / max(rig.matrix_world.median_scale, 1e-9)


def _spread(places: dict[str, Doubles], match: MapMatch) -> float | None:
    """Return the size by which the bones of a match lie as far apart as what they move on the canonical face."""
    neutral = canonical_face().neutral_cm.astype(np.float64)
    bones: dict[str, Doubles] = {}
    for matched in match.controls:
        moved = (effects_cm([matched.control])[0].astype(np.float64) ** 2).sum(axis=1)
        name = matched.names[0]
        if matched.control.kind == "bone" and matched.control.channel == "location" and name in places and moved.any():
            bones.setdefault(name, (moved[:, None] * neutral).sum(axis=0) / moved.sum())
    names = list(bones)
    there = [np.linalg.norm(places[a] - places[b]) for i, a in enumerate(names) for b in names[:i]]
    here = [np.linalg.norm(bones[a] - bones[b]) for i, a in enumerate(names) for b in names[:i]]
    if not here or float(np.dot(here, here)) < 1.0 or float(np.dot(there, here)) <= 0:
        return None
    return float(np.dot(there, here) / np.dot(here, here))


def _pairs(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return (left, right) names that differ by their side alone."""
    sides: dict[tuple[str, ...], dict[str, str]] = {}
    for name in names:
        parts = words(name)
        places = [place for place, word in enumerate(parts) if word in SIDES]
        if places:
            stem = (*parts[: places[-1]], "*", *parts[places[-1] + 1 :])
            sides.setdefault(stem, {})[SIDES[parts[places[-1]]]] = name
    return [(both["left"], both["right"]) for both in sides.values() if len(both) == 2]


def _up(rig: bpy.types.Object) -> Doubles:
    """Return the armature's own axis that points up in the scene."""
    up = np.array(rig.matrix_world.to_3x3().inverted_safe() @ Vector((0.0, 0.0, 1.0)))
    axis = int(np.abs(up).argmax())
    return np.eye(3)[axis] * (1.0 if up[axis] >= 0 else -1.0)


def _facing(rig: bpy.types.Object, up: Doubles) -> Doubles:
    """Return the direction of a face that looks as Blender's front view expects it."""
    front = np.array(rig.matrix_world.to_3x3().inverted_safe() @ Vector((0.0, -1.0, 0.0)))
    front -= up * (front @ up)
    return front / max(float(np.linalg.norm(front)), 1e-9)
