# SPDX-License-Identifier: GPL-3.0-or-later
"""How the texture network is trained."""

from dataclasses import dataclass, field, replace

from ...models.texture import TextureConfig
from .loop_settings import LoopSettings


@dataclass(frozen=True, slots=True)
class TextureSettings:
    """Training of the texture; the network's latent width follows the geometry network's."""

    network: TextureConfig = field(default_factory=TextureConfig)
    loop: LoopSettings = field(default_factory=lambda: LoopSettings(steps=600, batch=32, learning_rate=3e-3))
    frames: int = 8
    """Length of the pieces that a step learns from, one frame predicted after the other."""
    own: float = 1.0
    """Share of frames that follow the network's own answer instead of the true atlas (Bengio et al. 2015). Below 1 it
    learns to trust what it is shown more than what it hears (30.1 dB at 1, 29.9 at 0.5, 29.7 at 0; 30.2 without
    auto-regression; GRID). It needs no schedule: the network starts from the mean picture."""
    noise: float = 0.05
    """Standard deviation of noise on what is fed back, sRGB 0-1."""
    contrast: float = 1.1
    """Factor on the trained network's way from the mean picture. What minimises an error answers doubt with the mean,
    so that it is paler and moves less than the truth; a tenth more costs 0.1 dB and brings back 15 % of the missing
    sharpness and 9 % of the missing motion (GRID)."""
    light_normalised: bool = True
    """False learns the atlases in the light they were filmed in, to measure what taking it out is worth."""
    autoregressive: bool = True
    """False predicts each atlas from the sound alone."""


def texture_preset(name: str, seed: int = 0, device: str = "cpu") -> TextureSettings:
    """Return the settings of a preset: `fast`, a minute on a processor, or `full`, longer and larger."""
    if name == "full":
        loop = LoopSettings(steps=4000, batch=64, learning_rate=3e-3, validate_every=100, patience=12)
        settings = TextureSettings(network=TextureConfig(hidden=256, components=72, dropout=0.4), loop=loop, frames=16)
    else:
        settings = TextureSettings()
    return replace(settings, loop=replace(settings.loop, seed=seed, device=device))
