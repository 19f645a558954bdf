# SPDX-License-Identifier: GPL-3.0-or-later
"""How the head of a video turned and moved, for a talking head to do the same: read from a shard of `prepare`.

Turns are those from the head's middle pose, so that the head looks ahead on average. Where the speech is longer, the
motion goes back and forth. Depth is left out: one camera tells little of it.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import VideoError
from ..types import Floats

LARGEST_HEADER = 1 << 20
LARGEST_CLIP = 1 << 22
"""Frames."""
WANTED = {"times_s": (), "pose_scale": (), "pose_rotation": (3, 3), "pose_translation": (3,)}
"""Arrays of a shard, all of 64-bit floats, and their shapes after the first axis."""
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class HeadMotion:
    """A head's motion in canonical axes."""

    times_s: Doubles
    """[T] from 0."""
    rotation: Floats
    """[T, 4] unit quaternions w, x, y, z from the middle pose, each on the side of the one before."""
    shift_cm: Floats
    """[T, 3] from the middle place."""

    def at(self, times_s: Doubles) -> "HeadMotion":
        """Return the motion at other times [N], back and forth beyond its end."""
        length = float(self.times_s[-1])
        there = np.abs((np.asarray(times_s) + length) % (2 * length) - length) if length > 0 else 0 * times_s
        turned = _interpolated(there, self.times_s, self.rotation)
        turned /= np.linalg.norm(turned, axis=1, keepdims=True)
        return HeadMotion(np.asarray(times_s, np.float64), turned, _interpolated(there, self.times_s, self.shift_cm))


def read_head_motion(path: Path) -> HeadMotion:
    """Return the head motion of a shard.

    Raises:
        VideoError: not a shard, damaged, or without pose.
    """
    arrays = _pose_arrays(path)
    times, scale, rotation = arrays["times_s"], arrays["pose_scale"], arrays["pose_rotation"]
    if not all(np.isfinite(one).all() for one in arrays.values()) or (scale <= 0).any():
        raise VideoError(f"{path}: its head pose is damaged; prepare the video again")
    camera_from_head = rotation.swapaxes(1, 2)
    left, _, right = np.linalg.svd(camera_from_head.mean(axis=0))
    quaternions = _quaternions(camera_from_head @ (left @ right).T)
    place = -np.einsum("tij,tj->ti", camera_from_head, arrays["pose_translation"]) / scale[:, None] * np.median(scale)
    shift = place - np.median(place, axis=0)
    shift[:, 2] = 0.0
    return HeadMotion(times - times[0], quaternions.astype(np.float32), shift.astype(np.float32))


def _pose_arrays(path: Path) -> dict[str, Doubles]:
    """Read the four arrays of a safetensors file, with no more trust in it than in any file from outside."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if not 2 <= size <= LARGEST_HEADER:
                raise ValueError("no safetensors")
            told = json.loads(file.read(size))
            found: dict[str, Doubles] = {}
            for name, shape in WANTED.items():
                count, *rest = told[name]["shape"]
                start, end = told[name]["data_offsets"]
                wanted = int(count) * int(np.prod(shape)) * 8
                if told[name]["dtype"] != "F64" or tuple(rest) != shape or not 1 <= count <= LARGEST_CLIP:
                    raise ValueError(f"{name} {told[name]}")
                file.seek(8 + size + int(start))
                data = file.read(wanted)
                if end - start != wanted or len(data) != wanted:
                    raise ValueError("cut short")
                found[name] = np.frombuffer(data, "<f8").reshape(count, *shape)
    except OSError as error:
        raise VideoError(f"cannot read {path}: {error.strerror}; check the path") from error
    except (ValueError, KeyError, TypeError) as error:
        raise VideoError(f"{path} holds no head pose ({error}); give a shard that `prepare` made of a video") from error
    if len({len(one) for one in found.values()}) > 1:
        raise VideoError(f"{path}: its head pose is damaged; prepare the video again")
    return found


def _quaternions(rotation: Doubles) -> Doubles:
    """Return rotations [T, 3, 3] as quaternions [T, 4]: the eigenvector of Bar-Itzhack's (2000) matrix."""
    r = rotation
    k = np.zeros((len(r), 4, 4))
    trace = np.trace(r, axis1=1, axis2=2)
    k[:, 0, 0] = trace
    k[:, 1:, 1:] = r + r.swapaxes(1, 2) - trace[:, None, None] * np.eye(3)
    k[:, 0, 1:] = k[:, 1:, 0] = np.stack(
        [r[:, 2, 1] - r[:, 1, 2], r[:, 0, 2] - r[:, 2, 0], r[:, 1, 0] - r[:, 0, 1]], axis=1
    )
    found = np.linalg.eigh(k)[1][:, :, -1]
    found[0] *= 1.0 if found[0, 0] >= 0 else -1.0
    turns = np.where((found[1:] * found[:-1]).sum(axis=1) < 0, -1.0, 1.0)
    found[1:] *= np.cumprod(turns)[:, None]
    return found


def _interpolated(at: Doubles, times_s: Doubles, values: Floats) -> Floats:
    return np.stack([np.interp(at, times_s, column) for column in values.T], axis=-1).astype(np.float32)
