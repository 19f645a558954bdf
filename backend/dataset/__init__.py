# SPDX-License-Identifier: GPL-3.0-or-later
"""Videos to normalised training data on disk, and a demo speaker whose truth is known."""
