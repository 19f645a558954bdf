# SPDX-License-Identifier: GPL-3.0-or-later
"""The video to dub, as its speaker's bundle sees it: where the face is in each frame, in that speaker's space."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.errors import BundleError, VideoError
from ..dataset.shards import read_header
from ..dataset.speaker import Speaker, load_speaker
from ..inference.bundle import find_bundle
from ..normalise.pose import HeadPose, fit_head_pose
from ..tracking.landmarks import FaceTracker, Track
from ..tracking.quality import Status
from ..tracking.video import VideoInfo, read_info

SPEAKER = "speaker.safetensors"


@dataclass(frozen=True)
class Target:
    """A tracked video."""

    info: VideoInfo
    track: Track
    pose: HeadPose

    @property
    def dubbed(self) -> NDArray[np.bool_]:
        """[T] frames that show one face; all others are kept as they are."""
        seen = np.isfinite(self.track.landmarks).all(axis=(1, 2))
        return seen & (self.track.status != Status.TWO_FACES) & (self.track.status != Status.NO_FACE)


def bundle_speaker(name_or_folder: str | Path) -> Speaker:
    """Return the speaker whom a bundle learnt from: shape, lens and reference light.

    Raises:
        BundleError: it knows none.
    """
    path = find_bundle(name_or_folder) / SPEAKER
    if not path.is_file():
        raise BundleError(f"{path.parent} has no {SPEAKER}; dub with a personal bundle, made by `train`")
    speaker = load_speaker(path, str(read_header(path).get("key", "")))
    if speaker is None:
        raise BundleError(f"{path}: damaged; train the bundle again or copy it again")
    return speaker


def look_at(
    video: Path, speaker: Speaker, end_s: float = np.inf, progress: Callable[[float], None] | None = None
) -> Target:
    """Track a video as far as it is needed.

    Args:
        video: file.
        speaker: of the bundle.
        end_s: frames from here on are not needed.
        progress: called with the share (0-1) that is done.

    Raises:
        VideoError: it cannot be read, or shows no face at all.
    """
    info = read_info(video)
    length_s = max(min(info.duration_s, end_s), 1e-6)

    def told(time_s: float) -> None:
        if progress:
            progress(min(1.0, time_s / length_s))

    track = FaceTracker().track_piece(info, 0.0, end_s, told)
    pose = fit_head_pose(track.landmarks, track.times_s, track.shots, speaker.lens(info), speaker.shape_cm)
    target = Target(info, track, pose)
    if not target.dubbed.any():
        counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in track.counts().items() if count)
        raise VideoError(f"{video}: no frame shows one face alone ({counts}); give a video of the bundle's speaker")
    return target
