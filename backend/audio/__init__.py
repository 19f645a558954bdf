# SPDX-License-Identifier: GPL-3.0-or-later
"""From a sound file to features. May import soundfile and soxr; knows nothing of faces."""
