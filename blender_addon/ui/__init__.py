# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user sees. Drawing does no work; what it shows is computed once and kept."""
