# SPDX-License-Identifier: GPL-3.0-or-later
"""The columns of a sheet: what each cell may be, and how it becomes a field of `Line`."""

import math
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.errors import LipSyncError
from ..core.timebase import HIGHEST_FPS, LOWEST_FPS
from ..inference.bundle import DEFAULT_BUNDLE, find_bundle, shipped_bundles
from ..inference.reading import QUALITIES
from ..inference.speak import problems
from ..motion.expression import EXPRESSIONS, MOST_INTENSE
from ..retarget.maps import load_map, load_maps
from .lines import ENDINGS, LONGEST_TEXT, Line
from .names import FORMULA, filled, name_problem
from .speaking import request_of

PIPER = "piper"
ENGINES = ("espeak-ng", PIPER)
CHARACTERS = (".blend", ".glb", ".gltf", ".fbx", ".obj")
"""Files that a character may come in."""
TEXTS = ("text", "transcript", "language", "object")
NUMBERS = {
    "speed": (0.5, 2.0),
    "pitch": (-12.0, 12.0),
    "loudness": (-40.0, -8.0),
    "fps": (float(LOWEST_FPS), float(HIGHEST_FPS)),
    "intensity": (0.0, MOST_INTENSE),
    "jaw": (0.0, 3.0),
    "lips": (0.0, 3.0),
    "tongue": (0.0, 3.0),
    "upper_face": (0.0, 3.0),
    "articulation": (0.0, 3.0),
}
"""Column -> lowest and highest."""
COLUMNS = (
    "id", "text", "sound", "engine", "voice", "language", "transcript", "phones", "quality", "speed", "pitch",
    "loudness", "character", "object", "map", "bundle", "fps", "expression", "intensity", "outputs", "path",
    "start_frame", "jaw", "lips", "tongue", "upper_face", "articulation",
)  # fmt: skip
"""Every column that may be there; only `id`, and `text` or `sound`, must be."""
Found = list[tuple[str, str]]
"""Column and what is wrong with its cell."""


@dataclass(frozen=True)
class Cells:
    """A line as the sheet has it."""

    number: int
    cells: Mapping[str, str]
    """Column -> cell, those that are not empty."""
    folder: Path
    """That relative paths count from."""
    commands: Mapping[str, str] = field(default_factory=dict[str, str])
    """Templates of the commands that the sheet may name as engines; a sheet cannot bring its own."""

    @property
    def shown_id(self) -> str:
        """The id as messages show it."""
        return "".join(c for c in self.cells.get("id", "")[:40] if unicodedata.category(c)[0] != "C")


def line_of(cells: Cells, template: str) -> tuple[Line, Found]:
    """Return a line and everything that is wrong with it; the line is of use only where nothing is."""
    found: Found = []
    values: dict[str, Any] = {"id": unicodedata.normalize("NFC", cells.cells.get("id", "").strip())}
    if wrong := name_problem(values["id"]):
        found.append(("id", wrong))
    for name in TEXTS:
        if name in cells.cells:
            values[name] = _text(name, cells.cells[name], found)
    for name, (low, high) in NUMBERS.items():
        if name in cells.cells:
            values[name] = _number(name, cells.cells[name], (low, high), found)
    for name, read in OTHERS.items():
        if name in cells.cells or name in ALWAYS:
            try:
                values[name] = read(cells.cells.get(name, ALWAYS.get(name, "")).strip(), cells.folder)
            except LipSyncError as error:
                found.append((name, str(error)))
            except ValueError as error:
                found.append((name, str(error)))
    _check_together(values, cells, found)
    _check_speech(values, cells, found)
    line = Line(number=cells.number, path="", **values)
    try:
        path = filled(cells.cells.get("path", template).strip(), line)
    except (ValueError, AttributeError) as error:
        found.append(("path", f"{error}; mend the template"))
        path = ""
    return Line(number=cells.number, path=path, **values), found


def _text(name: str, cell: str, found: Found) -> str:
    text = cell.strip()
    if name in ("text", "transcript") and FORMULA.match(text):
        found.append((name, f"{text[:30]!r} is a spreadsheet's formula; write the words that are to be said"))
    if len(text) > LONGEST_TEXT:
        found.append((name, f"has {len(text)} characters, more than {LONGEST_TEXT}; split it into several lines"))
    return text


def _number(name: str, cell: str, limits: tuple[float, float], found: Found) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not limits[0] <= value <= limits[1]:
        found.append((name, f"{cell.strip()[:20]!r} is no number from {limits[0]:g} to {limits[1]:g}"))
        return 1.0
    return value


def _file(cell: str, folder: Path) -> Path:
    if "\0" in cell or len(cell) > 1000:
        raise ValueError(f"{cell[:20]!r} is no path; give a file")
    path = folder / cell
    try:
        there = path.is_file()
    except OSError as error:
        raise ValueError(f"{cell}: {error.strerror}; check the path") from error
    if not there:
        raise ValueError(f"no file {cell}; check the path (relative ones count from the sheet's folder)")
    return path


def _character(cell: str, folder: Path) -> Path:
    path = _file(cell, folder)
    if path.suffix.lower() not in CHARACTERS:
        raise ValueError(f"{cell}: unknown kind of character; give a file ending in {', '.join(CHARACTERS)}")
    return path


def _map(cell: str, folder: Path) -> str:
    if cell in ("AUTO", "auto"):
        return "AUTO"
    if any(cell == one.id for one in load_maps()):
        return cell
    if not cell.lower().endswith(".json"):
        raise ValueError(f"no map {cell!r} ships with this version; give AUTO, a map's id or a .json file")
    path = _file(cell, folder)
    load_map(path)
    return str(path)


def _bundle(cell: str, folder: Path) -> str:
    beside = folder / cell
    try:
        name = str(beside) if ("/" in cell or "\\" in cell or beside.is_dir()) else cell
        found = find_bundle(name)
    except OSError as error:  # a name that no file can have
        raise ValueError(f"{cell[:40]!r}: {error.strerror}; give a bundle's name or folder") from error
    # a bundle that ships is named with its version: `universal` may mean another one on another machine
    return found.name if found.name in shipped_bundles() and name != str(beside) else name


def _expression(cell: str, _folder: Path) -> str:
    if cell.lower() not in EXPRESSIONS:
        raise ValueError(f"no expression {cell!r}; there are {', '.join(EXPRESSIONS)}")
    return cell.lower()


def _quality(cell: str, _folder: Path) -> str:
    if cell.lower() not in QUALITIES:
        raise ValueError(f"no quality {cell!r}; there are {', '.join(QUALITIES)}")
    return cell.lower()


def _outputs(cell: str, _folder: Path) -> tuple[str, ...]:
    kinds = [part.lower().lstrip(".") for part in cell.replace(",", " ").replace(";", " ").split()]
    kinds = ["usd" if kind == "usdz" else kind for kind in kinds]
    if unknown := [kind for kind in kinds if kind not in ENDINGS]:
        raise ValueError(f"unknown kind {unknown[0]!r}; there are {', '.join(ENDINGS)}")
    return tuple(kind for kind in ENDINGS if kind in kinds)


def _frame(cell: str, _folder: Path) -> int:
    try:
        frame = int(cell)
    except ValueError:
        frame = -1
    if not 0 <= frame <= 100_000:
        raise ValueError(f"{cell!r} is no whole number from 0 to 100000")
    return frame


ALWAYS = {"bundle": DEFAULT_BUNDLE}
"""Cells that mean something where they are empty."""
OTHERS: dict[str, Callable[[str, Path], object]] = {
    "sound": _file,
    "phones": _file,
    "character": _character,
    "map": _map,
    "bundle": _bundle,
    "expression": _expression,
    "quality": _quality,
    "outputs": _outputs,
    "start_frame": _frame,
}


def _check_speech(values: dict[str, Any], cells: Cells, found: Found) -> None:
    """Fill in the engine and its voice, and ask the engine what is wrong."""
    name = cells.cells.get("engine", ENGINES[0]).strip()
    values["engine"] = cells.commands.get(name, name)
    values["voice"] = cells.cells.get("voice", "").strip()
    if values["engine"] not in (*ENGINES, *cells.commands.values()):
        there = ", ".join((*ENGINES, *cells.commands))
        found.append(("engine", f"no engine {name[:40]!r}; there are {there} (name a command by --engine-command)"))
        return
    if name == PIPER and values["voice"]:
        values["voice"] = str(cells.folder / values["voice"])
    if "text" in values and not any(column in ("text", *NUMBERS) for column, _ in found):
        line = Line(number=cells.number, path="", **values)
        found.extend(("voice" if "voice" in wrong else "text", wrong) for wrong in problems(request_of(line)))


def _check_together(values: Mapping[str, Any], cells: Cells, found: Found) -> None:
    """Tell what is wrong with cells that do not go together."""
    there = cells.cells
    if "text" in there and "sound" in there:
        found.append(("text", "the line has a sound as well; leave one out (what a sound says is its transcript)"))
    if "text" not in there and "sound" not in there:
        found.append(("text", "is empty, and there is no sound; write what is to be said"))
    if "text" in there and not any(letter.isalnum() for letter in there["text"]):
        found.append(("text", f"{there['text'].strip()[:20]!r} has nothing that can be spoken; write words"))
    for name in ("transcript", "phones"):
        if name in there and "sound" not in there:
            found.append((name, "goes with a sound; leave it out where the text is spoken"))
    if "sound" in there and "wav" in values.get("outputs", ()):
        found.append(("outputs", "wav is of a text that is spoken; this line has its sound already"))
    line = Line(0, "", "", **{"outputs": values["outputs"]} if values.get("outputs") else {})
    if line.for_blender and "character" not in there:
        found.append(("character", f"is empty, but {' '.join(line.for_blender)} need one; name its file"))
