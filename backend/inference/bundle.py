# SPDX-License-Identifier: GPL-3.0-or-later
"""Model bundles: checked before anything of them is used, because a user may open a stranger's.

Order: schema, then the settings, then sizes and checksums of the files, then building. Nothing is unpickled, no
path leaves the folder, and the bytes that were checked are the bytes that are used. Files the config does not name are
ignored.
"""

import io
import json
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..audio import features
from ..core.errors import BundleError
from ..speech.phones import PHONES

SCHEMAS = (1,)
UNIVERSAL, PERSONAL, SELFTALK = "universal", "lipsync3d", "selftalk"
OF_SPEAKERS = (PERSONAL, SELFTALK)
"""Kinds that know one speaker; they have the same parts."""
KINDS = (UNIVERSAL, *OF_SPEAKERS)
BUNDLES_FOLDER = Path(__file__).resolve().parents[1] / "bundles"
DEFAULT_BUNDLE = "universal"
LARGEST_CONFIG_BYTES = 1 << 20
LARGEST_FILE_BYTES = 1 << 30
LARGEST_STATISTICS_BYTES = 1 << 20
"""Unpacked."""
LONGEST_CONTEXT_FRAMES = 3000
MODEL, STATISTICS = "model.onnx", "statistics.npz"
SPEECH, GEOMETRY, TEXTURE, FACE = "speech.onnx", "geometry.onnx", "texture.onnx", "face.npz"
EAR = "motion.npz"
NEEDED = {UNIVERSAL: (MODEL, STATISTICS), **dict.fromkeys(OF_SPEAKERS, (SPEECH, GEOMETRY, FACE, STATISTICS))}
BASIS, BLENDSHAPES = "basis", "blendshapes"
COEFFICIENTS = (BASIS, BLENDSHAPES)
"""What `geometry.onnx` answers: coefficients of the speaker's own basis, or the 52 ARKit weights."""
USED = {UNIVERSAL: (*NEEDED[UNIVERSAL], EAR), **dict.fromkeys(OF_SPEAKERS, (*NEEDED[PERSONAL], TEXTURE))}
"""Files that prediction needs, and those it uses where they are there."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model with all that is needed to run it, every part checked."""

    name: str
    """Folder-independent name with its version, e.g. `universal-v2`."""
    kind: str
    context_frames: int
    """Frames before (and, unless `look_ahead_frames` says fewer, after) it that an output frame depends on."""
    model: bytes
    """The ONNX graph of the speech encoder."""
    statistics: dict[str, NDArray[np.float32]]
    """Normalisation of the features."""
    features: dict[str, Any]
    """Feature settings of the config, as written."""
    decoder: dict[str, Any] = field(default_factory=dict[str, Any])
    """Settings of the phone decoder, as written; see `decoder.DecoderSettings`."""
    parts: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """The other files that a kind uses, by name."""
    look_ahead_frames: int = LONGEST_CONTEXT_FRAMES
    """Frames after it that an output frame of the network depends on, where the bundle tells."""
    context_steps: int = 0
    """Steps of 20 ms on each side that an output of `geometry.onnx` depends on."""
    coefficients: str = BASIS
    """One of `COEFFICIENTS`."""


def open_bundle(name_or_folder: str | Path = DEFAULT_BUNDLE) -> Bundle:
    """Read and check a bundle.

    Args:
        name_or_folder: name of a shipped bundle (`universal` is the newest `universal-vN`, and so is an older version
            that is shipped no more), or a folder.

    Raises:
        BundleError: no such bundle, a missing or damaged part, or a schema this version does not know.
    """
    folder = find_bundle(name_or_folder)
    config = _read_config(folder)
    _check_settings(folder, config)
    parts = _read_checked_files(folder, config)
    return Bundle(
        name=str(config.get("name", folder.name)),
        kind=config["kind"],
        context_frames=config["context_frames"],
        model=parts.pop(SPEECH if config["kind"] in OF_SPEAKERS else MODEL),
        statistics=_read_statistics(folder, parts.pop(STATISTICS)),
        features=config["features"],
        decoder=config.get("decoder", {}),
        parts=parts,
        look_ahead_frames=config.get("look_ahead_frames", config["context_frames"]),
        context_steps=config.get("context_steps", 0),
        coefficients=config.get("coefficients", BASIS),
    )


def find_bundle(name_or_folder: str | Path) -> Path:
    """Return the folder of a bundle given by name or path.

    Raises:
        BundleError: nothing of that name.
    """
    shipped = shipped_bundles()
    name = str(name_or_folder)
    if name in shipped:
        return shipped[name]
    newest = _newest(shipped, name)
    if newest:
        return shipped[newest]
    folder = Path(name_or_folder)
    if folder.is_dir():
        return folder
    stem, _, version = name.rpartition("-v")
    newest = _newest(shipped, stem)
    if newest and version.isdecimal() and int(version) < _version(newest):
        return shipped[newest]  # a scene saved with an older version goes on with the one that took its place
    if folder.exists():
        raise BundleError(f"bundle {folder} is a file; give the folder that holds its config.json")
    raise BundleError(f"no bundle {name!r}; shipped are: {', '.join(shipped) or 'none'}; or give a bundle's folder")


def _newest(names: Iterable[str], stem: str) -> str | None:
    return max((name for name in names if name.rpartition("-v")[0] == stem), key=_version, default=None)


def _version(name: str) -> int:
    return int(name.rpartition("-v")[2])


def shipped_bundles() -> dict[str, Path]:
    """Return the folders of the bundles inside the backend by name, `NAME-vN`."""
    if not BUNDLES_FOLDER.is_dir():
        return {}
    return {
        folder.name: folder
        for folder in sorted(BUNDLES_FOLDER.iterdir())
        if folder.is_dir() and re.fullmatch(r".+-v\d+", folder.name)
    }


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        if path.stat().st_size > LARGEST_CONFIG_BYTES:
            raise BundleError(f"{path} is larger than 1 MB; this is no bundle of ours")
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BundleError(f"bundle {folder}: config.json cannot be read ({error.strerror}); get it again") from error
    except (ValueError, RecursionError) as error:
        raise BundleError(f"bundle {folder}: config.json is not JSON; get the bundle again") from error
    if not isinstance(config, dict):
        raise BundleError(f"bundle {folder}: config.json is not an object; get the bundle again")
    return cast("dict[str, Any]", config)


def _check_settings(folder: Path, config: dict[str, Any]) -> None:
    schema = config.get("schema")
    if isinstance(schema, bool) or schema not in SCHEMAS:
        accepted = ", ".join(map(str, SCHEMAS))
        raise BundleError(f"bundle {folder}: schema {schema!r} is unknown; this version accepts {accepted}")
    if config.get("kind") not in KINDS:
        raise BundleError(f"bundle {folder}: kind {config.get('kind')!r} is unknown; accepted: {', '.join(KINDS)}")
    expected = {"sample_rate": features.SAMPLE_RATE, "hop": features.HOP, "n_mels": features.N_MELS}
    settings = config.get("features")
    if not isinstance(settings, dict) or any(settings.get(key) != value for key, value in expected.items()):
        raise BundleError(f"bundle {folder}: features must have {expected}; get a bundle for this version")
    if config.get("phones") != list(PHONES):
        raise BundleError(f"bundle {folder}: phones are not the {len(PHONES)} of this version; get a bundle for it")
    for name in ("context_frames", "context_steps") if config["kind"] in OF_SPEAKERS else ("context_frames",):
        context = config.get(name)
        if not isinstance(context, int) or isinstance(context, bool) or not 0 <= context <= LONGEST_CONTEXT_FRAMES:
            raise BundleError(f"bundle {folder}: {name} must be 0 to {LONGEST_CONTEXT_FRAMES}")
    if config.get("coefficients", BASIS) not in COEFFICIENTS:
        raise BundleError(f"bundle {folder}: coefficients must be one of {', '.join(COEFFICIENTS)}")
    if not isinstance(config.get("decoder", {}), dict):
        raise BundleError(f"bundle {folder}: decoder must be an object")


def _read_checked_files(folder: Path, config: dict[str, Any]) -> dict[str, bytes]:
    """Return the bytes of the parts that prediction needs; check the checksum of every file the config names."""
    sums = config.get("sha256")
    needed, used = NEEDED[config["kind"]], USED[config["kind"]]
    if not isinstance(sums, dict) or not sums.keys() >= set(needed):
        raise BundleError(f"bundle {folder}: sha256 must name {', '.join(needed)}; get the bundle again")
    parts: dict[str, bytes] = {}
    for name, expected in cast("dict[str, Any]", sums).items():
        data = _read_part(folder, name)
        if sha256(data).hexdigest() != expected:
            raise BundleError(f"bundle {folder}: {name} does not match its checksum; get the bundle again")
        if name in used:
            parts[name] = data
    return parts


def _read_part(folder: Path, name: str) -> bytes:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
        raise BundleError(f"bundle {folder}: file name {name!r} is not allowed; get the bundle from a source you trust")
    path = folder / name
    if path.is_symlink() and folder.resolve() not in path.resolve().parents:
        raise BundleError(f"bundle {folder}: {name} points out of the bundle; get it from a source you trust")
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise BundleError(f"bundle {folder}: {name} is larger than 1 GB; this is no bundle of ours")
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"bundle {folder}: {name} cannot be read ({error.strerror}); get the bundle again") from error


def _read_statistics(folder: Path, data: bytes) -> dict[str, NDArray[np.float32]]:
    try:
        _check_unpacked_size(folder, data)
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            found = {name: np.asarray(arrays[name], np.float32) for name in arrays.files}
    except BundleError:
        raise
    except Exception as error:  # zipfile, zlib and numpy raise a dozen kinds on a stranger's bytes, MemoryError too
        raise BundleError(f"bundle {folder}: {STATISTICS} holds no plain arrays; get the bundle again") from error
    if not all(np.isfinite(values).all() for values in found.values()):
        raise BundleError(f"bundle {folder}: {STATISTICS} holds NaN or infinite numbers; get the bundle again")
    return found


def _check_unpacked_size(folder: Path, data: bytes) -> None:
    """Refuse a small file that unpacks to a huge one."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(member.file_size for member in archive.infolist()) > LARGEST_STATISTICS_BYTES:
            raise BundleError(f"bundle {folder}: {STATISTICS} unpacks to more than 1 MB; this is no bundle of ours")
