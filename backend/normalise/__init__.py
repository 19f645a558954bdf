# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking head pose and light out of tracked faces, and putting them back."""
