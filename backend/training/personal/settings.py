# SPDX-License-Identifier: GPL-3.0-or-later
"""How a personal model is trained; the whole of it is written into the run's folder."""

from dataclasses import dataclass, field

from ...models.lipsync3d import GeometryConfig
from ...models.selftalk import AnimatorConfig, InterpreterConfig
from .loop_settings import LoopSettings
from .texture_settings import TextureSettings, texture_preset


@dataclass(frozen=True, slots=True)
class GeometryLosses:
    """What counts how much, in mm and squares of mm of the face in motion."""

    lips: float = 3.0
    """Weight of a lip vertex over another's."""
    position: float = 1.0
    """Of the vertices' places."""
    velocity: float = 1.0
    """Of the change from frame to frame (Cudeiro et al. 2019)."""
    gap: float = 1.0
    """Of the inner-lip opening."""
    closure: float = 2.0
    """Of the opening where the lips are truly closed, falling off with `closure_mm`."""
    closure_mm: float = 1.0
    width: float = 0.5
    """Of the mouth's width."""
    rest: float = 0.3
    """Share of batches with a clip of silence, whose answer is the speaker's resting face."""


@dataclass(frozen=True, slots=True)
class GeometrySettings:
    """Training of the geometry."""

    network: GeometryConfig = field(default_factory=GeometryConfig)
    losses: GeometryLosses = field(default_factory=GeometryLosses)
    loop: LoopSettings = field(default_factory=LoopSettings)
    crop_s: float = 3.0
    """Length of the pieces that a step learns from."""
    voices: int = 4
    """Changed voices of each clip beside its own."""
    noise: float = 0.2
    """Standard deviation of noise on the features, in their own spread."""


PREDICTED, TRUE = "predicted", "true"


def _paper_losses() -> GeometryLosses:
    """Return positions and velocities alone, as in the paper."""
    return GeometryLosses(gap=0.0, closure=0.0, width=0.0)


@dataclass(frozen=True, slots=True)
class SelfTalkSettings:
    """Training of animator and interpreter."""

    network: AnimatorConfig = field(default_factory=AnimatorConfig)
    interpreter: InterpreterConfig = field(default_factory=InterpreterConfig)
    losses: GeometryLosses = field(default_factory=_paper_losses)
    latent: float = 3.0
    """Of the likeness of lip latents and what the recogniser hears by, in its own spread, squared."""
    text: float = 3.0
    """Of the text read from the lips, natural logarithm a symbol (CTC, Graves et al. 2006)."""
    learns_from: str = PREDICTED
    """The lips that the interpreter learns on: `predicted` as in the paper, or `true`."""
    loop: LoopSettings = field(default_factory=LoopSettings)
    crop_s: float = 12.0
    """Length of the longest piece; shorter clips are learnt whole."""
    voices: int = 4
    """Changed voices of each clip beside its own."""
    noise: float = 0.2
    """Standard deviation of noise on the features, in their own spread."""


PRESETS = ("fast", "full")
LIPSYNC3D, SELFTALK = "lipsync3d", "selftalk"
KINDS = (LIPSYNC3D, SELFTALK)


@dataclass(frozen=True, slots=True)
class PersonalSettings:
    """A whole run."""

    geometry: GeometrySettings | SelfTalkSettings = field(default_factory=GeometrySettings)
    texture: TextureSettings | None = field(default_factory=TextureSettings)
    """None: the bundle predicts the mesh alone."""
    preset: str = "fast"
    device: str = "cpu"
    terms: str = "those of what it was trained on"
    """Under which the training data may be used, for the card."""

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        return SELFTALK if isinstance(self.geometry, SelfTalkSettings) else LIPSYNC3D


def preset(
    name: str, seed: int = 0, device: str = "cpu", texture: bool = True, kind: str = LIPSYNC3D
) -> PersonalSettings:
    """Return the settings of a preset.

    Args:
        name: `fast` (minutes on two processor cores) or `full` (larger and longer; best on a GPU).
        seed: of weights, order and noise.
        device: `cpu` or `cuda`.
        texture: whether to predict texture as well.
        kind: one of `KINDS`.
    """
    full = name == "full"
    loop = LoopSettings(steps=2000 if full else 480, seed=seed, device=device)
    latent, components, voices = (256, 60, 16) if full else (128, 40, 4)
    if kind == SELFTALK:
        animator = AnimatorConfig(latent=latent, components=components)
        geometry = SelfTalkSettings(network=animator, loop=loop, voices=voices)
    else:
        network = GeometryConfig(latent=latent, components=components)
        geometry = GeometrySettings(network=network, loop=loop, voices=voices)
    painted = texture_preset(name, seed, device) if texture else None
    return PersonalSettings(geometry, painted, name, device)
