# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said and when: phones, their sets, speech synthesis with known phone times."""
