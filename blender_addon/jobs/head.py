# SPDX-License-Identifier: GPL-3.0-or-later
"""A talking head, from the sound to shapes and a moving texture, on a thread of its own. Must not import bpy."""

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..backend.core.errors import BundleError, OutputError
from ..backend.core.mesh_file import MeshClip, read_mesh
from ..backend.core.png import png_bytes
from ..backend.core.puppet.flip_book import DEFAULT_PAGE_PX, FlipBook, fitted, flip_book
from ..backend.core.puppet.head_motion import HeadMotion, read_head_motion
from ..backend.core.puppet.shape_track import DEFAULT_LIMIT_MM, ShapeTrack, compress, one_sided
from ..backend.core.puppet.whole_head import HeadMesh, head_mesh, with_back
from ..backend.core.types import Floats
from .client import WorkerClient
from .job import PREDICTION_SHARE, Job, Wanted, mesh_request

STILL, SEQUENCE, PACKED = "STILL", "SEQUENCE", "PACKED"
"""The texture: the speaker at rest; a picture a frame beside the file; a page of tiles within it."""
FIRST_PICTURE = 1
WRITING_THREADS = 4
"""zlib and the disk let others run meanwhile."""


@dataclass(frozen=True)
class HeadRequest:
    """Which head, and what it says."""

    wanted: Wanted
    limit_mm: float = DEFAULT_LIMIT_MM
    """Largest error of the shapes."""
    texture: str = SEQUENCE
    folder: Path | None = None
    """Of the pictures of a sequence; made, or replaced where it holds nothing else."""
    tiles: int = 0
    """Of a flip-book; 0 makes none."""
    page_px: int = DEFAULT_PAGE_PX
    """Largest side of its page."""
    back: bool = False
    """Whether back of the head and neck belong to it."""
    pose: Path | None = None
    """Shard whose head motion it makes; None: it stands still."""


@dataclass(frozen=True)
class HeadClip:
    """A talking head, ready to be put into a scene or a file."""

    times_s: NDArray[np.float64]
    """[T]"""
    neutral_cm: Floats
    """[468, 3]"""
    uv: Floats
    """[468, 2] v upwards."""
    shapes: ShapeTrack
    reference_atlas: NDArray[np.uint8] | None
    """[S, S, 3] None where the bundle knows no texture at all."""
    book: FlipBook | None
    pictures: Path | None
    """Folder of the sequence, `picture_name` each; None where there is none."""
    duration_s: float
    bundle: str
    notes: tuple[str, ...]
    back: bool = False
    motion: HeadMotion | None = None
    """Of the head, at `times_s`; None: it stands still."""

    @property
    def mesh(self) -> HeadMesh:
        """The head at rest."""
        return head_mesh(self.neutral_cm, self.uv, back=self.back)


def picture_name(index: int) -> str:
    """Return the file name of a frame's picture."""
    return f"{index + FIRST_PICTURE:06d}.png"


class HeadJob(Job[HeadClip]):
    """A talking head under way. Started by the constructor."""

    def __init__(self, request: HeadRequest, client: WorkerClient) -> None:
        self._request = request
        super().__init__(client)

    def _work(self) -> HeadClip:
        request = self._request
        check_folder(request.folder)
        motion = None if request.pose is None else read_head_motion(request.pose)
        with tempfile.TemporaryDirectory(prefix="lipsync3d-", ignore_cleanup_errors=True) as folder:
            output = Path(folder) / "prediction.npz"
            result = self._ask(mesh_request(request.wanted, output, texture=True))
            clip = read_mesh(output, map_atlas=True)
            if clip.uv is None:
                raise BundleError(
                    f"bundle {result.bundle} knows no speaker, so there is no head to show; "
                    "choose a personal bundle (python -m backend train makes one)"
                )
            shapes = one_sided(compress(clip.vertices_cm - clip.neutral_cm, request.limit_mm))
            self._report(PREDICTION_SHARE, "texture")
            book = self._book(clip)
            pictures = self._write_pictures(clip)
            told = result.duration_s, result.bundle
            return HeadClip(
                clip.times_s,
                clip.neutral_cm,
                clip.uv,
                shapes,
                None if clip.reference_atlas is None else self._with_back(clip.reference_atlas, clip.uv),
                book,
                pictures,
                *told,
                _notes(clip),
                request.back,
                None if motion is None else motion.at(clip.times_s),
            )

    def _with_back(self, atlas: NDArray[np.uint8], uv: Floats | None) -> NDArray[np.uint8]:
        return with_back(atlas, uv) if self._request.back and uv is not None else atlas

    def _book(self, clip: MeshClip) -> FlipBook | None:
        if clip.atlas is None or clip.reference_atlas is None or not self._request.tiles:
            return None
        self._check_cancelled()
        book = flip_book(clip.atlas, clip.reference_atlas, self._request.tiles)
        return fitted(book.mapped(lambda tile: self._with_back(tile, clip.uv)), self._request.page_px)

    def _write_pictures(self, clip: MeshClip) -> Path | None:
        target = self._request.folder
        if clip.atlas is None or target is None or self._request.texture != SEQUENCE:
            return None
        beside = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            with ThreadPoolExecutor(WRITING_THREADS) as pool:
                each = pool.map(partial(self._write_picture, beside, clip), range(len(clip.atlas)))
                for done, _ in enumerate(each, 1):
                    share = (1 - PREDICTION_SHARE) * done / len(clip.atlas)
                    self._report(PREDICTION_SHARE + share, "texture")
            beside.chmod(0o755)
            shutil.rmtree(target, ignore_errors=True)
            beside.replace(target)
        except OSError as error:
            raise OutputError(f"cannot write {target}: {error.strerror}; free some space or choose another") from error
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        return target

    def _write_picture(self, folder: Path, clip: MeshClip, index: int) -> None:
        self._check_cancelled()
        assert clip.atlas is not None
        (folder / picture_name(index)).write_bytes(png_bytes(self._with_back(clip.atlas[index], clip.uv)))


def check_folder(folder: Path | None) -> None:
    """Refuse a folder for pictures that holds anything else.

    Raises:
        OutputError: it does, or it cannot be made.
    """
    if folder is None:
        return
    if not folder.parent.is_dir():
        raise OutputError(f"cannot write {folder}: no folder {folder.parent}; make it first")
    if folder.exists() and (not folder.is_dir() or any(not _is_picture(path) for path in folder.iterdir())):
        raise OutputError(f"{folder} holds other files; move them, or save the .blend under another name")


def _is_picture(path: Path) -> bool:
    return path.suffix == ".png" and path.stem.isdigit()


def _notes(clip: MeshClip) -> tuple[str, ...]:
    if clip.reference_atlas is None:
        return ("the bundle knows no texture, so the head is plain",)
    return () if clip.atlas is not None else ("the bundle predicts no texture, so it is the still one of the speaker",)
