# SPDX-License-Identifier: GPL-3.0-or-later
"""A predicted performance as something light: few shapes, a page of tiles, a GLB file. Numpy only."""
