# SPDX-License-Identifier: GPL-3.0-or-later
"""What the README's figures come from; `python -m benchmarks` prints them with their bounds."""
