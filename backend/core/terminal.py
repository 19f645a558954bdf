# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling whoever reads stdout, who may have gone."""

import os
import sys


def say(line: str) -> None:
    """Write a line to stdout; a reader that has gone, or a full disk behind it, is no reason to lose the work."""
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison]  it was closed before the start
        return
    try:
        sys.stdout.write(line.encode("utf-8", "backslashreplace").decode("utf-8") + "\n")
        sys.stdout.flush()
    except OSError:
        # what is still buffered would fail again, loudly, when the interpreter ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
