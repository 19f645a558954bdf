# SPDX-License-Identifier: GPL-3.0-or-later
"""One clip of video to one shard: track, take the pose out, unwrap, take the light out, cut the sound to fit.

Two passes over the clip: the first tracks, the second unwraps the frames that are worth it, at full size. Only one
clip's atlases are ever in memory.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from ..audio.features import log_mel
from ..core.types import Floats
from ..normalise.atlas import unwrap
from ..normalise.layout import atlas_layout
from ..normalise.lighting import gain_field, normalise
from ..normalise.pose import HeadPose, fit_head_pose
from ..tracking.landmarks import MESH_VERTICES, FaceTracker, Track
from ..tracking.video import frames, sound
from .shards import Shard
from .sources import Clip
from .speaker import Speaker

SOUND_MARGIN_S = 0.5
"""Sound kept before and after a clip's frames, for predictors that hear more than the moment."""
TRACKING_SHARE = 0.6
"""Of the time a clip takes, about."""
FULL_SCALE = 32767


def prepare_clip(
    clip: Clip, speaker: Speaker, tracker: FaceTracker, size: int, progress: Callable[[float], None]
) -> tuple[Shard, Track]:
    """Return a clip's training data, and how it was tracked.

    Args:
        clip: piece of a video.
        speaker: whose.
        tracker: finds the face.
        size: of the atlas, texels a side.
        progress: called with the share (0-1) that is done.

    Raises:
        VideoError: the video vanished, or has no sound.
    """
    info = clip.source.info

    def tracked(time_s: float) -> None:
        progress(TRACKING_SHARE * min(1.0, (time_s - clip.start_s) / max(clip.length_s, 1e-6)))

    track = tracker.track_piece(info, clip.start_s, clip.end_s, tracked)
    pose = fit_head_pose(track.landmarks, track.times_s, track.shots, speaker.lens(info), speaker.shape_cm)
    pose = pose.at(track.kept)
    atlas, visibility, gain = _textures(clip, track, speaker, size, progress)
    sound_start_s = max(0.0, clip.start_s - SOUND_MARGIN_S)
    last_s = float(track.times_s[-1]) if len(track.times_s) else clip.start_s
    heard = sound(info, sound_start_s, last_s + SOUND_MARGIN_S)
    return _shard(track, pose, speaker, (atlas, visibility, gain), (sound_start_s, heard)), track


def _textures(
    clip: Clip, track: Track, speaker: Speaker, size: int, progress: Callable[[float], None]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float16]]:
    """Return (atlas, visibility, gain) of the kept frames."""
    layout = atlas_layout(size)
    count = len(track.kept)
    atlases = np.empty((count, size, size, 3), np.uint8)
    rows, columns = speaker.light.light.shape[:2]
    visibility = np.empty((count, rows, columns), np.uint8)
    gains = np.empty((count, rows, columns, 3), np.float16)
    wanted = {round(float(track.times_s[index]), 6): row for row, index in enumerate(track.kept)}
    for frame in frames(clip.source.info, clip.start_s, clip.end_s):
        row = wanted.get(round(frame.time_s, 6))
        if row is None:
            continue
        seen = unwrap(layout, frame.rgb, track.landmarks[track.kept[row]])
        gain = gain_field(seen, speaker.light)
        atlases[row] = _bytes(normalise(seen.rgb, gain))
        small = cv2.resize(seen.visibility, (columns, rows), interpolation=cv2.INTER_AREA)
        visibility[row] = _bytes(np.asarray(small, np.float32))
        gains[row] = gain
        progress(TRACKING_SHARE + (1 - TRACKING_SHARE) * (row + 1) / count)
    return atlases, visibility, gains


def _bytes(values: Floats) -> NDArray[np.uint8]:
    return cv2.convertScaleAbs(np.clip(values, 0.0, 1.0), alpha=255.0).astype(np.uint8, copy=False)


def _shard(
    track: Track,
    pose: HeadPose,
    speaker: Speaker,
    textures: tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float16]],
    heard: tuple[float, Floats],
) -> Shard:
    mesh = pose.canonical(track.landmarks[track.kept, :MESH_VERTICES])
    lens = pose.lens
    start_s, samples = heard
    return Shard(
        times_s=track.times_s[track.kept],
        frame_index=track.kept.astype(np.int32),
        frame_status=track.status,
        shot=track.shots[track.kept].astype(np.int32),
        displacement_cm=(mesh - speaker.neutral_cm).astype(np.float32),
        neutral_cm=speaker.neutral_cm,
        pose_scale=pose.scale,
        pose_rotation=pose.rotation,
        pose_translation=pose.translation,
        lens=np.array([*lens.centre_px, lens.focal_px, lens.depth_scale]),
        atlas=textures[0],
        visibility=textures[1],
        gain=textures[2],
        samples=np.round(np.clip(samples, -1, 1) * FULL_SCALE).astype(np.int16),
        sound_start_s=np.array([start_s]),
        log_mel=log_mel(samples) if len(samples) else np.zeros((0, 80), np.float32),
    )
