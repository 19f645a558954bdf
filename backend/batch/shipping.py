# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a line as bytes, for workers that do not see them."""

from hashlib import sha256
from pathlib import Path

from .lines import Line

FIELDS = ("sound", "phones", "character")


def blobs_of(line: Line) -> tuple[tuple[tuple[str, str], ...], tuple[bytes, ...]]:
    """Return which fields of a line name files, under which names they travel, and their contents.

    A bundle's folder does not travel: it must be on every machine, or be one that ships with the program.
    """
    paths = {name: path for name in FIELDS if (path := getattr(line, name)) is not None}
    if line.map.lower().endswith(".json"):
        paths["map"] = Path(line.map)
    if line.voice and Path(line.voice).is_file():
        paths["voice"] = Path(line.voice)
    inputs: list[tuple[str, str]] = []
    blobs: list[bytes] = []
    for name, path in paths.items():
        data = path.read_bytes()
        inputs.append((name, f"{sha256(data).hexdigest()}{path.suffix.lower()}"))
        blobs.append(data)
    return tuple(inputs), tuple(blobs)
