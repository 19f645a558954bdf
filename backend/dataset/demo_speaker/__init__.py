# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo speaker: a procedural head that talks, with known geometry, pose, albedo and light.

`demo_clip(DemoSettings(seed=3))` renders in memory; `film(settings, path)` writes a video with sound and its truth.
The ground truth of the tests of tracking and normalising, and the free training video of the demo.
"""

from .clip import DemoClip, DemoSettings, Truth, demo_clip
from .film import Film, film
from .lights import LightRange, Lights

__all__ = ["DemoClip", "DemoSettings", "Film", "LightRange", "Lights", "Truth", "demo_clip", "film"]
