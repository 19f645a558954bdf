# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks [NAME …]`: measure, print figure and bound, exit 1 where a bound does not hold."""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from . import animate, atlas, bake, demo_speaker, lighting
from .figure import Figure

Measure = Callable[[Path], list[Figure]]


def _single(measure: Callable[[Path], Figure]) -> Measure:
    return lambda folder: [measure(folder)]


BENCHMARKS: dict[str, Measure] = {
    "speed": _single(animate.speed),
    "start": _single(animate.start),
    "memory": _single(animate.memory),
    "bake": _single(bake.bake),
    "atlas": atlas.measure,
    "lighting": lighting.measure,
    "pose": demo_speaker.measure,
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
            for figure in BENCHMARKS[name](Path(folder)):
                held &= figure.holds
                print(f"{name:8} {figure}", flush=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
