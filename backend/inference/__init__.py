# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles and prediction: ONNX Runtime in a process of its own. Never imports torch or bpy."""
