# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks.batch SHEET -o FOLDER [--parts speed kills farm speedup]`: what a batch takes.

speed: lines a minute, peak memory, a second run, and the same lines with a Blender started for each.
again: the second run and the comparison alone, of a `speed` that was measured before.
kills: killed -9 with its whole process group at random moments, watched for half-written files, compared with `speed`.
farm: a Dask cluster of three workers in network namespaces of their own (root, Linux); one is killed in the middle.
bad: a sheet with bad lines among good ones, beside it `SHEET_expected.json` with words of each bad line's reason.
speedup: the cluster with three workers against one.
The folder must not exist; `speed` comes first, the others are compared with it.
"""

import argparse
import sys
from pathlib import Path

from ..figure import Figure
from . import bad_lines, farm, kills, speed

PARTS = {
    "speed": speed.measure,
    "again": speed.again,
    "kills": kills.measure,
    "farm": farm.measure,
    "speedup": farm.speed_up,
    "bad": bad_lines.measure,
}


def main() -> int:
    """Print what was measured; 1 where a bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=["speed", "kills", "farm", "speedup"])
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    held = True
    for part in given.parts:
        for told in PARTS[part](given.sheet, given.output, given.workers):
            held &= told.holds if isinstance(told, Figure) else True
            print(f"{part:6} {told}", flush=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
