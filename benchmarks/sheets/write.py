# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the batch's two sheets: 300 good lines in 20 languages, and 100 lines of which 40 are bad.

    python -m benchmarks.sheets -o FOLDER

`good.csv`, `mixed.csv` with `mixed_expected.json` (number of a bad line -> words of its reason), `sounds/`, and
in `broken/` whole sheets that cannot be read, with `broken_expected.json`. `python -m benchmarks.batch.characters
FOLDER/characters` makes who speaks them.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

LINES = Path(__file__).with_name("lines.txt")
COLUMNS = (
    "id", "text", "sound", "engine", "voice", "language", "speed", "character", "outputs", "map", "fps", "path",
    "x_expect",
)  # fmt: skip
CHARACTERS = ("puppet.glb", "head.blend", "puppet.glb", "visemes.glb")
"""Half of the lines are the puppet's, which is the quickest."""
FILMS = 10
GOOD_AMONG_BAD = 60
Row = dict[str, str]


def spoken_lines() -> list[tuple[str, str]]:
    """Return voice and text of every line."""
    lines: list[tuple[str, str]] = []
    voice = ""
    for line in LINES.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            voice = line.strip("[]")
        elif line and not line.startswith("#"):
            lines.append((voice, line))
    return lines


def good_rows() -> list[Row]:
    """Return the lines of `good.csv`."""
    lines = spoken_lines()
    rows: list[Row] = []
    for number, (voice, text) in enumerate(lines):
        character = CHARACTERS[number % len(CHARACTERS)]
        film = character != "head.blend" and number % (len(lines) // FILMS) == 0
        rows.append(
            {
                "id": f"{voice.partition('+')[0]}-{number:03d}",
                "text": text,
                "voice": voice,
                "character": f"characters/{character}",
                "outputs": "json glb mp4" if film else "json glb",
            }
        )
    return rows


def write_sheets(folder: Path) -> list[Path]:
    """Write all sheets and their sounds, and return what was written."""
    from .bad import bad_rows, write_broken, write_sounds

    folder.mkdir(parents=True, exist_ok=True)
    good = good_rows()
    _write_csv(folder / "good.csv", good)
    # every fifth line, so that all languages are there; curves alone are enough among the bad ones
    chosen = [row | {"outputs": "json", "character": ""} for row in good[::5][:GOOD_AMONG_BAD]]
    bad = list(bad_rows(chosen[0]["id"]))
    mixed = list(_shuffled(chosen, bad))
    _write_csv(folder / "mixed.csv", mixed)
    # the header is line 1, and no cell holds a line end
    expected = {str(2 + index): row["x_expect"].split("|") for index, row in enumerate(mixed) if "x_expect" in row}
    _write_json(folder / "mixed_expected.json", expected)
    write_sounds(folder / "sounds")
    return [folder / "good.csv", folder / "mixed.csv", *write_broken(folder / "broken")]


def _shuffled(good: list[Row], bad: list[Row]) -> Iterator[Row]:
    """Yield both lists through each other, each in its order: three good ones, then two bad ones."""
    for index in range(0, len(good), 3):
        yield from good[index : index + 3]
        yield from bad[index // 3 * 2 : index // 3 * 2 + 2]


def _write_csv(path: Path, rows: list[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
