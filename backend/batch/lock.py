# SPDX-License-Identifier: GPL-3.0-or-later
"""One runner a folder: a lock of the system's own, which ends with the process however it ends."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ..core.errors import OutputError


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Hold a lock file.

    Raises:
        OutputError: another process holds it, or it cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise OutputError(f"cannot write to {path.parent}: {error.strerror}; choose another folder") from error
    try:
        try:
            _take(handle)
        except OSError as error:
            raise OutputError(f"another batch is writing to {path.parent.parent}; wait for it, or end it") from error
        yield
    finally:
        os.close(handle)


if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
