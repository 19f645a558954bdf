# SPDX-License-Identifier: GPL-3.0-or-later
"""One frame: the posed body before a soft background, as a camera's sensor sees it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...core.face import lip_gap_cm
from ...core.head import MATERIALS
from ...core.types import Floats
from .acting import PIVOT_CM, HeadMotion
from .camera import Camera
from .colour import srgb
from .identity import Identity
from .lights import Lights
from .model import GLOSS, WET, Body
from .noise import mottle
from .paint import Paint
from .raster import Hits, rasterise
from .shading import Surface, shade

NOISE = 1.3
"""Standard deviation of the sensor's noise at mid grey, in 1/255."""

KNEE = 0.7
"""Linear light up to which the sensor is linear; what is brighter approaches white softly."""


@dataclass(frozen=True)
class Stage:
    """All that stays the same through a clip."""

    who: Identity
    body: Body
    paint: Paint
    camera: Camera
    lights: Lights
    head: HeadMotion
    samples: int
    """Rays a pixel along each axis."""


def picture(stage: Stage, weights: Floats, frame: int) -> NDArray[np.uint8]:
    """Return one frame [H, W, 3], sRGB.

    Args:
        stage: the clip.
        weights: [52] blendshape weights of the frame.
        frame: its index, for lights, pose and noise.
    """
    height, width = stage.camera.height * stage.samples, stage.camera.width * stage.samples
    canonical = stage.body.posed_cm(weights)
    vertices, normals = stage.body.whole(stage.who.shaped(canonical))
    placed = place(stage, vertices, frame)
    points = stage.camera.project(placed) * stage.samples
    hits = rasterise(points, np.float32(-1) / placed[:, 2], stage.body.triangles, (height, width))
    turned = np.where(stage.body.turns[:, None] > 0.5, normals @ stage.head.rotation[frame].T, normals)
    surface = _surface(stage, hits, np.concatenate([turned, placed], axis=1), _openness(stage.body, canonical))
    image = background(stage, frame)
    if stage.samples > 1:
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    flat = image.reshape(-1, 3)
    flat[hits.pixel] = shade(surface, stage.lights, frame) * _exposure(stage.who)
    image = flat.reshape(height, width, 3)
    if stage.samples > 1:
        image = cv2.resize(image, (stage.camera.width, stage.camera.height), interpolation=cv2.INTER_AREA)
    return _sensor(np.asarray(image, np.float32), stage.who.seed, frame)


def place(stage: Stage, shaped_cm: Floats, frame: int) -> Floats:
    """Return all vertices [V, 3] in camera space: the head turns, the neck follows, the shoulders stay."""
    turned = shaped_cm @ stage.head.rotation[frame].T + stage.head.translation_cm[frame]
    pivot = np.array(PIVOT_CM, np.float32)
    rigid = shaped_cm + (stage.head.rotation[frame] @ pivot + stage.head.translation_cm[frame] - pivot)
    share = stage.body.turns[:, None]
    return share * turned + (1 - share) * rigid


def background(stage: Stage, frame: int) -> Floats:
    """Return a blurred room [H, W, 3] in the colours of the surroundings."""
    height, width = stage.camera.height, stage.camera.width
    random = np.random.default_rng((stage.who.seed, 41))
    y, x = np.mgrid[0:1:24j, 0:1:24j]
    spots = np.column_stack([x.ravel(), y.ravel(), np.zeros(x.size)])
    tint = random.uniform(0.6, 1.3, 3)
    level = 0.35 + 0.25 * (1 - y) + 0.16 * mottle(random, spots, 0.35).reshape(x.shape)
    room = (
        np.clip(level, 0.06, None)[..., None]
        * tint
        * (stage.lights.sky_colour[frame] + 0.15 * stage.lights.key_colour[frame])
    )
    smooth = cv2.resize(room.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(smooth, np.float32)


def _exposure(who: Identity) -> float:
    return float(0.84 * (0.36 / np.mean(who.skin)) ** 0.25)


def _openness(body: Body, canonical: Floats) -> Floats:
    """Return [V] openness; light in the mouth falls off behind the lips and with their closing."""
    gap = float(np.clip(lip_gap_cm(canonical[:468]) / 1.4, 0, 1))
    depth = np.clip(5.0 - canonical[:, 2], 0, None)
    within = (0.5 + 0.45 * gap) * np.exp(-depth / (1.1 + 1.2 * gap))
    openness = body.openness.copy()
    moving = openness[: len(canonical)]
    moving[body.inside[: len(canonical)]] = within[body.inside[: len(canonical)]]
    return openness


def _surface(stage: Stage, hits: Hits, normal_place: Floats, openness: Floats) -> Surface:
    """Return what the visible points are like; vertices come with normal and place [V, 6] in camera space."""
    body = stage.body
    corners = body.triangles[hits.face]

    def at(values: Floats) -> Floats:
        return np.einsum("nc,ncd->nd", hits.barycentric, values[corners])

    blended = at(np.concatenate([normal_place, body.colour, openness[:, None]], axis=1))
    normal = blended[:, :3] / np.maximum(np.linalg.norm(blended[:, :3], axis=1, keepdims=True), 1e-6)
    to_camera = -blended[:, 3:6] / np.linalg.norm(blended[:, 3:6], axis=1, keepdims=True)
    albedo = blended[:, 6:9]
    names = [material.name for material in MATERIALS]
    gloss = np.array([*(GLOSS.get(name, 1.0) for name in names), 0.08], np.float32)[body.material[hits.face]]
    wet = np.isin(np.array([*names, "cloth"]), WET)[body.material[hits.face]]
    uv = np.einsum("nc,ncd->nd", hits.barycentric, body.corner_uv[hits.face])
    on_face = ~np.isnan(uv[:, 0])
    size = len(stage.paint.albedo)
    x = (uv[on_face, 0] * size - 0.5).astype(np.float32)
    y = ((1 - uv[on_face, 1]) * size - 0.5).astype(np.float32)
    albedo[on_face] = _sampled(stage.paint.albedo, x, y)
    gloss[on_face] = _sampled(stage.paint.gloss, x, y)
    return Surface(albedo, normal, to_camera, blended[:, 9], gloss, wet)


def _sampled(texture: Floats, x: Floats, y: Floats) -> Floats:
    """Return bilinear samples [N, ...] of a texture at texel coordinates (centres at whole numbers)."""
    # OpenCV wants pictures of at most 32767 pixels a side: fold the list
    columns = 1024
    rows = -(-len(x) // columns)
    fold = [np.pad(values, (0, rows * columns - len(x))).reshape(rows, columns) for values in (x, y)]
    picked = cv2.remap(texture, fold[0], fold[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(picked, np.float32).reshape(rows * columns, *texture.shape[2:])[: len(x)]


def _sensor(light: Floats, seed: int, frame: int) -> NDArray[np.uint8]:
    """Return sRGB bytes of linear light with the sensor's noise, new in each frame."""
    random = np.random.default_rng((seed, 51, frame))
    over = np.clip(light - KNEE, 0, None) / (1 - KNEE)
    soft = np.minimum(light, KNEE) + (1 - KNEE) * (1 - np.exp(-over))
    grain = random.standard_normal(light.shape, np.float32)
    return np.clip(srgb(soft) * 255 + NOISE * grain + 0.5, 0, 255).astype(np.uint8)
