# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh file (.npz without pickled objects): a predicted performance as vertices over time.

An hour is 600 MB at 30 frames a second (its atlases 20 GB), so it is written piece by piece. `times_s [T]`,
`vertices_cm [T, 468, 3]`, `neutral_cm`, `triangles`; besides these `confidence [T]`, the ARKit weights
`weights [T, 52]`
and the phones as columns. Where the bundle knows a speaker, `neutral_cm` is that speaker's, and with it go
`uv [468, 2]` and `reference_atlas [S, S, 3]`; where it predicts texture, `atlas [T, S, S, 3]`.
"""

import struct
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from .blendshapes import ARKIT_NAMES
from .errors import OutputError
from .face import canonical_face
from .files import written_beside
from .types import FacePrediction, Floats, PhoneSpan

LONGEST_LABEL = 8
ATLAS = "atlas"
LOCAL_HEADER = struct.Struct("<26xHH")
"""Of a zip's member: the lengths of its name and of its extra field, which the data follow."""


@dataclass(frozen=True, slots=True)
class MeshClip:
    """A mesh file's content."""

    times_s: NDArray[np.float64]
    """[T]"""
    vertices_cm: Floats
    """[T, V, 3] absolute, canonical space."""
    neutral_cm: Floats
    """[V, 3]"""
    triangles: NDArray[np.int32]
    """[F, 3]"""
    confidence: Floats
    """[T] in 0–1."""
    phones: tuple[PhoneSpan, ...]
    weights: Floats | None
    """[T, 52] ARKit weights that make the mesh, where the predictor knew them."""
    uv: Floats | None = None
    """[V, 2] of the atlas, v upwards, where a speaker is known."""
    reference_atlas: NDArray[np.uint8] | None = None
    """[S, S, 3] sRGB texture of the speaker at rest."""
    atlas: NDArray[np.uint8] | None = None
    """[T, S, S, 3] where texture was predicted."""

    def prediction(self) -> FacePrediction:
        """Return the content as the prediction it was written from."""
        displacement = self.vertices_cm - self.neutral_cm
        return FacePrediction(
            self.times_s,
            displacement,
            self.confidence,
            self.phones,
            self.atlas,
            self.reference_atlas,
            self.neutral_cm,
        )


@dataclass(frozen=True, slots=True)
class MeshHeader:
    """What is known before the first vertex is written."""

    times_s: NDArray[np.float64]
    confidence: Floats
    phones: tuple[PhoneSpan, ...] = ()
    neutral_cm: Floats | None = None
    """[V, 3] the speaker's; None: the canonical face."""
    uv: Floats | None = None
    """[V, 2] of the atlas."""
    reference_atlas: NDArray[np.uint8] | None = None
    """[S, S, 3]."""


def write_mesh(
    path: Path,
    header: MeshHeader,
    pieces: Iterable[Floats],
    weights: Floats | None = None,
    atlases: Iterable[NDArray[np.uint8]] | None = None,
) -> None:
    """Write a mesh file.

    Args:
        path: file to write; beside first, then renamed.
        header: times and what goes with them.
        pieces: displacements [t, 468, 3] in order, T frames in all.
        weights: [T, 52] where the predictor knows them; read when the last piece has been written.
        atlases: T atlases [S, S, 3] of the header's reference's size, in order; asked for after the last piece.

    Raises:
        OutputError: the folder is missing, read-only or full.
    """
    face = canonical_face()
    neutral = face.neutral_cm if header.neutral_cm is None else header.neutral_cm
    arrays: dict[str, NDArray[Any]] = {
        "times_s": header.times_s,
        "neutral_cm": neutral,
        "triangles": face.triangles,
        "confidence": header.confidence,
        "phones_label": np.array([span.phone for span in header.phones], f"U{LONGEST_LABEL}"),
        "phones_start_s": np.array([span.start_s for span in header.phones], np.float64),
        "phones_end_s": np.array([span.end_s for span in header.phones], np.float64),
        "phones_confidence": np.array([span.confidence for span in header.phones], np.float32),
    }
    for name, values in (("uv", header.uv), ("reference_atlas", header.reference_atlas)):
        if values is not None:
            arrays[name] = values
    vertices = (np.asarray(piece + neutral, np.float32) for piece in pieces)
    shape = (len(header.times_s), *neutral.shape)
    with written_beside(path) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, array in arrays.items():
            _write_streamed(archive, name, array.shape, array.dtype, [array])
        _write_streamed(archive, "vertices_cm", shape, np.dtype(np.float32), vertices)
        if weights is not None:
            _write_streamed(archive, "weights", weights.shape, weights.dtype, [weights])
        if atlases is not None and header.reference_atlas is not None:
            shape = (len(header.times_s), *header.reference_atlas.shape)
            _write_streamed(archive, "atlas", shape, np.dtype(np.uint8), atlases)


def _write_streamed(
    archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], pieces: Iterable[NDArray[Any]]
) -> None:
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        description: dict[str, Any] = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        npy.write_array_header_2_0(file, description)
        for piece in pieces:
            file.write(np.ascontiguousarray(piece).data.cast("B") if piece.size else b"")


def read_mesh(path: Path, *, map_atlas: bool = False) -> MeshClip:
    """Read and check a mesh file; nothing is unpickled.

    Args:
        path: the file.
        map_atlas: leave the atlases in the file, which must stay until they are let go of; they are most of it.

    Raises:
        OutputError: missing, damaged, or not a mesh file.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files if not (map_atlas and name == ATLAS)}
            if map_atlas and ATLAS in data.files:
                arrays[ATLAS] = _mapped(path, f"{ATLAS}.npy")
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, KeyError) as error:
        raise OutputError(f"mesh file {path} cannot be read ({error}); predict it again") from error
    try:
        _check(arrays)
        return MeshClip(
            arrays["times_s"],
            arrays["vertices_cm"],
            arrays["neutral_cm"],
            arrays["triangles"],
            arrays.get("confidence", np.ones(len(arrays["times_s"]), np.float32)),
            _phones(arrays),
            arrays.get("weights"),
            arrays.get("uv"),
            arrays.get("reference_atlas"),
            arrays.get("atlas"),
        )
    except KeyError as error:
        raise OutputError(f"mesh file {path} lacks {error.args[0]}; predict it again") from error
    except ValueError as error:
        raise OutputError(f"mesh file {path}: {error}; predict it again") from error


def _mapped(path: Path, name: str) -> NDArray[Any]:
    """Return an array of the file without reading it: members lie there as they are."""
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        member = archive.getinfo(name)
        if member.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"{name} is compressed")
        file.seek(member.header_offset)
        lengths = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
        file.seek(sum(lengths), 1)
        major, _ = npy.read_magic(file)
        read = npy.read_array_header_1_0 if major == 1 else npy.read_array_header_2_0
        shape, fortran_order, dtype = read(file)
        if dtype.hasobject or fortran_order:
            raise ValueError(f"{name} holds no plain rows of numbers")
        return np.memmap(path, dtype, "r", file.tell(), shape)


def _check(arrays: Mapping[str, NDArray[Any]]) -> None:
    """Raise ValueError where shapes do not fit each other or values are not finite."""
    times, vertices, neutral = arrays["times_s"], arrays["vertices_cm"], arrays["neutral_cm"]
    triangles = arrays["triangles"]
    if times.ndim != 1 or not len(times) or neutral.ndim != 2 or neutral.shape[1] != 3:
        raise ValueError("times_s must be [T] and neutral_cm [V, 3]")
    if vertices.shape != (len(times), *neutral.shape):
        raise ValueError(f"vertices_cm has shape {vertices.shape}, expected {(len(times), *neutral.shape)}")
    if triangles.ndim != 2 or triangles.shape[1] != 3 or not 0 <= triangles.min() <= triangles.max() < len(neutral):
        raise ValueError("triangles must be [F, 3] indices of vertices")
    for name in ("confidence", "weights"):
        columns = () if name == "confidence" else (len(ARKIT_NAMES),)
        if name in arrays and arrays[name].shape != (len(times), *columns):
            raise ValueError(f"{name} has shape {arrays[name].shape}, expected {(len(times), *columns)}")
    _check_texture(arrays, len(times), len(neutral))
    numbers = ("times_s", "vertices_cm", "neutral_cm", "confidence", "weights")
    for name in numbers:
        if name in arrays and not (arrays[name].dtype.kind == "f" and np.isfinite(arrays[name]).all()):
            raise ValueError(f"{name} holds values that are not finite numbers")


def _check_texture(arrays: Mapping[str, NDArray[Any]], frames: int, vertices: int) -> None:
    """Raise ValueError where uv, reference atlas and atlases do not fit each other."""
    if "uv" in arrays and (arrays["uv"].shape != (vertices, 2) or arrays["uv"].dtype.kind != "f"):
        raise ValueError(f"uv has shape {arrays['uv'].shape}, expected {(vertices, 2)}")
    for name, axes in (("reference_atlas", 3), ("atlas", 4)):
        if name in arrays and (
            arrays[name].ndim != axes or arrays[name].shape[-1] != 3 or arrays[name].dtype != np.uint8
        ):
            raise ValueError(f"{name} must be pictures of bytes [{'T, ' * (axes == 4)}S, S, 3]")
    if "atlas" in arrays and len(arrays["atlas"]) != frames:
        raise ValueError(f"atlas has {len(arrays['atlas'])} frames, expected {frames}")


def _phones(arrays: Mapping[str, NDArray[Any]]) -> tuple[PhoneSpan, ...]:
    if "phones_label" not in arrays:
        return ()
    names = ("phones_label", "phones_start_s", "phones_end_s", "phones_confidence")
    columns = [arrays[name].tolist() for name in names]
    return tuple(PhoneSpan(str(label), *numbers) for label, *numbers in zip(*columns, strict=True))
