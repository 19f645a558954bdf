# SPDX-License-Identifier: GPL-3.0-or-later
"""Face landmarks of every frame of a video. The only file that knows MediaPipe.

`mediapipe.solutions.face_mesh` (0.10.21) carries its models in the wheel and needs no network; later versions dropped
it. Refined landmarks matter: without them the lip opening follows the truth clearly worse.

The network is not quite symmetric: it tells a face that turns one way too high and one that turns the other way too
low, by 0.06 degrees of pitch a degree of yaw. So each picture is tracked both ways round and the two are averaged.
"""

import os
import sys
import warnings
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.blendshapes import ARKIT_INDEX
from ..core.face import canonical_face
from ..core.types import Floats
from .quality import Measures, QualitySettings, Status, histogram, judge, sharpness
from .video import VideoInfo, frames, read_info

LANDMARKS = 478
"""468 of the canonical face, then 5 of each iris."""
MESH_VERTICES = 468
MIRRORED_IRISES = (473, 476, 475, 474, 477, 468, 471, 470, 469, 472)
"""What the landmarks from 468 on are called in a mirror."""
SAME_FACE = 0.3
"""Two boxes that share more of their union than this are one face found twice."""


@dataclass(frozen=True)
class Track:
    """The face in each frame of a video, or of a piece of it."""

    times_s: NDArray[np.float64]
    """[T] from the first picture of the video."""
    landmarks: Floats
    """[T, 478, 3] px: x right, y up from the top edge (so negative), z towards the camera; NaN where there is none."""
    status: NDArray[np.uint8]
    """[T] `Status` of each frame."""
    width: int
    """Pixels of the picture the landmarks are measured in: the full one."""
    height: int

    @property
    def kept(self) -> NDArray[np.int64]:
        """Indices of the frames worth learning from."""
        return np.flatnonzero(self.status == Status.OK)

    @property
    def shots(self) -> NDArray[np.int64]:
        """[T] number of the shot each frame belongs to: it rises at every cut."""
        return np.cumsum(self.status == Status.CUT)

    def counts(self) -> dict[str, int]:
        """Return how many frames have each status, by lower-case name."""
        return {status.name.lower(): int((self.status == status).sum()) for status in Status}


@dataclass(frozen=True)
class FaceTracker:
    """Finds the speaker's face in videos."""

    longest_px: int = 1280
    """Larger pictures are scaled down to this for tracking; landmarks are told in full pixels."""
    detection: float = 0.5
    """Confidence (0–1) above which a face is believed."""
    both_ways: bool = True
    """Whether each picture is also tracked mirrored, which takes the network's own lopsidedness out."""
    quality: QualitySettings = field(default_factory=QualitySettings)

    def track(self, path: Path, progress: Callable[[float], None] | None = None) -> Track:
        """Track a whole video; see `track_piece`."""
        return self.track_piece(read_info(path), 0.0, np.inf, progress)

    def track_piece(
        self, info: VideoInfo, start_s: float, end_s: float, progress: Callable[[float], None] | None = None
    ) -> Track:
        """Track the frames with start_s <= time < end_s.

        Args:
            info: the video.
            start_s: begin.
            end_s: end; infinity for the whole.
            progress: called with the time in seconds of each frame that is done.

        Raises:
            VideoError: the video cannot be opened.
        """
        rows: list[tuple[float, Floats, int, float, Floats]] = []
        with ExitStack() as stack:
            meshes = [stack.enter_context(closing(_FaceMesh(self.detection))) for _ in range(1 + self.both_ways)]
            for frame in frames(info, start_s, end_s, self.longest_px):
                found = meshes[0].faces(frame.rgb)
                mirrored = found and self.both_ways
                turned = meshes[1].faces(np.ascontiguousarray(frame.rgb[:, ::-1])) if mirrored else []
                rows.append((frame.time_s, *self._measure(frame.rgb, found, turned)))
                if progress:
                    progress(frame.time_s)
        measures = _stacked(rows)
        measures.landmarks[:] *= np.array([info.width, -info.height, -info.width], np.float32)
        return Track(measures.times_s, measures.landmarks, judge(measures, self.quality), info.width, info.height)

    def _measure(
        self, rgb: NDArray[np.uint8], found: list[Floats], turned: list[Floats]
    ) -> tuple[Floats, int, float, Floats]:
        """Return (relative landmarks, faces that count, sharpness, histogram) of a picture, seen both ways round."""
        counted = _counted(found, self.quality.second_face)
        if not counted:
            return np.full((LANDMARKS, 3), np.nan, np.float32), 0, np.nan, histogram(rgb)
        points_px = counted[0][:MESH_VERTICES, :2] * np.array(rgb.shape[1::-1], np.float32)
        return _averaged(counted[0], turned), len(counted), sharpness(rgb, points_px), histogram(rgb)


def _averaged(face: Floats, turned: list[Floats]) -> Floats:
    """Return the mean of a face and the one in the mirrored picture that is the same, where there is one."""
    back = [(1, 0, 0) + one[_mirror()] * np.array((-1, 1, 1), np.float32) for one in turned]
    twin = max(back, key=lambda one: _shared(face, one), default=None)
    return face if twin is None or _shared(face, twin) < SAME_FACE else ((face + twin) / 2).astype(np.float32)


@lru_cache(maxsize=1)
def _mirror() -> NDArray[np.int64]:
    """Return [478] the landmark that is the mirror image of each.

    Told by a face with an open jaw: where the lips are closed, upper and lower ones lie in one place.
    """
    face = canonical_face()
    opened = face.neutral_cm + face.basis_cm[ARKIT_INDEX["jawOpen"]]
    off = np.abs((opened * (-1, 1, 1))[:, None] - opened).sum(axis=-1)
    return np.concatenate([off.argmin(axis=1), MIRRORED_IRISES])


def _counted(found: list[Floats], second_face: float) -> list[Floats]:
    """Return the faces that count, largest first: no doubles of one face, no small ones in the background."""
    by_size = sorted(found, key=lambda face: -float(np.ptp(face[:, 1])))
    counted: list[Floats] = []
    for face in by_size:
        if counted and np.ptp(face[:, 1]) < second_face * np.ptp(counted[0][:, 1]):
            continue
        if all(_shared(face, other) < SAME_FACE for other in counted):
            counted.append(face)
    return counted


def _shared(one: Floats, other: Floats) -> float:
    """Return intersection over union of the boxes of two faces."""
    low = np.maximum(one.min(axis=0), other.min(axis=0))[:2]
    high = np.minimum(one.max(axis=0), other.max(axis=0))[:2]
    both = float(np.prod(np.maximum(high - low, 0)))
    areas = sum(float(np.prod(np.ptp(face[:, :2], axis=0))) for face in (one, other))
    return both / max(areas - both, 1e-12)


def _stacked(rows: list[tuple[float, Floats, int, float, Floats]]) -> Measures:
    times, landmarks, faces, sharp, histograms = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    return Measures(
        times_s=np.array(times, np.float64),
        landmarks=np.array(landmarks, np.float32).reshape(-1, LANDMARKS, 3),
        faces=np.array(faces, np.uint8),
        sharpness=np.array(sharp, np.float32),
        histograms=np.array(histograms, np.float32),
    )


class _FaceMesh:
    """MediaPipe's face mesh as arrays, without what it says on the way."""

    def __init__(self, detection: float) -> None:
        with warnings.catch_warnings(), _silent_native_log():
            warnings.simplefilter("ignore")
            from mediapipe.python.solutions.face_mesh import FaceMesh

            self._mesh: Any = FaceMesh(max_num_faces=2, refine_landmarks=True, min_detection_confidence=detection)
            self._mesh.process(np.zeros((64, 64, 3), np.uint8))  # its threads log while the first picture runs
        self._has_spoken = False

    def faces(self, rgb: NDArray[np.uint8]) -> list[Floats]:
        """Return [478, 3] of each face: x and y in 0-1 of the picture, z in widths, smaller is nearer."""
        with warnings.catch_warnings(), nullcontext() if self._has_spoken else _silent_native_log():
            warnings.simplefilter("ignore")  # protobuf's own deprecations, which the frozen package will always raise
            found = [face.landmark for face in self._mesh.process(rgb).multi_face_landmarks or []]
        self._has_spoken |= bool(found)  # every stage logs once, the last one at the first face
        return [np.asarray([[point.x, point.y, point.z] for point in face], np.float32) for face in found]

    def close(self) -> None:
        self._mesh.close()


@contextmanager
def _silent_native_log() -> Generator[None]:
    """Send what native code writes to stderr nowhere: MediaPipe's start-up lines would tear the progress bar."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
