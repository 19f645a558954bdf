# SPDX-License-Identifier: GPL-3.0-or-later
"""The Blender add-on: a thin layer that knows Blender and nothing of how speech becomes motion.

Holds registration alone; nothing is imported before Blender (or a terminal) asks. In the extension the backend is a
folder of this package; in a checkout it is a sibling, and the package's path is extended to find it.
"""

from pathlib import Path

PACKAGE = Path(__file__).parent

if not (PACKAGE / "backend").is_dir():
    __path__.append(str(PACKAGE.parent))


def register() -> None:
    """Add the add-on's classes, properties and commands to Blender."""
    from . import registration

    registration.register()


def unregister() -> None:
    """Stop what runs and remove everything again."""
    from . import registration

    registration.unregister()
