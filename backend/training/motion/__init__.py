# SPDX-License-Identifier: GPL-3.0-or-later
"""The coarticulation's numbers fitted to tracked faces that speak."""
