# SPDX-License-Identifier: GPL-3.0-or-later
"""Atlases of shards as what the texture learns from: the reference atlas, and windows around the mouth."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.face import lip_gap_cm
from ...dataset.shards import read_arrays
from ...normalise.lighting import relight
from ...normalise.mouth_window import mouth_window
from .clips import Clips, TrainClip
from .rim import grown_over

REFERENCE_FRAMES = 240
"""Frames that the reference atlas is the median of."""
SEEN = 128
"""Visibility, of 255, from which a texel counts for the reference."""

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class TextureClip:
    """The mouth of one clip of T frames."""

    pictures: Bytes
    """[T, 3, h, w] sRGB in the mouth window."""
    seen: Bytes
    """[T, h, w] visibility, 0-255."""
    stretches: NDArray[np.int64]
    """[R, 2] first frame and end of each stretch without a gap in time."""


def texture_clips(clips: Clips, light_out: bool = True) -> list[TextureClip]:
    """Read the mouth windows of all clips: 30 kB a frame at 256 texels.

    Args:
        clips: whose shards to read.
        light_out: False puts back the light that each frame was filmed in, to measure what taking it out is worth.
    """
    return [_mouth_of(clip, light_out) for clip in clips.clips]


def reference_atlas(clips: Clips, light_out: bool = True) -> Bytes:
    """Return the speaker's atlas [S, S, 3] at rest: the median of frames with closed lips, where they are in sight.

    The frames are spread over all clips; of each, the half with the lips closer together comes into question. The rim,
    where it is seldom in sight, is grown over from what is.
    """
    a_clip = -(-REFERENCE_FRAMES // len(clips.clips))
    atlases: list[Bytes] = []
    seen: list[NDArray[np.bool_]] = []
    for clip in clips.clips[:: max(1, len(clips.clips) // REFERENCE_FRAMES)]:
        gaps_cm = lip_gap_cm(clips.neutral_cm + clip.displacement_cm)
        closed = np.flatnonzero(gaps_cm <= np.median(gaps_cm))
        frames = closed[np.linspace(0, len(closed) - 1, min(a_clip, len(closed))).round().astype(int)]
        for atlas, visibility in _frames(clip, frames, light_out):
            atlases.append(atlas)
            seen.append(visibility >= SEEN)
    counted = np.stack(seen)
    return grown_over(_median(np.stack(atlases), counted), counted.mean(axis=0, dtype=np.float32))


def _median(values: Bytes, counted: NDArray[np.bool_]) -> Bytes:
    """Return the median [S, S, 3] of pictures [N, S, S, 3] where they count [N, S, S]; of all, where none does."""
    everywhere = ~counted.any(axis=0)
    median = np.empty(values.shape[1:], np.uint8)
    for row in range(len(median)):
        counts = counted[:, row] | everywhere[row]
        ordered = np.where(counts[..., None], values[:, row].astype(np.int16), 256)
        ordered.sort(axis=0)
        middle = (counts.sum(axis=0) - 1) // 2
        median[row] = np.take_along_axis(ordered, middle[None, :, None], axis=0)[0]
    return median


def _mouth_of(clip: TrainClip, light_out: bool) -> TextureClip:
    pictures: list[Bytes] = []
    seen: list[Bytes] = []
    for atlas, visibility in _frames(clip, range(len(clip.times_s)), light_out):
        window = mouth_window(len(atlas))
        pictures.append(atlas[window.rows, window.columns].transpose(2, 0, 1))
        seen.append(visibility[window.rows, window.columns])
    return TextureClip(np.stack(pictures), np.stack(seen), _stretches(clip))


def _frames(
    clip: TrainClip, frames: Sequence[int] | NDArray[np.int64], light_out: bool
) -> Iterator[tuple[Bytes, Bytes]]:
    """Yield (atlas [S, S, 3], visibility [S, S]) of some frames."""
    arrays = read_arrays(clip.path, ("atlas", "visibility") if light_out else ("atlas", "visibility", "gain"))
    size = arrays["atlas"].shape[1]
    down, across = (np.arange(size) * length // size for length in arrays["visibility"].shape[1:])
    for frame in frames:
        atlas: Bytes = arrays["atlas"][frame]
        if not light_out:
            filmed = relight(atlas.astype(np.float32) / 255, arrays["gain"][frame].astype(np.float32))
            atlas = np.round(np.clip(filmed, 0, 1) * 255).astype(np.uint8)
        yield atlas, arrays["visibility"][frame][down][:, across]


def _stretches(clip: TrainClip) -> NDArray[np.int64]:
    gaps_s = np.diff(clip.times_s)
    apart = (np.diff(clip.shot) != 0) | (gaps_s > 1.5 * np.median(gaps_s))
    cuts = np.flatnonzero(apart) + 1
    return np.stack([np.concatenate([[0], cuts]), np.concatenate([cuts, [len(clip.times_s)]])], axis=1)
