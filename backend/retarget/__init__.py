# SPDX-License-Identifier: GPL-3.0-or-later
"""From a predicted face to the controls of a rig: naming maps, detection, bounded least squares, gains.

Numpy only; knows nothing of Blender.
"""
