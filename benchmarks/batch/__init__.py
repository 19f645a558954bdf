# SPDX-License-Identifier: GPL-3.0-or-later
"""What a batch takes: speed against one Blender a line, memory, broken runs, a cluster."""
