# SPDX-License-Identifier: GPL-3.0-or-later
"""How a personal model is trained; the whole of it is written into the run's folder."""

from dataclasses import dataclass, field

from ...models.lipsync3d import GeometryConfig


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """One network's way to its weights."""

    steps: int = 600
    batch: int = 16
    """Clips a step."""
    learning_rate: float = 2e-3
    """Highest of the one-cycle schedule (Smith 2018)."""
    weight_decay: float = 0.02
    averaging: float = 0.98
    """Share of the old weights kept in the average at each step."""
    clip_gradient: float = 5.0
    validate_every: int = 50
    patience: int = 8
    """Validations in a row without a better result after which training stops."""
    seed: int = 0
    device: str = "cpu"
    """`cpu`, or `cuda`, which computes in bfloat16."""
    checkpoint_every: int = 50


@dataclass(frozen=True, slots=True)
class GeometryLosses:
    """What counts how much, in mm and squares of mm of the face in motion."""

    lips: float = 3.0
    """Weight of a lip vertex over another's."""
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
    pose_normalised: bool = True
    """Off only to measure what it brings: the face then keeps the head's motion."""
