# SPDX-License-Identifier: GPL-3.0-or-later
"""Work beside Blender: the prediction process and the thread that waits for it. Must not import bpy."""
