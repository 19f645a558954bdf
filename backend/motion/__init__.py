# SPDX-License-Identifier: GPL-3.0-or-later
"""From timed phones to coarticulated face motion, with contacts that hold exactly. Numpy only."""
