# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration: a text becomes speech, the speech moves a head, the head is saved, exported and filmed."""
