# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks.sheets -o FOLDER`: write the sheets that the batch is measured with."""

import argparse
from pathlib import Path

from .write import write_sheets


def main() -> None:
    """Write them and say where they are."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sheets", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    for path in write_sheets(parser.parse_args().output):
        print(path)


if __name__ == "__main__":
    main()
