# SPDX-License-Identifier: GPL-3.0-or-later
"""The sheets of lines that the batch is measured with."""
