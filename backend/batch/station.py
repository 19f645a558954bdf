# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker process keeps between lines: its cache, the loaded bundle, and a Blender. One line at a time."""

import atexit
import shutil
import tempfile
import threading
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from ..core.errors import LipSyncError, SheetError
from ..core.memory import resident_mb
from ..inference.bundle import open_bundle
from ..inference.predictors import AnyPredictor, open_predictor
from ..inference.speak import PhoneTimer, phone_timer
from .blender import Blender
from .cache import Cache, CacheError
from .keys import Keys, program_fingerprint
from .lines import Line, Outcome

OWN_CACHE_BYTES = 2 << 30
"""Of a worker that shares no folder."""
LEAST_FREE_BYTES = 4 << 20
"""Free space under which a failure is taken for that of a full disk."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How workers work; the same for all lines of a run."""

    cache: str
    """Folder of the cache; empty where no folder is shared: each worker then has its own and ships what it made."""
    blender: str = ""
    """Blender's executable; empty: the package bpy."""
    blender_memory_mb: float = 4000.0
    """Beyond which a Blender is started anew."""
    line_s: float = 600.0
    """How long Blender may take for a line."""
    fingerprint: str = field(default_factory=program_fingerprint)
    """Of the program that sent the task; a worker of another version refuses it."""


@dataclass(frozen=True, slots=True)
class Task:
    """A line with all that a worker needs."""

    setup: Setup
    line: Line
    keys: Keys
    inputs: tuple[tuple[str, str], ...] = ()
    """Where no folder is shared: the field of the line, and the name under which its file travels."""


class Station:
    """A worker's workplace."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self._own = (
            None if setup.cache else tempfile.TemporaryDirectory(prefix="lipsync3d-", ignore_cleanup_errors=True)
        )
        self.cache = Cache(Path(self._own.name if self._own else setup.cache))
        self.blender = Blender(setup.blender, setup.blender_memory_mb, setup.line_s)
        self._timer: PhoneTimer | None = None
        self._predictor: tuple[str, AnyPredictor] | None = None
        self.turn = threading.Lock()
        atexit.register(self.close)

    def predictor(self, bundle: str) -> AnyPredictor:
        """Return the predictor of a bundle; the last one stays loaded."""
        if self._predictor is None or self._predictor[0] != bundle:
            self._predictor = bundle, open_predictor(open_bundle(bundle), "cpu")
        return self._predictor[1]

    def timer(self) -> PhoneTimer:
        """Return what times phones that an engine does not time."""
        if self._timer is None:
            self._timer = phone_timer()
        return self._timer

    def placed(self, data: bytes, name: str) -> Path:
        """Return the path of a file that was sent, named by its content."""
        path = self.cache.folder / "inputs" / name
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_suffix(".part")
            beside.write_bytes(data)
            beside.replace(path)
        return path

    def close(self) -> None:
        """End Blender."""
        self.blender.close()


@lru_cache(maxsize=1)
def station(setup: Setup) -> Station:
    """Return this process's workplace."""
    return Station(setup)


def run_line(task: Task, *blobs: bytes) -> Outcome:
    """Do one line in this process and say what came of it; never raises for what a line can cause.

    Args:
        task: the line; in a folder that is shared, its files are where it says.
        blobs: the contents of `task.inputs`, in order, where no folder is shared.
    """
    from .stages import make  # the runner's own process need not load what workers do

    place = station(task.setup)
    with place.turn:
        try:
            if task.setup.fingerprint != program_fingerprint():
                raise SheetError("the worker has another version of lipsync3d than the runner; install the same")
            line = _with_files(place, task, blobs)
            outcome = make(place, line, task.keys)
            if not task.setup.cache:
                keys = {piece.key for piece in outcome.pieces.values()} | {task.keys.check}
                outcome = replace(outcome, shipped={key: place.cache.shipped(key) for key in sorted(keys)})
                place.cache.prune(OWN_CACHE_BYTES)
        except LipSyncError as error:
            outcome = _failed(place, task, error, " ".join(str(error).split()))
        except (OSError, MemoryError, RuntimeError, ValueError) as error:
            outcome = _failed(place, task, error, f"{type(error).__name__}: {error}")
        return replace(outcome, memory_mb=resident_mb())


def _failed(place: Station, task: Task, error: Exception, told: str) -> Outcome:
    if isinstance(error, CacheError):
        return Outcome(task.line.id, error=told, stops=True)
    folder = place.cache.folder
    if _is_full(folder):  # Blender and libsndfile do not say so
        full = f"cannot write to {folder}: the disk is full ({told}); free some space"
        return Outcome(task.line.id, error=full, stops=True)
    return Outcome(task.line.id, error=told)


def _with_files(place: Station, task: Task, blobs: tuple[bytes, ...]) -> Line:
    """Return the line with its files where they are on this machine."""
    line = task.line
    for (name, travelling), data in zip(task.inputs, blobs, strict=True):
        path = place.placed(data, travelling)
        line = replace(line, **{name: path if name in ("sound", "phones", "character") else str(path)})
    return line


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < LEAST_FREE_BYTES
    except OSError:
        return True
