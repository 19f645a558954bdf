# SPDX-License-Identifier: GPL-3.0-or-later
"""Tracks of bone channels as the curves of pose bones, in each bone's own axes, unit and mode of rotation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import bpy
import numpy as np
from mathutils import Quaternion, Vector
from numpy.typing import NDArray

from ..backend.retarget.maps import BoneChannel
from .actions import Curve
from .face_frame import FaceFrame

ON_AXIS = 1e-6
"""A direction whose other parts are smaller than this is one of the bone's axes."""
EULER = {"XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX"}

Values = NDArray[np.float32]


@dataclass
class Pose:
    """What moves one bone: directions in its own axes, and how far along or about them."""

    bone: bpy.types.PoseBone
    path: str
    location: list[tuple[Vector, Values]] = field(default_factory=list)
    rotation: list[tuple[Vector, Values]] = field(default_factory=list)

    def add(self, channel: BoneChannel, values: Values, frame: FaceFrame | None) -> None:
        """Add a track.

        Args:
            channel: what of the bone.
            values: [T] radians, or centimetres of the canonical face.
            frame: of the face; None where location is in the armature's unit already.
        """
        direction = _direction(self.bone, channel, frame)
        scale = 1.0 if channel.channel == "rotation" or frame is None else frame.units_per_cm
        of_kind = self.rotation if channel.channel == "rotation" else self.location
        of_kind.append((direction, (values * scale).astype(np.float32)))

    def curves(self) -> Iterator[tuple[Curve, Values]]:
        """Yield the curves to key; a bone at rest has location 0 and no rotation."""
        if self.location:
            moved = np.sum([np.outer(values, np.array(direction)) for direction, values in self.location], axis=0)
            for axis in _used(self.location):
                yield self._curve("location", axis), moved[:, axis].astype(np.float32)
        if self.rotation:
            yield from self._turned()

    def _turned(self) -> Iterator[tuple[Curve, Values]]:
        mode, axes = self.bone.rotation_mode, _used(self.rotation)
        if mode in EULER and len(axes) == 1 and len(self.rotation) == 1:
            direction, values = self.rotation[0]
            yield self._curve("rotation_euler", axes[0]), values * np.float32(direction[axes[0]])
            return
        turns = _composed(self.rotation)
        if mode == "QUATERNION":
            name, arrays = "rotation_quaternion", np.array([tuple(turn) for turn in turns], np.float32)
        elif mode == "AXIS_ANGLE":
            told = [turn.to_axis_angle() for turn in turns]
            name, arrays = "rotation_axis_angle", np.array([(angle, *axis) for axis, angle in told], np.float32)
        else:
            name, arrays = "rotation_euler", np.array([tuple(turn.to_euler(mode)) for turn in turns], np.float32)
        for index in range(arrays.shape[1]):
            yield self._curve(name, index), arrays[:, index]

    def _curve(self, channel: str, index: int) -> Curve:
        return Curve(f"{self.path}.{channel}", index, self.bone.name)


def _direction(bone: bpy.types.PoseBone, channel: BoneChannel, frame: FaceFrame | None) -> Vector:
    """Return a channel's direction in the bone's own axes."""
    if channel.space != "face" or frame is None:
        return Vector([float(axis == channel.axis) for axis in range(3)])
    direction = Vector(frame.axes[channel.axis].tolist())
    if channel.channel == "location" and not bone.bone.use_local_location:
        return direction
    direction = bone.bone.matrix_local.to_3x3().transposed() @ direction
    return Vector([0.0 if abs(part) < ON_AXIS else part for part in direction])


def _used(tracks: Sequence[tuple[Vector, Values]]) -> list[int]:
    return [axis for axis in range(3) if any(abs(direction[axis]) > ON_AXIS for direction, _ in tracks)]


def _composed(tracks: Sequence[tuple[Vector, Values]]) -> list[Quaternion]:
    """Return the rotations [T] of several tracks, one after the other, each the short way from the frame before."""
    turns: list[Quaternion] = []
    for angles in np.stack([values for _, values in tracks], axis=1).tolist():
        turn = Quaternion()
        for (direction, _), angle in zip(tracks, angles, strict=True):
            turn = turn @ Quaternion(direction, angle)
        if turns:
            turn.make_compatible(turns[-1])
        turns.append(turn)
    return turns
