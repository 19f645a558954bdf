# SPDX-License-Identifier: GPL-3.0-or-later
"""Data, losses and loops that make the bundles, in torch."""
