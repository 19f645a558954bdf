# SPDX-License-Identifier: GPL-3.0-or-later
"""How commands speak to a terminal or to the program that started them: progress, the bar, the last sentence."""

import argparse
import json
import sys
from collections.abc import Callable

from ..core.terminal import say

BAR_WIDTH = 30

Report = Callable[[float, str], None]


def add_talk(parser: argparse.ArgumentParser) -> None:
    """Add the options that every command has."""
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")
    parser.add_argument("--json-progress", action="store_true", help="progress as JSON lines on stdout")


def reporter(options: argparse.Namespace) -> Report | None:
    """Return what tells the progress: JSON lines, the bar on a terminal, or nothing."""
    if options.json_progress:
        return _print_json
    if options.quiet or not sys.stderr.isatty():
        return None
    return print_bar


def _print_json(fraction: float, stage: str) -> None:
    say(json.dumps({"stage": stage, "fraction": round(fraction, 4)}))


def print_bar(fraction: float, stage: str) -> None:
    """Draw the bar on the terminal."""
    filled = round(fraction * BAR_WIDTH)
    bar = "#" * filled + "." * (BAR_WIDTH - filled)
    print(f"\r{stage:<10} [{bar}] {fraction:4.0%}{'':<8}", end="", file=sys.stderr, flush=True)


def end_bar(options: argparse.Namespace) -> None:
    """Take the bar off the terminal."""
    if reporter(options) is print_bar:
        print(f"\r{'':<{BAR_WIDTH + 50}}\r", end="", file=sys.stderr, flush=True)


def conclude(options: argparse.Namespace, sentence: str) -> None:
    """Say that a command is done, and what came of it."""
    end_bar(options)
    if options.json_progress:
        say(json.dumps({"stage": "done", "fraction": 1.0, "output": str(options.output)}))
    elif not options.quiet:
        say(sentence)
