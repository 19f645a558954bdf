# SPDX-License-Identifier: GPL-3.0-or-later
"""How much memory this process has, asked of the system."""

import ctypes
import os
import sys
from pathlib import Path

MB = 1e6


def resident_mb() -> float:
    """Return the resident memory of this process in MB; 0 where the system does not tell."""
    if sys.platform == "win32":
        return _windows_mb()
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / MB
    except (OSError, ValueError, IndexError):
        return _highest_mb()


def _highest_mb() -> float:
    """Return the most it ever had, which is all that macOS tells without a library."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MB


class _Counters(ctypes.Structure):
    """PROCESS_MEMORY_COUNTERS of the Windows API."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("faults", ctypes.c_uint32),
        *((name, ctypes.c_size_t) for name in ("peak", "resident", "a", "b", "c", "d", "e", "f")),
    )


def _windows_mb() -> float:
    counters = _Counters()
    counters.size = ctypes.sizeof(counters)
    kernel = ctypes.WinDLL("kernel32")  # pyright: ignore  it is there on Windows alone
    kernel.GetCurrentProcess.restype = ctypes.c_void_p
    handle = ctypes.c_void_p(kernel.GetCurrentProcess())
    done = kernel.K32GetProcessMemoryInfo(handle, ctypes.byref(counters), counters.size)
    return counters.resident / MB if done else 0.0
