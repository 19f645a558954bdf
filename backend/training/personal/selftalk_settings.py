# SPDX-License-Identifier: GPL-3.0-or-later
"""How SelfTalk is trained."""

from dataclasses import dataclass, field

from ...models.selftalk import AnimatorConfig, InterpreterConfig
from .loop_settings import LoopSettings
from .settings import GeometryLosses

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
    latent: float = 0.3
    """Of the likeness of lip latents and what the recogniser hears by, in its own spread, squared."""
    text: float = 0.1
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
