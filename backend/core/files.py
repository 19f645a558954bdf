# SPDX-License-Identifier: GPL-3.0-or-later
"""Files as the outside world has them: writing that never leaves half a file, reading that trusts no size."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp

from .errors import LipSyncError, OutputError


@contextmanager
def written_beside(target: Path, folder: Path | None = None) -> Generator[Path]:
    """Yield a temporary path next to `target`; rename it over the target on success, remove it otherwise.

    The temporary name keeps the target's ending, for writers that look at it.

    Args:
        target: the file to write.
        folder: where the temporary file lies instead, on the same disk; the target's folder then never shows one.

    Raises:
        OutputError: the folder is missing, read-only or full.
    """
    try:
        handle, name = mkstemp(prefix=f".{target.stem}-", suffix=target.suffix, dir=folder or target.parent)
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


def read_bounded_text(path: Path, kind: str, largest_bytes: int, error_type: type[LipSyncError]) -> str:
    """Return the UTF-8 text of a file from outside, its byte order mark left out.

    Args:
        path: the file.
        kind: what it should be, for the messages, e.g. `phones file`.
        largest_bytes: more than such a file can need.
        error_type: raised where the file is larger, unreadable or not UTF-8.
    """
    try:
        if path.stat().st_size > largest_bytes:
            raise error_type(f"{path} is larger than {largest_bytes >> 20} MB; this is no {kind}")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise error_type(f"cannot read {kind} {path}: {error.strerror}; check the path") from error
    except ValueError as error:
        raise error_type(f"{kind} {path} is not UTF-8 text; save it as UTF-8") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
