# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps that the user made: where they lie, and what can be chosen from."""

import os
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import bpy

from ..backend.core.errors import MapError
from ..backend.core.files import written_beside
from ..backend.retarget.map_text import map_text
from ..backend.retarget.maps import BlendshapeMap, load_map, load_maps, maps_folder

FOLDER = "lipsync3d/maps"
LONGEST_ID = 60


def folder(create: bool = False) -> Path:
    """Return the user's own folder of maps, which all files and versions of the add-on share.

    Raises:
        MapError: it cannot be made.
    """
    place = Path(bpy.utils.user_resource("CONFIG", path=FOLDER))
    if create:
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MapError(f"{place}: cannot make the folder ({error.strerror}); save the map elsewhere") from error
    return place


def choices() -> list[tuple[str, str]]:
    """Return (id, title) of the user's maps that can be read, by title."""
    found: list[tuple[str, str]] = []
    for path in sorted(folder().glob("*.json")):
        try:
            found.append((path.stem, load_map(path).title))
        except MapError:  # told where the map is chosen by its path
            continue
    return sorted(found, key=lambda one: one[1].casefold())


@lru_cache(maxsize=1)
def shipped() -> tuple[tuple[str, str], ...]:
    """Return (id, title) of the shipped maps, by title."""
    return tuple(sorted(((one.id, one.title) for one in load_maps()), key=lambda one: one[1].casefold()))


def own(one: BlendshapeMap) -> BlendshapeMap:
    """Return a map under an id that no shipped map has."""
    return replace(one, id=f"my-{one.id}") if one.id in dict(shipped()) else one


def adopt(loaded: BlendshapeMap) -> Path:
    """Put a map that was read from anywhere into the user's folder and return where; never over another map."""
    taken = {identity for identity, _ in (*shipped(), *choices())}
    identity, number = loaded.id, 2
    while identity in taken and not _same(identity, loaded):
        identity, number = f"{loaded.id[:LONGEST_ID]}-{number}", number + 1
    return save(replace(loaded, id=identity))


def _same(identity: str, loaded: BlendshapeMap) -> bool:
    try:
        return load_map(folder() / f"{identity}.json").title == loaded.title
    except MapError:
        return False


def path_of(name: str) -> Path:
    """Return the file of a map: a shipped one or a user's by its id, else the path as it is given."""
    for place in (maps_folder(), folder()):
        path = place / f"{name}.json"
        if os.sep not in name and path.is_file():
            return path
    return Path(bpy.path.abspath(name))


def title_of(name: str) -> str:
    """Return what a chosen map is called, for people; its name where it cannot be read."""
    try:
        return load_map(path_of(name)).title
    except MapError:
        return name


def stamp(path: Path) -> float:
    """Return what changes with a file; 0 for one that is not there."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def saved(loaded: BlendshapeMap) -> Path:
    """Return where a map of the user's lies or will lie."""
    return folder() / f"{loaded.id}.json"


def save(one: BlendshapeMap, path: Path | None = None, description: str = "") -> Path:
    """Write a map, into the user's folder by default, and return where; an older one of that id is replaced.

    Raises:
        MapError: the folder cannot be made.
        OutputError: it cannot be written.
    """
    place = path or folder(create=True) / f"{one.id}.json"
    with written_beside(place) as beside:
        beside.write_text(map_text(one, description), encoding="utf-8")
    return place
