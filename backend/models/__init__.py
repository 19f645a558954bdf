# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks, in torch, and their export to ONNX."""
