# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the canonical face on a stranger's mesh: to measure what its controls do, and to give it shapes of its own.

Numpy only; knows nothing of Blender. Meshes come upright (+X to the subject's left, +Y up, +Z out of the face), in
any unit.
"""
