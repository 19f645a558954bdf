# SPDX-License-Identifier: GPL-3.0-or-later
"""What stages made, by the hash of all that went into it. An entry is complete or not there.

`objects/ab/abcd…/` holds the files of an entry and `entry.json`, which names them with size and SHA-256. An entry is
made in `tmp/` and renamed into place; of two workers that make the same one, the first wins.
"""

import errno
import json
import os
import shutil
import time
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from ..core.errors import OutputError

ENTRY = "entry.json"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
FORBIDDEN = (errno.EACCES, errno.EPERM)
"""Reasons of the system for which no other line could be written either; the latter where the file is the cache's."""
SCRATCH_AGE_S = 86_400.0
"""After which what a killed run left behind in a shared cache is taken away."""


class CacheError(OutputError):
    """The cache cannot be written to: no other line can be done either."""


@dataclass(frozen=True)
class Entry:
    """What a stage made."""

    folder: Path
    files: Mapping[str, str]
    """SHA-256 by name."""
    facts: Mapping[str, Any]

    def file(self, name: str) -> Path:
        """Return the path of one of its files."""
        return self.folder / name


@dataclass
class Draft:
    """An entry in the making."""

    folder: Path
    facts: dict[str, Any] = field(default_factory=dict[str, Any])


class Cache:
    """The entries of a folder, which is made with the first one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._objects, self._scratch = folder / "objects", folder / "tmp"
        self._known: dict[str, Entry] = {}

    def find(self, key: str) -> Entry | None:
        """Return an entry whose files are as they were written; a damaged one is taken away.

        The files are read once by each process.
        """
        place = self._place(key)
        if key in self._known and (place / ENTRY).is_file():
            return self._known[key]
        try:
            told = json.loads((place / ENTRY).read_text(encoding="utf-8"))
            files = {str(name): str(digest) for name, digest in told["files"].items()}
            if all(file_sha256(place / name) == digest for name, digest in files.items()):
                os.utime(place / ENTRY)
                self._known[key] = Entry(place, files, told["facts"])
                return self._known[key]
        except FileNotFoundError:
            if not place.exists():
                return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass
        self._forget(place)
        return None

    @contextmanager
    def draft(self, key: str) -> Generator[Draft]:
        """Yield an empty folder to make an entry in; it becomes the entry where all goes well.

        Raises:
            CacheError: the cache cannot be written to.
        """
        try:
            self._scratch.mkdir(parents=True, exist_ok=True)
            folder = Path(mkdtemp(dir=self._scratch))
        except OSError as error:
            raise _refused(self.folder, error) from error
        try:
            draft = Draft(folder)
            yield draft
            self._keep(key, draft)
        except OSError as error:
            if self._is_refused(error):
                raise _refused(self.folder, error) from error
            raise
        except OutputError as error:
            if isinstance(cause := error.__cause__, OSError) and self._is_refused(cause):
                raise _refused(self.folder, cause) from error
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def adopt(self, key: str, files: Mapping[str, bytes]) -> None:
        """Keep an entry that another machine made, as `shipped` gave it."""
        if self.find(key) is not None:
            return
        with self.draft(key) as draft:
            for name, data in files.items():
                if name != ENTRY:
                    (draft.folder / name).write_bytes(data)
            draft.facts.update(json.loads(files[ENTRY])["facts"])

    def shipped(self, key: str) -> dict[str, bytes]:
        """Return all files of an entry, to be kept elsewhere."""
        entry = self.find(key)
        names = [] if entry is None else [*entry.files, ENTRY]
        return {name: (self._place(key) / name).read_bytes() for name in names}

    def clean(self, *, alone: bool) -> None:
        """Take away what killed runs left half made.

        Args:
            alone: whether nobody else uses the cache now; otherwise only what is a day old goes.
        """
        if not self._scratch.is_dir():
            return
        for path in self._scratch.iterdir():
            if alone or time.time() - path.stat().st_mtime > SCRATCH_AGE_S:
                shutil.rmtree(path, ignore_errors=True)

    def prune(self, limit_bytes: int, kept: Collection[str] = ()) -> int:
        """Remove entries that were not used for longest until the rest fits, and return how many went.

        Args:
            limit_bytes: of all files together.
            kept: keys of entries that stay whatever their size.
        """
        found: list[tuple[float, int, Path]] = []
        for entry in self._objects.glob("*/*/" + ENTRY):
            size = sum(path.stat().st_size for path in entry.parent.iterdir())
            found.append((entry.stat().st_mtime, size, entry.parent))
        total, gone = sum(size for _, size, _ in found), 0
        for _, size, place in sorted(found):
            if total <= limit_bytes:
                break
            if place.name not in kept:
                self._forget(place)
                total -= size
                gone += 1
        return gone

    def _is_refused(self, error: OSError) -> bool:
        """Return whether an error is of the cache itself, rather than of what a line reads."""
        ours = str(error.filename or "").startswith(str(self.folder))
        return error.errno in FULL or (error.errno in FORBIDDEN and ours)

    def _place(self, key: str) -> Path:
        return self._objects / key[:2] / key

    def _keep(self, key: str, draft: Draft) -> None:
        files = {path.name: file_sha256(path) for path in sorted(draft.folder.iterdir())}
        text = json.dumps({"files": files, "facts": draft.facts}, indent=1, sort_keys=True)
        (draft.folder / ENTRY).write_text(text + "\n", encoding="utf-8")
        draft.folder.chmod(0o755)
        place = self._place(key)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            draft.folder.rename(place)
        except OSError:
            if not place.is_dir():  # another worker was quicker otherwise
                raise

    def _forget(self, place: Path) -> None:
        """Take an entry away: first out of its place in one step, then for good."""
        self._known.pop(place.name, None)
        aside = self._scratch / f"old-{place.name}-{os.getpid()}"
        try:
            self._scratch.mkdir(parents=True, exist_ok=True)
            place.rename(aside)
        except OSError:
            return  # another process took it
        shutil.rmtree(aside, ignore_errors=True)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _refused(folder: Path, error: OSError) -> CacheError:
    return CacheError(f"cannot write to {folder}: {error.strerror}; free some space or choose another folder")
