# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators: read the context, make a dataclass, call one function, report."""
