# SPDX-License-Identifier: GPL-3.0-or-later
"""From canonical face motion to the controls of a rig: maps and the bounded solve. Numpy only."""
