# SPDX-License-Identifier: GPL-3.0-or-later
"""How the texture network is trained."""

from dataclasses import dataclass, field

from ...models.texture import TextureConfig
from .loop_settings import LoopSettings


@dataclass(frozen=True, slots=True)
class TextureLosses:
    """What counts how much."""

    structure: float = 0.1
    """Of 1 - SSIM (Wang et al. 2004), against the mean absolute difference, sRGB 0-1."""
    unseen: float = 0.3
    """Weight of a texel that is out of sight, e.g. behind closed lips, against one that is seen."""
    around: float = 0.1
    """Weight of texels outside the mouth region against those in it."""


@dataclass(frozen=True, slots=True)
class TextureSettings:
    """Training of the texture; the network's latent width follows the geometry network's."""

    network: TextureConfig = field(default_factory=TextureConfig)
    losses: TextureLosses = field(default_factory=TextureLosses)
    loop: LoopSettings = field(default_factory=lambda: LoopSettings(steps=900, batch=8))
    frames: int = 8
    """Length of the pieces that a step learns from, one frame predicted after the other."""
    own: float = 0.5
    """Share of frames that follow the network's own answer instead of the true atlas (Bengio et al. 2015). It needs no
    schedule: the network starts from the mean picture, so that its own answers are never far off."""
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
    """Return the settings of a preset: `fast`, minutes on a processor, or `full`, longer and larger."""
    if name == "full":
        loop = LoopSettings(steps=6000, batch=32, patience=15, validate_every=100, seed=seed, device=device)
        return TextureSettings(network=TextureConfig(hidden=256, components=72), loop=loop, frames=16)
    return TextureSettings(loop=LoopSettings(steps=900, batch=8, validate_every=100, seed=seed, device=device))
