# SPDX-License-Identifier: GPL-3.0-or-later
"""A demo clip: frames of a procedural talking head, its sound, and the truth about both."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.errors import VideoError
from ...core.files import written_beside
from ...core.types import Floats
from .acting import Speech, face_weights, head_motion, speech
from .camera import Camera
from .identity import Identity, identity
from .lights import LightRange, Lights, lights
from .model import speaker_body
from .paint import face_paint
from .picture import Stage, picture

FACE = 468


@dataclass(frozen=True)
class DemoSettings:
    """What to film."""

    seed: int = 0
    """Chooses face, voice, words, motion and lights.

    Exactly the same within a process; the synthesiser's own timing varies by milliseconds between processes, so keep
    the truth that was written with a video.
    """
    seconds: float = 8.0
    size: int = 512
    """Width and height, pixels; even."""
    fps: float = 25.0
    samples: int = 1
    """Rays a pixel along each axis: 2 smooths edges, at a third of the speed."""
    light: LightRange = field(default_factory=LightRange)


@dataclass(frozen=True)
class Truth:
    """What is known of a clip of T frames."""

    times_s: NDArray[np.float64]
    """[T]."""
    neutral_cm: Floats
    """[468, 3] the speaker's face at rest, canonical space."""
    displacement_cm: Floats
    """[T, 468, 3] from that neutral, canonical space."""
    weights: Floats
    """[T, 52] ARKit blendshape weights."""
    rotation: Floats
    """[T, 3, 3] from canonical to camera axes (+X image right, +Y up, +Z towards the camera)."""
    translation_cm: Floats
    """[T, 3]: a canonical point p lies at rotation p + translation in camera space."""
    yaw_pitch_roll_rad: Floats
    """[T, 3] with rotation = Ry(yaw) Rx(pitch) Rz(roll)."""
    points_px: Floats
    """[T, 468, 2] in the picture, x right and y down, the first pixel's centre at (0.5, 0.5)."""
    landmarks: Floats
    """[T, 468, 3] as a perfect tracker would give them: [x px, -y px, z px], y up, +z to the camera."""
    albedo: Floats
    """[256, 256, 3] sRGB in the canonical UV layout (row 0 is v = 1); 0 off the face."""
    lights: Lights
    """The lights of each frame."""


@dataclass(frozen=True)
class DemoClip:
    """A clip that is rendered as it is asked for."""

    settings: DemoSettings
    who: Identity
    spoken: Speech
    truth: Truth
    stage: Stage

    def frame(self, index: int) -> NDArray[np.uint8]:
        """Return frame `index` [H, W, 3], sRGB; the same whenever it is asked for."""
        return picture(self.stage, self.truth.weights[index], index)

    def frames(self) -> Iterator[NDArray[np.uint8]]:
        """Yield every frame in order."""
        return (self.frame(index) for index in range(len(self.truth.times_s)))

    def save_truth(self, path: Path) -> None:
        """Write the truth as .npz: the fields of `Truth`, lights as `light_*`, fps, phones and text.

        Raises:
            OutputError: the folder cannot be written to.
        """
        truth = {name: value for name, value in vars(self.truth).items() if name != "lights"}
        truth |= {f"light_{name}": value for name, value in vars(self.truth.lights).items()}
        phones = self.spoken.phones
        truth |= {
            "fps": np.float64(self.settings.fps),
            "size": np.int64(self.settings.size),
            "seed": np.int64(self.settings.seed),
            "focal_px": np.float64(self.stage.camera.focal_px),
            "phones": np.array([phone.phone for phone in phones]),
            "phone_times_s": np.array([(phone.start_s, phone.end_s) for phone in phones]).reshape(-1, 2),
            "text": np.array(self.spoken.text),
        }
        with written_beside(path) as beside, beside.open("wb") as file:
            np.savez_compressed(file, **truth)


def demo_clip(settings: DemoSettings) -> DemoClip:
    """Return the clip of a seed; nothing is rendered yet.

    Raises:
        VideoError: a length, size or frame rate that makes no video.
        SynthesisError: no speech engine is installed.
    """
    _check(settings)
    who = identity(settings.seed)
    times = np.arange(max(1, round(settings.seconds * settings.fps))) / settings.fps
    camera = Camera(settings.size, settings.size, _distance_cm(settings.seed))
    head = head_motion(settings.seed, times, camera.distance_cm)
    spoken = speech(who, settings.seconds)
    weights = face_weights(who, spoken, settings.seconds, head, times)
    stage = Stage(
        who=who,
        body=speaker_body(who),
        paint=face_paint(who),
        camera=camera,
        lights=lights(settings.seed, times, settings.light),
        head=head,
        samples=settings.samples,
    )
    return DemoClip(settings, who, spoken, _truth(stage, weights, times), stage)


def _check(settings: DemoSettings) -> None:
    for name, low, high in (("seconds", 0.04, 3600), ("size", 64, 4096), ("fps", 1, 240), ("samples", 1, 4)):
        value = getattr(settings, name)
        if not low <= value <= high:
            raise VideoError(f"demo speaker: {name} {value:g}; give {low:g} to {high:g}")
    if settings.size % 2:
        raise VideoError(f"demo speaker: size {settings.size} is odd; H.264 wants an even number of pixels")
    if settings.seed < 0:
        raise VideoError(f"demo speaker: seed {settings.seed}; give 0 or more")


def _distance_cm(seed: int) -> float:
    return float(np.random.default_rng((seed, 14)).uniform(66, 74))


def _truth(stage: Stage, weights: Floats, times: NDArray[np.float64]) -> Truth:
    shapes, rest = stage.body.shapes_cm[:, :FACE], stage.body.rest_cm[:FACE]
    neutral = stage.who.shaped(rest)
    face = stage.who.shaped(rest + np.tensordot(weights, shapes, axes=1))
    head = stage.head
    camera_cm = np.einsum("tij,tvj->tvi", head.rotation, face) + head.translation_cm[:, None]
    return Truth(
        times_s=times,
        neutral_cm=neutral,
        displacement_cm=face - neutral,
        weights=weights,
        rotation=head.rotation,
        translation_cm=head.translation_cm,
        yaw_pitch_roll_rad=head.yaw_pitch_roll_rad,
        points_px=stage.camera.project(camera_cm),
        landmarks=stage.camera.landmarks(camera_cm),
        albedo=stage.paint.truth(),
        lights=stage.lights,
    )
