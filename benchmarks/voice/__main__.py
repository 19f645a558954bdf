# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks.voice DATA [--shards SHARDS]`: print how good the voice model is, section by section."""

import argparse
import json
import sys
from pathlib import Path

from backend.inference.bundle import DEFAULT_BUNDLE, open_bundle
from backend.inference.predictors import open_predictor

from . import grid


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.voice", description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds speech, video and peers")
    parser.add_argument("--shards", type=Path, help="what `prepare` made of video/grid_s1, train and measure together")
    parser.add_argument("--bundle", default=DEFAULT_BUNDLE, help="name or folder")
    options = parser.parse_args()
    predictor = open_predictor(open_bundle(options.bundle), "cpu")
    if options.shards:
        for name, figures in grid.measure(options.data, options.shards, {"fast": grid.listening(predictor)}).items():
            print(name, json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
