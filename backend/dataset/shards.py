# SPDX-License-Identifier: GPL-3.0-or-later
"""Training data on disk: one safetensors file a clip, and one for what is the speaker's own.

Arrays are plain tensors; what is not an array lies in the file's header as JSON, so that a shard says by itself what it
was made of. Files are written beside and renamed: a shard that exists is whole.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import VideoError
from ..core.files import written_beside
from ..core.types import Floats

SHARD_VERSION = 1
HEADER = "lipsync3d"
"""Name of the JSON entry in the header of a shard."""


@dataclass(frozen=True)
class Shard:
    """A clip, or at most half a minute of one: T frames that are worth learning from, of all that were filmed."""

    times_s: NDArray[np.float64]
    """[T] from the first picture of the video."""
    frame_index: NDArray[np.int32]
    """[T] which of the filmed frames of this clip these are."""
    frame_status: NDArray[np.uint8]
    """[filmed] `tracking.quality.Status` of every filmed frame."""
    shot: NDArray[np.int32]
    """[T] rises at every cut."""
    displacement_cm: Floats
    """[T, 468, 3] canonical space, from `neutral_cm`."""
    neutral_cm: Floats
    """[468, 3] the speaker's own closed-mouth face (not the canonical one), the same in all shards of a folder."""
    pose_scale: NDArray[np.float64]
    """[T] cm per px."""
    pose_rotation: NDArray[np.float64]
    """[T, 3, 3] canonical_from_camera."""
    pose_translation: NDArray[np.float64]
    """[T, 3] cm."""
    lens: NDArray[np.float64]
    """[4] centre x, centre y, focal length (px; infinite for none), depth scale: `normalise.camera.Camera`."""
    atlas: NDArray[np.uint8]
    """[T, S, S, 3] sRGB, light taken out."""
    visibility: NDArray[np.uint8]
    """[T, h, w] 0-255, how well each part of the atlas was seen."""
    gain: NDArray[np.float16]
    """[T, h, w, 3] log gain that took the light out; its negative puts it back."""
    samples: NDArray[np.int16]
    """[N] sound, mono 16 kHz, full scale 32767."""
    sound_start_s: NDArray[np.float64]
    """[1] time of the first sample on the axis of `times_s`."""
    log_mel: Floats
    """[M, 80] `audio.features.log_mel` of the samples; frame i is centred at sound_start_s + i / 100."""


def write_shard(path: Path, shard: Shard, header: dict[str, Any]) -> None:
    """Write a shard whole or not at all.

    Raises:
        OutputError: the folder is missing, read-only or full.
    """
    write_tensors(path, {field.name: getattr(shard, field.name) for field in fields(Shard)}, header)


def read_shard(path: Path) -> Shard:
    """Return a shard.

    Raises:
        VideoError: not a shard, or of another version.
    """
    header, arrays = read_tensors(path)
    if header.get("version") != SHARD_VERSION:
        raise VideoError(f"{path}: shard version {header.get('version')}, not {SHARD_VERSION}; prepare it again")
    missing = {field.name for field in fields(Shard)} - set(arrays)
    if missing:
        raise VideoError(f"{path}: lacks {', '.join(sorted(missing))}; prepare it again")
    return Shard(**{field.name: arrays[field.name] for field in fields(Shard)})


def read_arrays(path: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Return some arrays of a shard; the others stay on the disk.

    Raises:
        VideoError: not a shard, damaged, of another version, or without one of them.
    """
    from safetensors import SafetensorError, safe_open

    version = read_header(path).get("version")
    if version != SHARD_VERSION:
        raise VideoError(f"{path}: shard version {version}, not {SHARD_VERSION}; prepare it again")
    try:
        with safe_open(str(path), framework="numpy") as file:
            return {name: file.get_tensor(name) for name in names}
    except (OSError, SafetensorError) as error:
        raise VideoError(f"{path}: damaged training data ({error}); prepare it again") from error


def read_header(path: Path) -> dict[str, Any]:
    """Return what a shard says of itself; empty where it is missing or damaged, so that it is made again."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            return json.loads((file.metadata() or {}).get(HEADER, "{}"))
    except (OSError, SafetensorError, ValueError):
        return {}


def write_tensors(path: Path, arrays: dict[str, NDArray[Any]], header: dict[str, Any]) -> None:
    """Write arrays and a JSON header as safetensors, whole or not at all."""
    from safetensors.numpy import save_file

    tensors = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    with written_beside(path) as beside:
        save_file(tensors, str(beside), metadata={HEADER: json.dumps(header, sort_keys=True)})


def read_tensors(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return (header, arrays) of a file of `write_tensors`.

    Raises:
        VideoError: missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return read_header(path), load_file(str(path))
    except (OSError, SafetensorError) as error:
        raise VideoError(f"{path}: not prepared training data, or damaged; prepare it again") from error
