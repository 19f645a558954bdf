# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the canonical face's data file, or compare it with a reference face.

`python -m backend.core.authoring --canonical OBJ -o FILE`
`python -m backend.core.authoring --check FOLDER`
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from ..errors import LipSyncError
from ..files import written_beside
from .build import author
from .check import agreements, table


def main(arguments: list[str] | None = None) -> int:
    """Author the face and write it; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m backend.core.authoring", description="Author the face.")
    parser.add_argument("--canonical", type=Path, help="canonical_face_model.obj of MediaPipe")
    parser.add_argument("-o", "--output", type=Path, help="the .npz to write")
    parser.add_argument("--check", type=Path, metavar="FOLDER", help="print the agreement with a reference face")
    options = parser.parse_args(arguments)
    try:
        if options.check:
            print(table(agreements(options.check)))
            return 0
        if not (options.canonical and options.output):
            parser.error("give --canonical and -o, or --check")
        face = author(options.canonical)
        with written_beside(options.output) as beside:
            np.savez_compressed(beside, **face.arrays())
    except (LipSyncError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"wrote {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
