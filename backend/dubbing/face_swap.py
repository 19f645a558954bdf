# SPDX-License-Identifier: GPL-3.0-or-later
"""One frame of a video with its speaker's predicted face in it (Lahiri et al. 2021, the video path).

The predicted mesh goes into the frame's head pose, the predicted atlas into the frame's light; the frame itself is bent
so that its jaw takes the new line; the mouth is drawn over it and blended. All else stays as it is, bit by bit.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..core.types import Floats
from ..normalise.atlas import image_places, render, unwrap
from ..normalise.layout import atlas_layout
from ..normalise.lighting import LightReference, gain_field, relight
from ..normalise.pose import HeadPose
from .blend import blended
from .jaw_warp import REACH, bend_field, bent, box_around
from .region import DubRegion, dub_region

Picture = NDArray[np.uint8]

SMALLEST_FACE_PX = 24.0
"""Faces less high than this are left as they are."""


@dataclass(frozen=True, slots=True)
class SwapSettings:
    """Which steps to take; all but measurements take them all."""

    light: bool = True
    """Whether the texture is put into the light of the frame."""
    jaw: bool = True
    """Whether the frame is bent to the new jaw line."""
    light_memory: float = 0.5
    """Part of the light before that stays in each frame's estimate, against flicker; 0 for none."""


@dataclass(frozen=True)
class Swapped:
    """A dubbed frame."""

    rgb: Picture
    """[H, W, 3]"""
    touched: NDArray[np.bool_]
    """[H, W] where it may differ from the frame it was made of."""


class FaceSwap:
    """Puts predicted faces into frames that follow each other."""

    def __init__(self, light: LightReference, settings: SwapSettings | None = None) -> None:
        self._light = light
        self._settings = settings or SwapSettings()
        self._gain: Floats | None = None

    def forget(self) -> None:
        """Forget the light of the frames before: the next one comes after a cut."""
        self._gain = None

    def swap(self, rgb: Picture, landmarks_camera: Floats, pose: HeadPose, mesh_cm: Floats, atlas: Picture) -> Swapped:
        """Return a frame with another face in it.

        Args:
            rgb: [H, W, 3] the frame.
            landmarks_camera: [468 or more, 3] its tracked landmarks, px as `tracking.Track`.
            pose: of this one frame.
            mesh_cm: [468, 3] predicted, canonical space.
            atlas: [S, S, 3] predicted, in the speaker's reference light.
        """
        region = dub_region(len(atlas))
        tracked = landmarks_camera[: len(region.share)].astype(np.float32)
        seen_cm = pose.canonical(tracked[None])
        wanted = pose.camera(seen_cm + region.share * (mesh_cm - seen_cm))[0].astype(np.float32)
        old, new = image_places(tracked), image_places(wanted)
        height_px = float(np.ptp(old[:, 1]))
        moving = region.share.any(axis=1)
        reach = REACH * height_px * 1.1 + 2
        box = box_around(np.concatenate([old[moving], new[moving]]), reach, rgb.shape)
        if height_px < SMALLEST_FACE_PX or min(box.shape) < 8:
            return Swapped(rgb, np.zeros(rgb.shape[:2], bool))
        back, touched = box.of(rgb).astype(np.float32), np.zeros(box.shape, bool)
        if self._settings.jaw:
            back, touched = bent(rgb, bend_field(old, new, atlas_layout(len(atlas)).triangles, box, height_px), box)
        front, cover = _drawn(self._lit(rgb, tracked, atlas), wanted - (box.left, -box.top, 0), box.shape, region)
        touched |= cover > 0
        mixed = blended(front, back, cover)
        whole = rgb.copy()
        piece = box.of(whole)
        piece[touched] = np.clip(mixed[touched] + 0.5, 0, 255).astype(np.uint8)
        mask = np.zeros(rgb.shape[:2], bool)
        box.of(mask)[:] = touched
        return Swapped(whole, mask)

    def _lit(self, rgb: Picture, landmarks_camera: Floats, atlas: Picture) -> Floats:
        """Return the atlas [S, S, 3] 0-1 in the light of the frame."""
        colours = atlas.astype(np.float32) / 255
        if not self._settings.light:
            return colours
        now = gain_field(unwrap(atlas_layout(len(atlas)), rgb, landmarks_camera), self._light)
        before = self._gain
        self._gain = now if before is None else now + np.float32(self._settings.light_memory) * (before - now)
        return relight(colours, self._gain)


def _drawn(atlas: Floats, mesh_camera: Floats, shape: tuple[int, int], region: DubRegion) -> tuple[Floats, Floats]:
    """Return (colours [h, w, 3] 0-255, cover [h, w]) of the predicted texture on a mesh in a box's pixels."""
    painted = np.concatenate([atlas * 255, region.cover[..., None]], axis=-1)
    blur = _texels_per_pixel(region, mesh_camera) / 2 - 0.5
    if blur > 0.1:  # several texels a pixel would alias
        painted = np.asarray(cv2.GaussianBlur(painted, (0, 0), blur), np.float32)
    drawn = render(region.layout, painted, mesh_camera, np.zeros((*shape, 4), np.float32))
    return drawn[..., :3], np.clip(drawn[..., 3], 0, 1)


def _texels_per_pixel(region: DubRegion, mesh_camera: Floats) -> float:
    places = region.layout.uv_px()
    used = np.unique(region.layout.triangles)
    return float(np.ptp(places[used, 0]) / max(np.ptp(mesh_camera[used, 0]), 1e-3))
