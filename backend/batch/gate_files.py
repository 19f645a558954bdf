# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a .glb and a .mp4 are whole: containers, bounds and numbers, as a reader of another program needs them.

The GLB check follows glTF 2.0: header and chunks (section 4.4), accessors within their views and buffers (3.6.2),
animation inputs rising and outputs matching them (3.11), numbers finite.
"""

import json
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

JSON_CHUNK, BIN_CHUNK = 0x4E4F534A, 0x004E4942
_TYPES = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
SLACK_FRAMES = 1.5
"""The last frame lies within one of the sound's end; times are stored in 32 bits."""
FILM_SLACK_S = 0.2
"""Films end on whole frames and whole packets of sound."""
MOST_ELEMENTS = 1 << 26
_LARGEST_BYTES = 2 << 30


class _FaultError(Exception):
    """What is wrong, in a sentence."""


def glb_faults(path: Path, duration_s: float, fps: float) -> Iterator[str]:
    """Yield the first thing that is wrong with a GLB, if any.

    Args:
        path: the file.
        duration_s: length of the sound, which its longest animation must have.
        fps: frames per second.
    """
    try:
        tree, binary = _chunks(path)
        arrays = [_accessor(tree, index, binary) for index in range(len(_list(tree, "accessors")))]
        _check_meshes(tree, arrays)
        length_s = _check_animations(tree, arrays)
        if length_s is None:
            raise _FaultError("holds no animation")
        if abs(length_s - duration_s) > SLACK_FRAMES / fps:
            raise _FaultError(f"its animation lasts {length_s:.2f} s, the sound {duration_s:.2f} s")
    except _FaultError as fault:
        yield str(fault)
    except (KeyError, TypeError, IndexError, ValueError, AttributeError, RecursionError, OverflowError) as error:
        yield f"is not laid out as glTF 2.0 ({type(error).__name__}: {str(error)[:60]})"


def mp4_faults(path: Path, duration_s: float, fps: float) -> Iterator[str]:
    """Yield the first thing that is wrong with a film, if any; arguments as `glb_faults`."""
    try:
        boxes = dict(_boxes(_bytes(path), 0))
        missing = [name for name in ("ftyp", "moov", "mdat") if name not in boxes]
        if missing:
            raise _FaultError(f"is no whole film: its {missing[0]} is missing")
        header = dict(_boxes(boxes["moov"], 0))["mvhd"]
        scale, length = struct.unpack(
            ">IQ" if header[0] == 1 else ">II", header[20:32] if header[0] == 1 else header[12:20]
        )
        if abs(length / scale - duration_s) > FILM_SLACK_S + 1.0 / fps:
            raise _FaultError(f"lasts {length / scale:.2f} s, the sound {duration_s:.2f} s")
    except _FaultError as fault:
        yield str(fault)
    except (KeyError, struct.error, IndexError, ZeroDivisionError) as error:
        yield f"is no whole film ({type(error).__name__})"


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise _FaultError("is larger than 2 GB")
        return path.read_bytes()
    except OSError as error:
        raise _FaultError(f"cannot be read: {error.strerror}") from error


def _boxes(data: bytes, at: int) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the boxes of an ISO base media file."""
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            (size,), head = struct.unpack_from(">Q", data, at + 8), 16
        size = size or len(data) - at
        if size < head or at + size > len(data):
            raise _FaultError("is cut off")
        yield name.decode("latin-1"), data[at + head : at + size]
        at += size


def _chunks(path: Path) -> tuple[dict[str, Any], bytes]:
    data = _bytes(path)
    if len(data) < 20 or data[:4] != b"glTF":
        raise _FaultError("is no GLB")
    version, length = struct.unpack_from("<II", data, 4)
    if version != 2 or length != len(data):
        raise _FaultError(f"says {length} bytes of version {version}, but has {len(data)}")
    found: dict[int, bytes] = {}
    at = 12
    while at < len(data):
        if at + 8 > len(data):
            raise _FaultError("is cut off")
        size, kind = struct.unpack_from("<II", data, at)
        if size % 4 or at + 8 + size > len(data):
            raise _FaultError("has a chunk that reaches beyond its end")
        found.setdefault(kind, data[at + 8 : at + 8 + size])
        at += 8 + size
    try:
        tree = json.loads(found[JSON_CHUNK])
    except (KeyError, ValueError) as error:
        raise _FaultError("holds no JSON") from error
    if not isinstance(tree, dict):
        raise _FaultError("holds no JSON object")
    asset = cast("dict[str, Any]", tree).get("asset")
    if not isinstance(asset, dict) or cast("dict[str, Any]", asset).get("version") != "2.0":
        raise _FaultError("is not of glTF 2.0")
    return cast("dict[str, Any]", tree), found.get(BIN_CHUNK, b"")


def _list(tree: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return list(tree.get(name, ()))


def _view(tree: dict[str, Any], index: int, binary: bytes) -> tuple[memoryview, int]:
    """Return the bytes of a buffer view, and its stride; 0 where packed."""
    view = _list(tree, "bufferViews")[_index(index)]
    buffer = _list(tree, "buffers")[_index(view["buffer"])]
    first, size = _count(view.get("byteOffset", 0)), _count(view["byteLength"])
    if "uri" in buffer or view["buffer"] != 0:
        raise _FaultError("keeps data outside the file")
    if buffer["byteLength"] > len(binary) or first + size > buffer["byteLength"]:
        raise _FaultError(f"view {index} reaches beyond its buffer")
    return memoryview(binary)[first : first + size], _count(view.get("byteStride", 0))


def _accessor(tree: dict[str, Any], index: int, binary: bytes) -> NDArray[Any]:
    """Return an accessor's values [count, width].

    Raises:
        _FaultError: out of bounds, or not finite.
    """
    accessor = _list(tree, "accessors")[index]
    kind, width, count = (
        np.dtype(_TYPES[accessor["componentType"]]),
        _WIDTHS[accessor["type"]],
        _count(accessor["count"]),
    )
    if count < 1 or count > MOST_ELEMENTS:
        raise _FaultError(f"accessor {index} has {count} elements")
    values = np.zeros((count, width), kind)
    if "bufferView" in accessor:
        values = _read(tree, index, accessor, (kind, width, count, binary))
    if "sparse" in accessor:
        values = _with_sparse(tree, index, accessor["sparse"], values, binary)
    if kind == np.float32 and not np.isfinite(values).all():
        raise _FaultError(f"accessor {index} holds numbers that are not finite")
    return values


def _read(
    tree: dict[str, Any], index: int, place: dict[str, Any], shape: tuple[np.dtype[Any], int, int, bytes]
) -> NDArray[Any]:
    kind, width, count, binary = shape
    view, stride = _view(tree, place["bufferView"], binary)
    at, element = _count(place.get("byteOffset", 0)), width * kind.itemsize
    step = stride or element
    if step < element or at + step * (count - 1) + element > len(view):
        raise _FaultError(f"accessor {index} reaches beyond its view")
    return np.ndarray((count, width), kind, view, at, (step, kind.itemsize)).copy()


def _with_sparse(
    tree: dict[str, Any], index: int, sparse: dict[str, Any], values: NDArray[Any], binary: bytes
) -> NDArray[Any]:
    count = _count(sparse["count"])
    where = sparse["indices"]
    rows = _read(tree, index, where, (np.dtype(_TYPES[where["componentType"]]), 1, count, binary))[:, 0]
    given = _read(tree, index, sparse["values"], (values.dtype, values.shape[1], count, binary))
    if rows.max(initial=0) >= len(values) or (np.diff(rows.astype(np.int64)) <= 0).any():
        raise _FaultError(f"accessor {index} has sparse rows out of order or bounds")
    values[rows] = given
    return values


def _check_meshes(tree: dict[str, Any], arrays: list[NDArray[Any]]) -> None:
    for number, mesh in enumerate(_list(tree, "meshes")):
        for part in mesh["primitives"]:
            vertices = len(arrays[_index(part["attributes"]["POSITION"])])
            used = [*part["attributes"].values(), *(i for target in part.get("targets", ()) for i in target.values())]
            if any(len(arrays[_index(i)]) != vertices for i in used):
                raise _FaultError(f"mesh {number} has attributes of different lengths")
            if "indices" in part and int(arrays[_index(part["indices"])].max()) >= vertices:
                raise _FaultError(f"mesh {number} has triangles of vertices that are not there")


def _check_animations(tree: dict[str, Any], arrays: list[NDArray[Any]]) -> float | None:
    """Return the length of the longest animation, None where there is none."""
    lengths: list[float] = []
    for animation in _list(tree, "animations"):
        samplers = animation["samplers"]
        for channel in animation["channels"]:
            sampler = samplers[_index(channel["sampler"])]
            times = arrays[_index(sampler["input"])][:, 0].astype(np.float64)
            if times[0] < 0 or (np.diff(times) <= 0).any():
                raise _FaultError("an animation's times do not rise")
            target = channel["target"]
            values = arrays[_index(sampler["output"])]
            per_key = _targets(tree, target) if target["path"] == "weights" else 1
            per_key *= 3 if sampler.get("interpolation") == "CUBICSPLINE" else 1
            if per_key and len(values) != per_key * len(times):
                raise _FaultError(f"an animation of {target['path']} has {len(values)} values for {len(times)} times")
            lengths.append(float(times[-1] - times[0]))
    return max(lengths) if lengths else None


def _targets(tree: dict[str, Any], target: dict[str, Any]) -> int:
    """Return the morph targets of the mesh that a channel moves; 0 where an extension says what it moves."""
    if "node" not in target:
        return 0
    node = _list(tree, "nodes")[_index(target["node"])]
    return len(_list(tree, "meshes")[_index(node["mesh"])]["primitives"][0]["targets"])


def _index(value: Any) -> int:  # noqa: ANN401 - of somebody's JSON
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _FaultError("refers to something by no number")
    return value


def _count(value: Any) -> int:  # noqa: ANN401 - of somebody's JSON
    if not isinstance(value, int | float) or not math.isfinite(value) or value < 0 or value != int(value):
        raise _FaultError("has a length that is none")
    return int(value)
