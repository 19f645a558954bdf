# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of the universal speech encoder: synthesised speech with exact labels, real speech with a teacher's."""
