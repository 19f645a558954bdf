# SPDX-License-Identifier: GPL-3.0-or-later
"""A procedural demo head: the canonical face with skull, neck, ears, eyes, teeth, tongue, brows and the 52 shapes.

`demo_head()` returns its parts, `MATERIALS` their colours. Numpy only; `blender_addon.scene` makes objects of it.
"""

from .build import demo_head
from .parts import MATERIALS, HeadPart, Material

__all__ = ["MATERIALS", "HeadPart", "Material", "demo_head"]
