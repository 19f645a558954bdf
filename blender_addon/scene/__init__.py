# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that reads or changes Blender's data."""
