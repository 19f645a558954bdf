# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of what stages make: hashes of all that goes in, so that nothing is done twice and nothing is out of date.

A stage's key holds the keys of the stages before it, not their results, so all keys of a line are known beforehand.
"""

import json
import os
from dataclasses import asdict, dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..core.errors import SheetError
from ..core.version import VERSION
from ..inference.bundle import find_bundle
from ..inference.speak import fingerprint
from ..inference.words import available
from ..retarget.maps import maps_folder
from .cache import file_sha256
from .lines import Line
from .speaking import request_of

CONFIG = "config.json"


@dataclass(frozen=True, slots=True)
class Keys:
    """Of one line."""

    speech: str
    """Of the spoken text; empty for a recorded sound."""
    curves: str
    bake: str
    """Empty where nothing needs Blender."""
    check: str
    """Holds all others: the line's own."""


def keys_of(line: Line, blender: str) -> Keys:
    """Return the keys of a line.

    Args:
        line: its files must be there.
        blender: which Blender would be used, with its version.

    Raises:
        SheetError: a file went away.
    """
    try:
        return _keys_of(line, blender)
    except OSError as error:
        raise SheetError(f"cannot read {error.filename}: {error.strerror}; check the path") from error


def _keys_of(line: Line, blender: str) -> Keys:
    speech = ""
    if line.sound is None:
        request = request_of(line)
        speech = _hash("speech", asdict(request), fingerprint(request))
    heard = speech or _hash(_content(line.sound), _content(line.phones), line.transcript, line.language, line.quality)
    curves = _hash("curves", heard, _content(find_bundle(line.bundle) / CONFIG), line.fps, line.expression,
                   line.intensity, line.articulation, "csv" in line.outputs, bool(line.for_blender))  # fmt: skip
    bake = ""
    if line.for_blender:
        map_file = Path(line.map) if line.map.lower().endswith(".json") else None
        bake = _hash("bake", line.id, curves, _content(line.character), line.object, map_file is None and line.map,
                     _content(map_file), line.for_blender, line.start_frame, blender,
                     line.jaw, line.lips, line.tongue, line.upper_face)  # fmt: skip
    return Keys(speech, curves, bake, _hash("check", curves, bake, line.outputs))


@lru_cache(maxsize=1)
def program_fingerprint() -> str:
    """Return what identifies this version of the program: its sources and maps, and whether it can listen for words."""
    digest = sha256(f"{VERSION} {available()}".encode())
    backend = Path(__file__).resolve().parents[1]
    addon = backend.parent / "blender_addon" if (backend.parent / "blender_addon").is_dir() else backend.parent
    for folder, pattern in ((backend, "**/*.py"), (addon, "*.py"), (addon, "*/*.py"), (maps_folder(), "*.json")):
        for path in sorted(folder.glob(pattern)):
            if "backend" not in path.relative_to(folder).parts[:-1]:
                digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def _hash(*parts: Any) -> str:  # noqa: ANN401 - whatever JSON can say
    text = json.dumps([program_fingerprint(), *parts], ensure_ascii=False, default=str)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _content(path: Path | None) -> str:
    """Return the hash of a file's content, remembered as long as size and time stay."""
    if path is None:
        return ""
    told = path.stat()
    return _remembered(os.fspath(path), told.st_size, told.st_mtime_ns)


@lru_cache(maxsize=4096)
def _remembered(path: str, _size: int, _time_ns: int) -> str:
    return file_sha256(Path(path))
