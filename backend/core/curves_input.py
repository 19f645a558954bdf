# SPDX-License-Identifier: GPL-3.0-or-later
"""Blendshape curves from outside, checked: the project's JSON, and the CSV that Live Link Face records.

Blendshapes that a file does not name stay at 0. Weights go from 0 to 1; what lies a little beyond is cut.
"""

import csv
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from .blendshapes import ARKIT_INDEX, ARKIT_NAMES
from .curves import FORMAT, LIVE_LINK_ROTATIONS, VERSION
from .errors import CurvesError, TimingError
from .files import read_bounded_text
from .timebase import exact_fps, frame_to_s
from .types import Floats

ENDINGS = (".json", ".csv")
LARGEST_BYTES = 256 << 20
"""An hour at 60 frames a second takes 75 MB."""
MOST_FRAMES = 24 * 3600 * 60
LOWEST_WEIGHT, HIGHEST_WEIGHT = -0.5, 1.5
"""Beyond these the numbers are no weights: percentages, most often."""
BESIDES = frozenset({"Timecode", "BlendShapeCount", *LIVE_LINK_ROTATIONS})
"""Columns of the CSV that are no blendshapes."""
TIMECODE = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})[:;](\d{1,3}(?:\.\d{1,6})?)")
SHOWN_NAMES = 3


@dataclass(frozen=True)
class Curves:
    """A character's animation over one take."""

    times_s: NDArray[np.float64]
    """[T] rising, from the start of the sound."""
    weights: Floats
    """[T, 52] in `ARKIT_NAMES` order, 0-1."""
    fps: Fraction
    """Frames a second; of a CSV the nominal rate."""


def read_curves(path: Path) -> Curves:
    """Return the curves of a file, `.json` or `.csv`.

    Raises:
        CurvesError: another ending, too large, unreadable, damaged, unknown names, or numbers that are no weights.
    """
    if path.suffix.lower() not in ENDINGS:
        raise CurvesError(f"{path}: unknown kind of curves {path.suffix!r}; give {' or '.join(ENDINGS)}")
    text = read_bounded_text(path, "curves file", LARGEST_BYTES, CurvesError)
    return _of_json(path, text) if path.suffix.lower() == ".json" else _of_csv(path, text)


def _of_json(path: Path, text: str) -> Curves:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CurvesError(f"{path} is not valid JSON; export the curves again") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise CurvesError(f"{path}: format is not {FORMAT!r}; give a curves file as `animate -o OUT.json` writes")
    fields = cast("dict[str, Any]", data)
    if fields.get("version") != VERSION:
        raise CurvesError(f"{path}: version {fields.get('version')!r} is unknown; this program reads {VERSION}")
    names, rows, start_s = fields.get("names"), fields.get("weights"), fields.get("start_s", 0.0)
    if not isinstance(names, list) or not isinstance(rows, list):
        raise CurvesError(f"{path}: names and weights must be lists; export the curves again")
    if isinstance(start_s, bool) or not isinstance(start_s, int | float) or not abs(start_s) < 1e6:
        raise CurvesError(f"{path}: start_s must be a number of seconds")
    try:
        fps = exact_fps(float(fields["fps"]))
    except (KeyError, TypeError, ValueError, OverflowError, TimingError) as error:
        raise CurvesError(f"{path}: fps must be a number of frames a second, 0.1 to 1000") from error
    weights = _weights(path, cast("list[Any]", names), cast("list[Any]", rows))
    return Curves(float(start_s) + frame_to_s(np.arange(len(weights)), fps), weights, fps)


def _of_csv(path: Path, text: str) -> Curves:
    rows = list(_csv_rows(path, text))
    titles = [title.strip() for title in rows[0]] if rows else []
    if "Timecode" not in titles:
        raise CurvesError(f"{path}, line 1: no column Timecode; give a CSV as Live Link Face records")
    for index, row in enumerate(rows):
        if len(row) != len(titles):
            raise CurvesError(f"{path}, row {index + 1}: {len(row)} values in {len(titles)} columns; export it again")
    columns = [index for index, title in enumerate(titles) if title not in BESIDES]
    names = [titles[index][:1].lower() + titles[index][1:] for index in columns]
    weights = _weights(path, names, [[row[index] for index in columns] for row in rows[1:]])
    place = titles.index("Timecode")
    times_s, fps = _times(path, [row[place] for row in rows[1:]])
    return Curves(times_s, weights, fps)


def _csv_rows(path: Path, text: str) -> Iterator[list[str]]:
    reader = csv.reader(text.splitlines(), skipinitialspace=True)
    try:
        yield from (row for row in reader if row)
    except csv.Error as error:
        raise CurvesError(f"{path}, line {reader.line_num + 1}: {error}; export the curves again") from error


def _times(path: Path, timecodes: Sequence[str]) -> tuple[NDArray[np.float64], Fraction]:
    """Return the times [T] of non-drop timecodes from the first one on, and the rate they count frames at."""
    found = [TIMECODE.fullmatch(timecode.strip()) for timecode in timecodes]
    wrong = next((index for index, match in enumerate(found) if match is None), None)
    if wrong is not None:
        raise CurvesError(f"{path}, row {wrong + 2}: Timecode {timecodes[wrong][:20]!r} is not hh:mm:ss:ff.fff")
    parts = np.array([[float(part) for part in match.groups()] for match in found if match is not None])
    whole_s = parts[:, :3] @ (3600.0, 60.0, 1.0)
    if np.ptp(whole_s) == 0:
        raise CurvesError(f"{path}: within one second timecodes do not tell the frame rate; give a longer take or JSON")
    fps = Fraction(int(parts[:, 3].max()) + 1)
    times_s = whole_s + parts[:, 3] / float(fps)
    falls = np.flatnonzero(np.diff(times_s) <= 0)
    if len(falls):
        raise CurvesError(f"{path}, row {falls[0] + 3}: Timecode does not rise; give one take a file")
    return times_s - times_s[0], fps


def _weights(path: Path, names: Sequence[Any], rows: Sequence[Any]) -> Floats:
    """Return [T, 52] of rows of weights under names in any order."""
    unknown = [name for name in names if not isinstance(name, str) or name not in ARKIT_INDEX]
    if unknown:
        shown = ", ".join(repr(name)[:40] for name in unknown[:SHOWN_NAMES])
        more = f" and {len(unknown) - SHOWN_NAMES} more" if len(unknown) > SHOWN_NAMES else ""
        raise CurvesError(f"{path}: {shown}{more} are no ARKit blendshapes; name them like jawOpen")
    if not names or len(set(names)) < len(names):
        raise CurvesError(f"{path}: names must hold at least one blendshape, and none twice")
    if not 2 <= len(rows) <= MOST_FRAMES:
        raise CurvesError(f"{path}: {len(rows)} frames of weights; give 2 to {MOST_FRAMES}")
    try:
        found = np.asarray(rows, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise CurvesError(f"{path}: weights must be {len(names)} numbers a frame; export the curves again") from error
    if found.shape != (len(rows), len(names)):
        raise CurvesError(f"{path}: weights must be {len(names)} numbers a frame; export the curves again")
    bad = np.argwhere(~((found >= LOWEST_WEIGHT) & (found <= HIGHEST_WEIGHT)))
    if len(bad):
        frame, column = bad[0]
        raise CurvesError(f"{path}, frame {frame}: {names[column]} is {found[frame, column]:g}; weights go from 0 to 1")
    weights = np.zeros((len(rows), len(ARKIT_NAMES)), np.float32)
    weights[:, [ARKIT_INDEX[name] for name in names]] = np.clip(found, 0.0, 1.0)
    return weights
