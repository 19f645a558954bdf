# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the canonical face's data file: `python -m backend.core.authoring --canonical OBJ -o FILE`."""

import argparse
import sys
from pathlib import Path

import numpy as np

from ..errors import LipSyncError
from ..files import written_beside
from .build import author


def main(arguments: list[str] | None = None) -> int:
    """Author the face and write it; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m backend.core.authoring", description=__doc__)
    parser.add_argument("--canonical", type=Path, required=True, help="canonical_face_model.obj of MediaPipe")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the .npz to write")
    options = parser.parse_args(arguments)
    try:
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
