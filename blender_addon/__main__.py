# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m blender_addon animate CHARACTER …`, for a Python that has Blender as the package `bpy`."""

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
    sys.exit(run())
