# SPDX-License-Identifier: GPL-3.0-or-later
"""What an edited map makes of the current frame, shown at once: the prediction of the last bake, solved again.

The values are set and not keyed; the next change of frame brings back what is keyed.
"""

from dataclasses import dataclass

import bpy

from ..backend.retarget.apply import ControlTracks, Retargeter
from ..backend.retarget.detect import MapMatch
from ..jobs.bake import Prediction
from . import bake
from .character import Character
from .landing import Track, landed
from .places import set_number


@dataclass(frozen=True)
class Kept:
    """A prediction and where it lies in the scene."""

    prediction: Prediction
    start_frame: float


_KEPT: dict[int, Kept] = {}


def keep(scene: bpy.types.Scene, prediction: Prediction | None, start_frame: float) -> None:
    """Keep the prediction of a bake for its scene; only the last one is kept."""
    _KEPT.clear()
    if prediction is not None:
        _KEPT[scene.session_uid] = Kept(prediction, start_frame)


def forget() -> None:
    """Let go of what is kept."""
    _KEPT.clear()


def is_kept(scene: bpy.types.Scene) -> bool:
    """Return whether there is a prediction to preview on."""
    return scene.session_uid in _KEPT


def show(scene: bpy.types.Scene, character: Character, retargeter: Retargeter, match: MapMatch) -> None:
    """Put the character's controls where a retargeter of it wants them on the current frame.

    Raises:
        RigError: something of the character is gone, or nothing can move.
    """
    kept = _KEPT[scene.session_uid]
    time_s = float((scene.frame_current_final - kept.start_frame) / bake.scene_fps(scene))
    moment = kept.prediction.at(time_s)
    tracks = retargeter.tracks(moment.displacement_cm.astype("float32"), moment.tongue_out)
    for owner, keys in landed(character, _moments(tracks), match).items():
        found = owner.find()
        for curve, values in keys.values.items():
            set_number(found, curve.path, curve.index, float(values[0]))


def _moments(tracks: ControlTracks) -> list[Track]:
    return [
        Track(*target, column, still=False) for target, column in zip(tracks.targets(), tracks.values.T, strict=True)
    ]
