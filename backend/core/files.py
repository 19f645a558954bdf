# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing that never leaves half a file: beside the target first, then renamed over it."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp

from .errors import OutputError


@contextmanager
def written_beside(target: Path) -> Generator[Path]:
    """Yield a temporary path next to `target`; rename it over the target on success, remove it otherwise.

    The temporary name keeps the target's ending, for writers that look at it.

    Raises:
        OutputError: the folder is missing, read-only or full.
    """
    try:
        handle, name = mkstemp(prefix=f".{target.stem}-", suffix=target.suffix, dir=target.parent)
        os.close(handle)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror}; choose a folder you can write to") from error
    beside = Path(name)
    try:
        yield beside
        beside.chmod(0o666 & ~_umask())
        beside.replace(target)
    except OSError as error:
        raise OutputError(
            f"cannot write {target}: {error.strerror}; free some space or choose another folder"
        ) from error
    finally:
        beside.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
