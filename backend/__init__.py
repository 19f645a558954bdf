# SPDX-License-Identifier: GPL-3.0-or-later
"""Speech to face animation without Blender: sound in, canonical face motion out.

Relative imports only, so that this package works both as `backend` in a checkout and as a subpackage of the
Blender extension.
"""
