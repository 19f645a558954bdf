# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of the terminal, a module for each kind of user."""
