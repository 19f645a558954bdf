# SPDX-License-Identifier: GPL-3.0-or-later
"""What every other room builds on: errors, value types, time, the canonical face. Numpy only."""
