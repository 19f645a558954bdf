# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m backend`."""

import signal
import sys

from .cli import main

if __name__ == "__main__":
    # a polite kill unwinds like Ctrl-C, so that half-written files are removed
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
