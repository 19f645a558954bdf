# SPDX-License-Identifier: GPL-3.0-or-later
"""The version of the backend, also where no package metadata is installed (inside the Blender extension)."""

VERSION = "0.1.0"
"""The same as in pyproject.toml; a test keeps them equal."""
