# SPDX-License-Identifier: GPL-3.0-or-later
"""Dubbing: a predicted talking face put back into a video of its speaker. Not in the zip: it needs tracking."""
