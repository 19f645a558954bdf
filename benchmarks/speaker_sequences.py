# SPDX-License-Identifier: GPL-3.0-or-later
"""Atlases of the demo speaker, unwrapped from rendered frames by the true landmarks, with the true albedo."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from backend.dataset.demo_speaker import DemoClip, DemoSettings, demo_clip
from backend.dataset.demo_speaker.picture import picture
from backend.normalise.atlas import Atlas, unwrap
from backend.normalise.layout import AtlasLayout, atlas_layout

from .light_sequences import relit_pairs

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
    relit: tuple[tuple[Atlas, int, Atlas], ...]
    """(source, index of the target frame, truth): mouths in their own light, to be brought into the target's.

    The head stays in the target's pose, so that only light differs between source and truth.
    """

    @property
    def truth(self) -> np.ndarray:
        """[1, S, S, 3] albedo as sRGB."""
        return self.layout.from_canonical(self.clip.truth.albedo)[None]

    @property
    def told(self) -> np.ndarray:
        """[S, S] bool, where the truth is known: not in mouth and eyes, nor so near that a pixel shows both."""
        skin = self.layout.picture((self.layout.triangle < self.layout.mouth_start) * 1.0)
        return cv2.erode(skin, np.ones((2 * PIXEL_TEXELS + 1,) * 2, np.uint8)) > 0


def in_light(clip: DemoClip, layout: AtlasLayout, acted: int, posed: int, lamps: int) -> Atlas:
    """Return the atlas of frame `acted`'s face in frame `posed`'s head pose and frame `lamps`' light."""
    truth, stage = clip.truth, clip.stage
    face = truth.neutral_cm + truth.displacement_cm[acted]
    camera_cm = face @ truth.rotation[posed].T + truth.translation_cm[posed]
    swapped = {name: _swapped(values, posed, lamps) for name, values in vars(stage.lights).items()}
    lit = replace(stage, lights=replace(stage.lights, **swapped))
    return unwrap(layout, picture(lit, truth.weights[acted], posed), stage.camera.landmarks(camera_cm))


def _swapped(values: np.ndarray, at: int, source: int) -> np.ndarray:
    changed = values.copy()
    changed[at] = values[source]
    return changed


def speaker_sequence(seed: int, count: int = 16, size: int = 256) -> SpeakerSequence:
    """Return `count` frames spread over 8 seconds of a speaker."""
    layout, clip = atlas_layout(size), demo_clip(DemoSettings(seed=seed, samples=2))
    chosen = tuple(int(index) for index in np.linspace(0, len(clip.truth.times_s) - 1, count))
    frames = tuple(unwrap(layout, clip.frame(index), clip.truth.landmarks[index]) for index in chosen)
    relit = tuple(
        (
            in_light(clip, layout, chosen[mouth], chosen[target], chosen[mouth]),
            target,
            in_light(clip, layout, chosen[mouth], chosen[target], chosen[target]),
        )
        for mouth, target in relit_pairs(count)
    )
    return SpeakerSequence(layout, clip, chosen, frames, relit)
