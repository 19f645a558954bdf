# SPDX-License-Identifier: GPL-3.0-or-later
"""What stays the same of a speaker over all clips: rigid shape, closed-mouth face, lens, reference light.

Found once from a few clips spread over the videos and kept in `speaker.safetensors`, so that every shard of a folder is
measured from the same face in the same light, whatever order they are made in.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import VideoError
from ..core.face import lip_gap_cm
from ..core.types import Floats
from ..normalise.atlas import Atlas, unwrap
from ..normalise.camera import Camera, fit_camera
from ..normalise.layout import atlas_layout
from ..normalise.lighting import LightReference, LightSettings, light_reference
from ..normalise.pose import fit_head_pose, rigid_shape
from ..normalise.rigid import STABLE_POINTS, Doubles
from ..tracking.landmarks import MESH_VERTICES, FaceTracker, Track
from ..tracking.video import VideoInfo, frames
from .shards import read_header, read_tensors, write_tensors
from .sources import Clip

CLIPS, CLIP_S = 10, 6.0
"""How much is looked at to know a speaker: this many clips, this much of each."""
REFERENCE_FRAMES = 3
"""Of each clip, the most frontal ones, for the reference light."""
CLOSED_SHARE = 0.1
"""The frames with the smallest lip opening that make the closed-mouth face."""


@dataclass(frozen=True)
class Speaker:
    """One speaker, as every shard of a folder needs to know."""

    shape_cm: Doubles
    """[N, 3] of the stable points: `normalise.pose.rigid_shape`."""
    neutral_cm: Floats
    """[468, 3]."""
    focal: float
    """Focal length in longer picture sides; infinite for none."""
    depth_scale: float
    light: LightReference

    def lens(self, info: VideoInfo) -> Camera:
        """Return the lens in the pixels of a video."""
        return _lens(info, self.focal, self.depth_scale)


def know_speaker(clips: Sequence[Clip], tracker: FaceTracker, size: int, progress: Callable[[float], None]) -> Speaker:
    """Return the speaker of some clips.

    Args:
        clips: all clips; a few spread over them are looked at.
        tracker: finds the face.
        size: of the atlas.
        progress: called with the share (0-1) that is done.

    Raises:
        VideoError: no clip shows a face.
    """
    spread = np.linspace(0, len(clips) - 1, min(CLIPS, len(clips))).round().astype(int).tolist()
    chosen = [replace(clips[index], end_s=min(clips[index].end_s, clips[index].start_s + CLIP_S)) for index in spread]
    tracks: list[tuple[Clip, Track]] = []
    for done, clip in enumerate(chosen):
        track = tracker.track_piece(clip.source.info, clip.start_s, clip.end_s)
        progress(0.8 * (done + 1) / len(chosen))
        if len(track.kept):
            tracks.append((clip, track))
    if not tracks:
        raise VideoError(f"{clips[0].source.info.path}: {_absence(chosen)}; the face must be visible and alone")
    return _described(tracks, size)


def _absence(chosen: Sequence[Clip]) -> str:
    others = f" or in {len(chosen) - 1} other clips" if len(chosen) > 1 else ""
    return f"no usable face in it{others}"


def _described(tracks: Sequence[tuple[Clip, Track]], size: int) -> Speaker:
    first = tracks[0][1]
    alike = [track for _, track in tracks if (track.width, track.height) == (first.width, first.height)]
    fitted = fit_camera(np.concatenate([track.landmarks[track.kept] for track in alike]), first.width, first.height)
    focal = fitted.focal_px / max(first.width, first.height)
    lenses = [_lens(clip.source.info, focal, fitted.depth_scale) for clip, _ in tracks]
    straight = [
        lens.straighten(track.landmarks[track.kept][:, STABLE_POINTS])
        for lens, (_, track) in zip(lenses, tracks, strict=True)
    ]
    shape = rigid_shape(np.concatenate(straight))
    meshes: list[Floats] = []
    atlases: list[Atlas] = []
    for lens, (clip, track) in zip(lenses, tracks, strict=True):
        pose = fit_head_pose(track.landmarks, track.times_s, track.shots, lens, shape)
        mesh = pose.canonical(track.landmarks)[track.kept, :MESH_VERTICES]
        meshes.append(mesh.astype(np.float32))
        frontal = track.kept[np.argsort(-pose.rotation[track.kept, 2, 2], kind="stable")[:REFERENCE_FRAMES]]
        atlases.extend(_atlases(clip, track, frontal.tolist(), size))
    mesh = np.concatenate(meshes)
    gap = lip_gap_cm(mesh)
    closed = mesh[gap <= np.quantile(gap, CLOSED_SHARE)]
    return Speaker(shape, np.median(closed, axis=0), focal, fitted.depth_scale, light_reference(atlases))


def _lens(info: VideoInfo, focal: float, depth_scale: float) -> Camera:
    return Camera((info.width / 2, -info.height / 2), focal * max(info.width, info.height), depth_scale)


def _atlases(clip: Clip, track: Track, wanted: list[int], size: int) -> list[Atlas]:
    """Return the atlases of some frames of a clip."""
    times = {round(float(track.times_s[index]), 6): index for index in wanted}
    layout = atlas_layout(size)
    found: list[Atlas] = []
    for frame in frames(clip.source.info, clip.start_s, clip.end_s):
        index = times.get(round(frame.time_s, 6))
        if index is not None:
            found.append(unwrap(layout, frame.rgb, track.landmarks[index]))
    return found


def save_speaker(path: Path, speaker: Speaker, key: str) -> None:
    """Write what is known of a speaker.

    Raises:
        OutputError: the folder cannot be written to.
    """
    arrays = {
        "shape_cm": speaker.shape_cm,
        "neutral_cm": speaker.neutral_cm,
        "lens": np.array([speaker.focal, speaker.depth_scale]),
        "light": speaker.light.light,
        "light_gain": speaker.light.gain,
        "light_mask": speaker.light.mask,
    }
    write_tensors(path, arrays, {"key": key, "light_settings": asdict(speaker.light.settings)})


def load_speaker(path: Path, key: str) -> Speaker | None:
    """Return the speaker kept at a path; none where there is none, or one made with other settings.

    Raises:
        VideoError: the file is damaged.
    """
    if read_header(path).get("key") != key:
        return None
    header, arrays = read_tensors(path)
    settings: dict[str, Any] = header["light_settings"]
    light = LightReference(arrays["light"], arrays["light_gain"], arrays["light_mask"], LightSettings(**settings))
    focal, depth_scale = arrays["lens"].tolist()
    return Speaker(arrays["shape_cm"], arrays["neutral_cm"], focal, depth_scale, light)
