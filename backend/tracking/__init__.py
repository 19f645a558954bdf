# SPDX-License-Identifier: GPL-3.0-or-later
"""Faces in video: frames with true times, sound in step, landmarks, and what is wrong with a frame."""
