# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of personal models: one speaker's shards in, a `lipsync3d` bundle out."""
