# SPDX-License-Identifier: GPL-3.0-or-later
"""Speed of unwrapping faces and of taking the light out: `python -m benchmarks.atlas`."""

import sys
import time
from pathlib import Path

import cv2
import numpy as np

from backend.core.blendshapes import ARKIT_NAMES
from backend.core.face import canonical_face
from backend.normalise.atlas import render, unwrap
from backend.normalise.layout import atlas_layout
from backend.normalise.lighting import gain_field, light_reference, normalise

from .figure import Figure

FRAMES = 60
SIZE = 256


def posed_frame(width: int, yaw_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a square picture and the camera landmarks of a face that fills 70 % of it, turned, its mouth open."""
    face, angle = canonical_face(), np.radians(yaw_deg)
    mesh = face.neutral_cm + 0.5 * face.basis_cm[ARKIT_NAMES.index("jawOpen")]
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    camera = 0.04 * width * mesh @ turn.T + (width / 2, -width / 2, 0)
    soft = cv2.GaussianBlur(np.random.default_rng(0).normal(size=(width, width, 3)), (0, 0), width / 100)
    return np.clip(128 + 40 * soft / soft.std(), 0, 255).astype(np.uint8), camera.astype(np.float32)


def unwrapping(width: int) -> Figure:
    """Measure frames a second of `unwrap` with visibility, from pictures of `width` pixels."""
    layout = atlas_layout(SIZE)
    inputs = [posed_frame(width, yaw) for yaw in (-20, 0, 20)]
    unwrap(layout, *inputs[0])
    began = time.process_time()
    for index in range(FRAMES):
        unwrap(layout, *inputs[index % 3])
    speed = FRAMES / (time.process_time() - began)
    return Figure(f"unwrapping {width}² into {SIZE}² with visibility, one core", speed, "frames/s", 25, at_least=True)


def lighting() -> Figure:
    """Measure frames a second of `gain_field` and `normalise`."""
    atlas = unwrap(atlas_layout(SIZE), *posed_frame(512, 10))
    reference = light_reference([atlas])
    began = time.process_time()
    for _ in range(FRAMES):
        normalise(atlas.rgb, gain_field(atlas, reference))
    speed = FRAMES / (time.process_time() - began)
    return Figure(f"taking the light out of {SIZE}², one core", speed, "frames/s", 25, at_least=True)


def round_trip(yaw_deg: float) -> Figure:
    """Measure how well a picture comes back from unwrapping and rendering, where it was well seen."""
    layout = atlas_layout(SIZE)
    picture, camera = posed_frame(512, yaw_deg)
    atlas, truth = unwrap(layout, picture, camera), picture.astype(np.float32) / 255
    sight = np.repeat(atlas.visibility[..., None], 3, axis=-1)
    seen = render(layout, sight, camera, np.zeros_like(truth))[..., 0] > 0.9
    error = (render(layout, atlas.rgb, camera, truth) - truth)[seen]
    level = float(-10 * np.log10(np.mean(error**2)))
    return Figure(f"picture -> atlas -> picture at yaw {yaw_deg:g} degrees", level, "dB", 38, at_least=True)


def measure(folder: Path) -> list[Figure]:
    """Measure all of them on one thread; `folder` is not used."""
    del folder
    cv2.setNumThreads(1)
    return [*(unwrapping(width) for width in (512, 1080, 2160)), lighting(), round_trip(0), round_trip(20)]


def main() -> int:
    """Print the figures."""
    figures = measure(Path())
    print(*figures, sep="\n")
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
