# SPDX-License-Identifier: GPL-3.0-or-later
"""Names from a sheet that become files: safe on every system, and never outside the output folder."""

import re
import string
import unicodedata

from .lines import Line

FORBIDDEN = '<>:"/\\|?*'
RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"com{n}" for n in range(10)), *(f"lpt{n}" for n in range(10))}
)  # fmt: skip
"""Devices of Windows, with any ending."""
LONGEST_NAME_BYTES = 150
LONGEST_PATH = 200
OWN_FOLDER = ".lipsync3d"
OWN_NAMES = frozenset({OWN_FOLDER, "report.html", "report.json", "report_files"})
"""What the runner itself keeps in the output folder."""
UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Unicode categories that a name must not hold: control, direction marks, lone surrogates, line ends."""
TEMPLATE_FIELDS = ("id", "number", "language", "voice", "engine", "character", "object", "expression")
FORMULA = re.compile(r"\s*(=|[+\-@]\s*\w+[(|])")
"""What a spreadsheet would take for a formula. A dash before speech is none."""


def name_problem(name: str) -> str:
    """Return why a name cannot be a file's everywhere, with the remedy; empty where it can."""
    bad = sorted(set(name) & set(FORBIDDEN))
    problems = {
        "is empty; give a name": not name,
        f"{name!r} holds characters that cannot be seen; write it anew": any(
            unicodedata.category(letter) in UNSEEN for letter in name
        ),
        f"{name!r} holds {' '.join(bad)}, which not every system allows in a file's name; leave it out": bool(bad),
        f"{name!r} begins with . - ~ or ends with a dot or a space; use letters and digits there": (
            name != name.strip(" .") or name.startswith((".", "-", "~"))
        ),
        f"{name!r} is the name of a device on Windows; choose another": name.partition(".")[0].lower() in RESERVED,
        f"{name[:20]!r}… is longer than {LONGEST_NAME_BYTES} bytes; shorten it": (
            len(name.encode("utf-8", "replace")) > LONGEST_NAME_BYTES
        ),
    }
    return next((problem for problem, there in problems.items() if there), "")


def path_problem(path: str) -> str:
    """Return why a relative path does not stay in the output folder, with the remedy; empty where it does."""
    parts = path.split("/")
    if path.startswith("/") or "\\" in path or re.match(r"[A-Za-z]:", path):
        return f"{path!r} is no path within the output folder; write a relative one with /"
    if ".." in parts:
        return f"{path!r} climbs out of the output folder; leave out the .."
    if parts[0].casefold() in OWN_NAMES:
        return f"{path!r} is where the batch keeps its own files; choose another place"
    if len(path) > LONGEST_PATH:
        return f"{path[:30]!r}… is longer than {LONGEST_PATH} characters; shorten it"
    return next((problem for part in parts if (problem := name_problem(part))), "")


def filled(template: str, line: Line) -> str:
    """Return the path that a template gives for a line.

    Raises:
        ValueError: the template itself is wrong; says how.
    """
    pieces: list[str] = []
    for literal, name, spec, conversion in string.Formatter().parse(template):
        pieces.append(literal)
        if name is None:
            continue
        if name not in TEMPLATE_FIELDS or spec or conversion:
            raise ValueError(f"{{{name}}} is none of {', '.join(TEMPLATE_FIELDS)}; use these names only")
        value = line.character.stem if name == "character" and line.character else getattr(line, name)
        pieces.append(str(value or ("en-us" if name == "language" else "none")))
    return unicodedata.normalize("NFC", "".join(pieces))


def same_file(path: str) -> str:
    """Return what two paths share that are one file on some system: case and composed letters make no difference."""
    return unicodedata.normalize("NFC", path).casefold()
