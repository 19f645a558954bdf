# SPDX-License-Identifier: GPL-3.0-or-later
from backend.core.memory import resident_mb


def test_what_is_held_is_counted():
    before = resident_mb()
    held = bytearray(80_000_000)
    held[::4096] = b"x" * len(held[::4096])
    assert resident_mb() - before > 60
    assert before > 5
