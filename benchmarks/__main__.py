# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks [NAME …]`: measure, print figure and bound, exit 1 where a bound does not hold."""

import argparse
import sys
import tempfile
from pathlib import Path

from . import animate, bake

BENCHMARKS = {
    "speed": animate.speed,
    "start": animate.start,
    "memory": animate.memory,
    "bake": bake.bake,
}


def main() -> int:
    """Run the benchmarks named on the command line, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the cost of lip-sync here.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(BENCHMARKS)}; all without a name")
    names = parser.parse_args().names or list(BENCHMARKS)
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}")
    held = True
    with tempfile.TemporaryDirectory(prefix="lipsync3d-bench-") as folder:
        for name in names:
            figure = BENCHMARKS[name](Path(folder))
            held &= figure.holds
            print(f"{name:8} {figure}", flush=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
