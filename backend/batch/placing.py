# SPDX-License-Identifier: GPL-3.0-or-later
"""Outputs put into the output folder, whole or not at all, and the record of what a line's outputs were made from."""

import json
import os
import shutil
import stat
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..core.errors import LipSyncError, OutputError
from ..core.files import written_beside
from .cache import FULL, Cache, CacheError, file_sha256
from .lines import Line, Outcome
from .names import OWN_FOLDER

RECORDS, SCRATCH = "lines", "tmp"


@dataclass(frozen=True)
class Record:
    """What became of a line that was done."""

    id: str
    key: str
    """Of all that its outputs were made from."""
    outputs: dict[str, str]
    """Path by kind, relative to the output folder."""
    sums: dict[str, str]
    """SHA-256 by kind."""
    marks: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    """Size and time by kind: while both stay, a file is not read again."""
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    """What the report tells."""


class OutputFolder:
    """The folder that a batch fills; its own things are in `.lipsync3d`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.own = root / OWN_FOLDER
        self._scratch, self._records = self.own / SCRATCH, self.own / RECORDS

    def open(self) -> None:
        """Make the folder.

        Raises:
            OutputError: it cannot be made or written to.
        """
        try:
            for folder in (self.root, self._scratch, self._records):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make {self.root}: {error.strerror}; choose another folder") from error
        if not os.access(self.root, os.W_OK):
            raise OutputError(f"cannot write to {self.root}; choose a folder you can write to")

    def clean(self) -> None:
        """Take away what a killed run left half written."""
        for path in self._scratch.iterdir():
            path.unlink(missing_ok=True)

    def current(self, line: Line, key: str) -> Record | None:
        """Return the record of a line whose outputs are there and as they would be made now."""
        try:
            data = json.loads(self._record(line.id).read_text(encoding="utf-8"))
            record = Record(**data)
            if record.key != key or record.id != line.id:
                return None
            wanted = {kind: line.file_of(kind) for kind in line.outputs if kind in record.outputs}
            if any(record.outputs[kind] != path for kind, path in wanted.items()):
                return None
            return record if all(self._is_whole(record, kind) for kind in record.outputs) else None
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def place(self, line: Line, key: str, outcome: Outcome, cache: Cache) -> Record:
        """Put a line's outputs in place, from the cache.

        Raises:
            CacheError: the disk is full, or nothing can be written any more.
            OutputError: one of this line's outputs cannot be written.
        """
        targets = {kind: line.file_of(kind) for kind in outcome.pieces if kind != "strip"}
        targets["strip"] = f"report_files/{line.path}.png"
        sums: dict[str, str] = {}
        for kind, relative in targets.items():
            piece = outcome.pieces[kind]
            entry = cache.find(piece.key)
            if entry is None:
                raise OutputError("the cache lost what was just made; is another program cleaning the folder?")
            sums[kind] = entry.files[piece.name]
            self._put(entry.file(piece.name), relative, sums[kind])
        marks = {kind: self._mark(relative) for kind, relative in targets.items()}
        record = Record(line.id, key, targets, sums, marks, outcome.facts)
        text = json.dumps(asdict(record), ensure_ascii=False, sort_keys=True)
        with self._writing(self._record(line.id)) as beside:
            beside.write_text(text + "\n", encoding="utf-8")
        return record

    def write(self, name: str, text: str) -> None:
        """Write one of the reports."""
        with self._writing(self.root / name) as beside:
            beside.write_text(text, encoding="utf-8")

    def _put(self, source: Path, relative: str, digest: str) -> None:
        target = self.root / relative
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _refused(target, error) from error
        if not target.parent.resolve().is_relative_to(self.root.resolve()):
            raise OutputError(f"{target}: a link leads out of the output folder; remove it")
        if target.is_file() and not target.is_symlink() and file_sha256(target) == digest:
            return
        with self._writing(target) as beside:
            beside.unlink()
            _copy(source, beside)

    @contextmanager
    def _writing(self, target: Path) -> Generator[Path]:
        """As `written_beside`, with the temporary file among the folder's own things, and a full disk told apart."""
        try:
            with written_beside(target, self._scratch) as beside:
                yield beside
        except OutputError as error:
            raise _told(error) from error

    def _record(self, identity: str) -> Path:
        return self._records / f"{sha256(identity.encode()).hexdigest()[:32]}.json"

    def _mark(self, relative: str) -> list[int]:
        told = (self.root / relative).stat()
        return [told.st_size, told.st_mtime_ns]

    def _is_whole(self, record: Record, kind: str) -> bool:
        path = self.root / record.outputs[kind]
        told = path.lstat()
        if not stat.S_ISREG(told.st_mode):
            return False
        return [told.st_size, told.st_mtime_ns] == record.marks.get(kind) or file_sha256(path) == record.sums[kind]


def _told(error: LipSyncError) -> LipSyncError:
    cause = error.__cause__
    return CacheError(str(error)) if isinstance(cause, OSError) and cause.errno in FULL else error


def _refused(target: Path, error: OSError) -> OutputError:
    kind = CacheError if error.errno in FULL else OutputError
    return kind(f"cannot write {target}: {error.strerror}; free some space or choose another path")


def _copy(source: Path, target: Path) -> None:
    """Give a file a second name where the disk can, else copy it; the cache checks its own before every use."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
