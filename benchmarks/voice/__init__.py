# SPDX-License-Identifier: GPL-3.0-or-later
"""How good the universal voice model is: every figure of `docs/voice.md`, by `python -m benchmarks.voice DATA`."""
