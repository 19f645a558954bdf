# SPDX-License-Identifier: GPL-3.0-or-later
"""A talking head in three.js, in a browser without a window, against Blender's own picture of it."""
