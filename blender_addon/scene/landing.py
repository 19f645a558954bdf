# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the tracks of a lip-sync land: from the controls of a map to the curves of datablocks."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..backend.core.errors import RigError
from ..backend.retarget.detect import MapMatch
from ..backend.retarget.maps import BoneChannel
from .actions import Curve
from .character import Character
from .face_frame import FaceFrame, face_frame
from .places import Owner, Place
from .posing import Pose

Values = NDArray[np.float32]


@dataclass(frozen=True)
class Track:
    """The values of one control over the frames that are keyed."""

    kind: str
    """`shape`, `bone` or `property`."""
    name: str
    """The rig's own."""
    bone: BoneChannel | None
    values: Values
    """[T]"""
    still: bool
    """Whether the sound does not move it."""


@dataclass
class Landed:
    """What to key on one datablock."""

    values: dict[Curve, Values] = field(default_factory=dict)
    moving: set[Curve] = field(default_factory=set)

    def add(self, curve: Curve, values: Values, still: bool) -> None:
        """Add a curve."""
        self.values[curve] = values
        if not still:
            self.moving.add(curve)


def landed(character: Character, tracks: Iterable[Track], match: MapMatch | None = None) -> dict[Owner, Landed]:
    """Return what to key on which datablock.

    Args:
        character: the one that the tracks were solved for.
        tracks: of its controls.
        match: what they were solved by, which may tell the size of the face.

    Raises:
        RigError: something of the character is gone.
    """
    found: dict[Owner, Landed] = {}
    poses: dict[tuple[Owner, str], tuple[Pose, list[bool]]] = {}
    frames: dict[Owner, FaceFrame] = {}
    for track in tracks:
        for place in character.places.get((track.kind, track.name), ()):
            place.check()
            values = place.keyed(track.values)
            channel = place.bone or track.bone
            if channel is None:
                keys, curve = found.setdefault(place.owner, Landed()), Curve(place.path, place.index)
                if place.table is not None and curve in keys.values:  # shapes on either side of one slider
                    values = keys.values[curve] + values - place.rest
                keys.add(curve, values, track.still)
                continue
            pose, still = poses.setdefault((place.owner, place.path), (_pose(place), []))
            if place.bone is None and place.owner not in frames:
                frames[place.owner] = face_frame(place.owner.find(), match)
            pose.add(channel, values, frames[place.owner] if place.bone is None else None)
            still.append(track.still)
    for (owner, _), (pose, still) in poses.items():
        for curve, values in pose.curves():
            found.setdefault(owner, Landed()).add(curve, values, all(still))
    return found


def _pose(place: Place) -> Pose:
    owner = place.owner.find()
    if getattr(owner, "pose", None) is None:
        raise RigError(f"{owner.name!r} is no armature any more; run the lip-sync again")
    return Pose(owner.path_resolve(place.path), place.path)
