# SPDX-License-Identifier: GPL-3.0-or-later
"""`manifest.json`: what a folder of training data is made of, and which clips are to validate on.

Everything in it is read from the headers of the shards, so it is true however often the work was interrupted.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..core.errors import VideoError
from ..core.files import written_beside
from ..core.version import VERSION
from .sources import Refusal

MANIFEST_VERSION = 1
MANIFEST = "manifest.json"
PACKAGES = ("mediapipe", "opencv-contrib-python", "av", "numpy", "safetensors")
HASH_DIGITS = 8


@dataclass(frozen=True, slots=True)
class ClipRecord:
    """One shard, as its header tells."""

    shard: str
    """File name in the folder."""
    header: dict[str, Any]


def split_of(records: Sequence[ClipRecord], validate: float) -> list[str]:
    """Return `train` or `validate` for each clip, whole clips only.

    The share is drawn by a hash of the clip's content, so a clip keeps its side when others are added; where the draw
    leaves nothing to validate on, the clip with the lowest number is taken.
    """
    numbers = [int(record.header["draw"], 16) / 16**HASH_DIGITS for record in records]
    chosen = [number < validate for number in numbers]
    if validate > 0 and len(numbers) > 1 and not any(chosen):
        chosen[numbers.index(min(numbers))] = True
    return ["validate" if taken else "train" for taken in chosen]


def write_manifest(
    folder: Path, records: Sequence[ClipRecord], refused: Sequence[Refusal], settings: dict[str, Any], validate: float
) -> dict[str, Any]:
    """Write and return the manifest.

    Raises:
        OutputError: the folder cannot be written to.
    """
    counts: Counter[str] = Counter()
    clips: list[dict[str, Any]] = []
    for record, side in zip(records, split_of(records, validate), strict=True):
        counts.update(record.header["frames"])
        entry = {name: value for name, value in record.header.items() if name not in ("key", "draw", "version")}
        clips.append({"shard": record.shard, "split": side, **entry})
    total = sum(counts.values())
    manifest = {
        "format": "lipsync3d.shards",
        "version": MANIFEST_VERSION,
        "made_with": {"lipsync3d": VERSION, **_versions()},
        "settings": {**settings, "validate": validate},
        "frames": dict(counts),
        "kept_share": round(counts["ok"] / total, 6) if total else 0.0,
        "split": "by clip, drawn by the SHA-256 of the video and the clip's number",
        "neutral": "displacement_cm is measured from neutral_cm, the speaker's own closed-mouth face",
        "clips": clips,
        "refused": [{"path": refusal.path.name, "reason": refusal.reason} for refusal in refused],
    }
    with written_beside(folder / MANIFEST) as beside:
        beside.write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return manifest


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a folder.

    Raises:
        VideoError: no manifest there, damaged, or of another version.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise VideoError(f"{path}: no prepared training data here; run `python -m backend prepare`") from error
    if manifest.get("format") != "lipsync3d.shards" or manifest.get("version") != MANIFEST_VERSION:
        raise VideoError(f"{path}: not a manifest of version {MANIFEST_VERSION}; prepare the videos again")
    return manifest


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
