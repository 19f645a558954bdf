# SPDX-License-Identifier: GPL-3.0-or-later
"""How a network of a personal model comes to its weights."""

from dataclasses import dataclass


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
