# SPDX-License-Identifier: GPL-3.0-or-later
"""How good a personal model is: figures, baselines, and a report to look at."""
