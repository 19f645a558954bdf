# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m blender_addon animate CHARACTER …`, for a Python that has Blender as the package `bpy`."""

import os
import sys
from importlib.util import find_spec


def run() -> int:
    """Run the command line and return its exit code."""
    if find_spec("bpy") is None:
        print("error: this Python has no Blender; install it: python -m pip install bpy", file=sys.stderr)
        return 1
    from .headless import main

    return main(sys.argv[1:], needs_character=True)


if __name__ == "__main__":
    code = run()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # bpy 4.2 crashes in the interpreter's own way out once its glTF exporter has run
