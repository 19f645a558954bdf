# SPDX-License-Identifier: GPL-3.0-or-later
"""Atlas sequences with known albedo and light: what light normalisation is measured on without a video.

A painted face (uneven skin, freckles that differ left and right, brows, lips, teeth that come and go) is lit by an
ambient and two coloured lamps that wander, on the canonical mesh's normals, with highlights, in linear light; then come
sRGB and sensor noise; visibility follows a head that turns. So light is *not* the smooth log-gain in sRGB that the
normalisation assumes.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from backend.core.blendshapes import ARKIT_NAMES
from backend.core.face import canonical_face
from backend.normalise.atlas import Atlas
from backend.normalise.layout import AtlasLayout, atlas_layout
from backend.normalise.masks import region
from backend.normalise.shading import canonical_normals
from backend.normalise.visibility import facing, texel_visibility

TUNED_ON = (1, 2, 3)
"""Seeds on which settings were chosen."""
JUDGED_ON = (101, 102, 103, 104, 105)
"""Seeds never looked at while choosing."""
NOISE = 0.004
"""Standard deviation of the sensor's noise in sRGB."""
RELIT = 4
"""How many mouths of a sequence are brought into another frame's light."""


@dataclass(frozen=True)
class LitSequence:
    """A sequence and its truth."""

    layout: AtlasLayout
    albedo: np.ndarray
    """[T, S, S, 3] linear; only the mouth changes."""
    light: np.ndarray
    """[T, S, S, 3] linear light that falls on each texel."""
    highlight: np.ndarray
    """[T, S, S, 1] linear light added by highlights."""
    frames: tuple[Atlas, ...]

    @property
    def truth(self) -> np.ndarray:
        """[T, S, S, 3] albedo as sRGB."""
        return to_srgb(self.albedo)

    @property
    def told(self) -> np.ndarray:
        """[S, S] bool, where the truth is known: everywhere."""
        return np.ones((self.layout.size, self.layout.size), bool)

    @property
    def relit(self) -> list[tuple[Atlas, int, Atlas]]:
        """(source, index of the target frame, noiseless truth): mouths to be brought into other frames' light."""
        triples: list[tuple[Atlas, int, Atlas]] = []
        for mouth, target in relit_pairs(len(self.frames)):
            lit = to_srgb(self.albedo[mouth] * self.light[target] + self.highlight[target])
            triples.append((self.frames[mouth], target, Atlas(lit, self.frames[target].visibility)))
        return triples


def relit_pairs(count: int) -> list[tuple[int, int]]:
    """Return (mouth, target) indices: `RELIT` frames and those half a sequence later."""
    return [(index, (index + count // 2) % count) for index in range(0, count, count // RELIT)]


def to_srgb(linear: np.ndarray) -> np.ndarray:
    """Return linear light as sRGB 0-1 (IEC 61966-2-1)."""
    clipped = np.clip(linear, 0.0, 1.0)
    return np.where(clipped < 0.0031308, 12.92 * clipped, 1.055 * clipped ** (1 / 2.4) - 0.055).astype(np.float32)


def lit_sequence(seed: int, count: int = 24, size: int = 256) -> LitSequence:
    """Return `count` frames under wandering light."""
    layout, random = atlas_layout(size), np.random.default_rng(seed)
    normals = _normals(layout)
    albedo = _albedo(layout, random, count)
    light, highlight = _light(layout, normals, random, count)
    yaw = np.radians(20) * np.sin(np.linspace(0, 2 * np.pi, count, endpoint=False) + random.uniform(0, 0.5))
    seen = np.stack([_visibility(layout, angle) for angle in yaw])
    clean = to_srgb(albedo * light + highlight)
    noisy = np.clip(clean + random.normal(0, NOISE, clean.shape), 0, 1).astype(np.float32)
    noisy = np.round(noisy * 255) / np.float32(255)
    frames = tuple(Atlas(picture, sight) for picture, sight in zip(noisy, seen, strict=True))
    return LitSequence(layout, albedo, light, highlight, frames)


def _wander(random: np.random.Generator, count: int, channels: int) -> np.ndarray:
    """Return slow curves [T, C] of about unit deviation."""
    t = np.linspace(0, 2 * np.pi, count, endpoint=False)[:, None]
    waves = [random.normal(size=channels) * np.sin(k * t + random.uniform(0, 6.3, channels)) for k in (1, 2, 3)]
    return sum(waves) / np.sqrt(1.5)


def _blotches(random: np.random.Generator, size: int, sigma: float) -> np.ndarray:
    field = cv2.GaussianBlur(random.normal(size=(size, size)).astype(np.float32), (0, 0), sigma * size)
    return field / field.std()


def _albedo(layout: AtlasLayout, random: np.random.Generator, count: int) -> np.ndarray:
    size = layout.size
    skin = np.array([0.50, 0.30, 0.22]) * random.uniform(0.5, 1.3) * random.uniform(0.93, 1.07, 3)
    both = _blotches(random, size, 0.05)
    detail = 0.05 * (both + both[:, ::-1]) / 2 + 0.04 * _blotches(random, size, 0.02)
    detail += 0.05 * _blotches(random, size, 0.004) - 0.35 * (_blotches(random, size, 0.006) > 2.6)
    face = skin * np.exp(detail)[..., None]
    brows, eyes, mouth = (
        cv2.erode(region(layout, name), np.ones((9, 9), np.uint8))[..., None] for name in ("brows", "eyes", "mouth")
    )
    face = face * (1 - 0.7 * brows) * (1 - eyes) + 0.55 * eyes
    face = face * (1 - mouth) + mouth * face * np.array([0.9, 0.55, 0.6])
    inner = _between_lips(layout)
    rows = np.arange(size)[:, None] / size
    opening = np.clip(0.5 + 0.5 * _wander(random, count, 1)[:, 0], 0, 1)
    teeth = (np.abs(rows - 0.675) < 0.018) * inner
    frames = np.repeat(face[None], count, axis=0)
    for index, amount in enumerate(opening):
        inside = 0.02 + amount * 0.5 * teeth[..., None] * np.array([1.0, 0.95, 0.85])
        frames[index] = frames[index] * (1 - inner[..., None]) + inner[..., None] * inside
    return frames.astype(np.float32)


def _between_lips(layout: AtlasLayout) -> np.ndarray:
    """Return 1 [S, S] where the atlas shows the inside of the mouth, which has no skin to shine."""
    return layout.picture(((layout.triangle >= layout.mouth_start) & (layout.triangle < layout.eyes_start)) * 1.0)


def _normals(layout: AtlasLayout) -> np.ndarray:
    """Return the surface normals [S, S, 3] of the canonical face."""
    texels = layout.interpolate(canonical_normals())
    return layout.picture((texels / np.maximum(np.linalg.norm(texels, axis=0), 1e-9)).T)


def _light(
    layout: AtlasLayout, normals: np.ndarray, random: np.random.Generator, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return what falls on each texel [T, S, S, 3] and the highlights [T, S, S, 1]."""
    light = np.zeros((count, layout.size, layout.size, 3), np.float32)
    light += (0.3 * np.exp(0.3 * _wander(random, count, 3)))[:, None, None]
    highlight = np.zeros((*light.shape[:3], 1), np.float32)
    surface = 1 - _between_lips(layout)[..., None]
    for side in (-1, 1):
        turn = np.radians(side * 40) + 0.4 * _wander(random, count, 1)[:, 0]
        height = np.radians(20) + 0.25 * _wander(random, count, 1)[:, 0]
        way = np.stack([np.sin(turn) * np.cos(height), np.sin(height), np.cos(turn) * np.cos(height)], axis=-1)
        colour = 0.5 * np.exp(
            0.3 * random.normal() + 0.5 * _wander(random, count, 1) + 0.15 * _wander(random, count, 3)
        )
        toward = np.einsum("hwc,tc->thw", normals, way)
        light += ((0.5 + 0.5 * toward) ** 1.5)[..., None] * colour[:, None, None]
        half = way + np.array([0, 0, 1])
        half /= np.linalg.norm(half, axis=-1, keepdims=True)
        shine = np.clip(np.einsum("hwc,tc->thw", normals, half), 0, 1) ** 40
        highlight += 0.05 * shine[..., None] * surface
    return light, highlight


def _visibility(layout: AtlasLayout, yaw: float) -> np.ndarray:
    """Return the visibility [S, S] of the canonical face, its mouth ajar, turned by `yaw`."""
    face = canonical_face()
    mesh = face.neutral_cm + 0.3 * face.basis_cm[ARKIT_NAMES.index("jawOpen")]
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    turned = (20 * mesh @ turn.T).astype(np.float32)
    cosine = facing(turned, layout.triangles)
    x, y, z, towards = layout.interpolate(np.column_stack([turned * (1, -1, 1) - (0.5, 0.5, 0), cosine]))
    return layout.picture(texel_visibility(layout, turned, (x, y, z), towards))
