# SPDX-License-Identifier: GPL-3.0-or-later
"""Serves a batch: jobs in on stdin, answers out on stdout, a JSON object a line, in one Blender for many lines.

Run as a script, by `blender -b --python` or by a Python that has bpy. Each job opens its character anew, so that no
line sees another. File descriptor 1 is kept for the answers alone; what Blender prints goes to stderr.
"""

import importlib
import json
import os
import sys
from pathlib import Path
from typing import IO, Any


def main() -> int:
    """Answer until stdin closes."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    here = Path(__file__).resolve().parent
    sys.path.insert(0, str(here.parent))
    batch_line = importlib.import_module(f"{here.name}.scene.batch_line")
    _send(answers, {"blender": batch_line.blender_version()})
    # unbuffered: nothing of the next job may be read before this one is done
    for line in os.fdopen(os.dup(0), "rb", buffering=0):
        _send(answers, batch_line.answer(json.loads(line)))
    return 0


def _send(answers: IO[bytes], message: dict[str, Any]) -> None:
    answers.write(json.dumps({"lipsync3d": message}).encode() + b"\n")
    answers.flush()


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # bpy 4.2 crashes in the interpreter's own way out once its glTF exporter has run
