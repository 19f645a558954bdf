# SPDX-License-Identifier: GPL-3.0-or-later
"""Atlases of the demo speaker, unwrapped from rendered frames by the true landmarks, with the true albedo."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from backend.dataset.demo_speaker import DemoClip, DemoSettings, demo_clip
from backend.dataset.demo_speaker.picture import picture
from backend.normalise.atlas import Atlas, unwrap
from backend.normalise.layout import AtlasLayout, atlas_layout

PIXEL_TEXELS = 3
"""How far a pixel of the 512-pixel video and its bilinear sample reach in the atlas."""


@dataclass(frozen=True)
class SpeakerSequence:
    """Some frames of a clip, spread over it."""

    layout: AtlasLayout
    clip: DemoClip
    chosen: tuple[int, ...]
    """Their indices in the clip."""
    frames: tuple[Atlas, ...]

    @property
    def truth(self) -> np.ndarray:
        """[1, S, S, 3] albedo as sRGB."""
        return self.layout.from_canonical(self.clip.truth.albedo)[None]

    @property
    def told(self) -> np.ndarray:
        """[S, S] bool, where the truth is known: not in mouth and eyes, nor so near that a pixel shows both."""
        skin = self.layout.picture((self.layout.triangle < self.layout.mouth_start) * 1.0)
        return cv2.erode(skin, np.ones((2 * PIXEL_TEXELS + 1,) * 2, np.uint8)) > 0

    def in_light(self, mouth: int, pose: int, light: int) -> Atlas:
        """Return the atlas of one frame's face in another's pose and a third's light."""
        truth, stage = self.clip.truth, self.clip.stage
        acted, posed, lamps = self.chosen[mouth], self.chosen[pose], self.chosen[light]
        face = truth.neutral_cm + truth.displacement_cm[acted]
        camera_cm = face @ truth.rotation[posed].T + truth.translation_cm[posed]
        swapped = {name: _swapped(values, posed, lamps) for name, values in vars(stage.lights).items()}
        lit = replace(stage, lights=replace(stage.lights, **swapped))
        return unwrap(self.layout, picture(lit, truth.weights[acted], posed), stage.camera.landmarks(camera_cm))

    def relit(self, pair: tuple[int, int]) -> tuple[Atlas, int, Atlas]:
        """Return (source, index of the target frame, truth): a mouth in one light, to be brought into the target's.

        The head stays in the target's pose, so that only light differs between source and truth.
        """
        mouth, target = pair
        return self.in_light(mouth, target, mouth), target, self.in_light(mouth, target, target)


def _swapped(values: np.ndarray, at: int, source: int) -> np.ndarray:
    changed = values.copy()
    changed[at] = values[source]
    return changed


def speaker_sequence(seed: int, count: int = 16, size: int = 256) -> SpeakerSequence:
    """Return `count` frames spread over 8 seconds of a speaker."""
    layout, clip = atlas_layout(size), demo_clip(DemoSettings(seed=seed, samples=2))
    chosen = tuple(int(index) for index in np.linspace(0, len(clip.truth.times_s) - 1, count))
    frames = tuple(unwrap(layout, clip.frame(index), clip.truth.landmarks[index]) for index in chosen)
    return SpeakerSequence(layout, clip, chosen, frames)
