# SPDX-License-Identifier: GPL-3.0-or-later
"""How the backend's modules are run in a process of their own. Must not import bpy."""

import os
import subprocess
import sys
from pathlib import Path

from .. import backend

PACKAGES = ("numpy", "onnxruntime", "soundfile.py", "soxr", "espeakng_loader", "_cffi_backend", "cffi", "pocketsphinx")
"""What the process may import; the folders of this process's path that hold one of them are passed on."""


def command(module: str, *arguments: str) -> list[str]:
    """Return the command line that runs a backend module; the current folder is kept out of its path (`-P`)."""
    return [sys.executable, "-P", "-m", f"backend.{module}", *arguments]


def environment() -> dict[str, str]:
    """Return the environment in which the child finds the backend and the wheels that this process found."""
    folders = [str(Path(str(backend.__file__)).parents[1])]
    folders += [entry for entry in sys.path if entry and _holds_packages(Path(entry))]
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(folders)),
        "PYTHONNOUSERSITE": "1",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def creation_flags() -> int:
    """Return the flags that keep Windows from opening a console window."""
    return getattr(subprocess, "CREATE_NO_WINDOW", 0)


def _holds_packages(folder: Path) -> bool:
    return any((folder / name).exists() for name in PACKAGES) or any(folder.glob("_cffi_backend.*"))
