# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: parse, call one function, print. Heavy rooms are imported when their command runs."""

import argparse
import sys
from collections.abc import Sequence

from .commands.batch import add_batch, add_cache
from .commands.makers import add_dub, add_evaluate, add_prepare, add_speaker, add_train
from .commands.talk import end_bar
from .commands.users import add_animate, add_speak
from .core.errors import LipSyncError

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes; argparse ends with `WRONG_USAGE` by itself."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        options.run_command(options)
    except LipSyncError as error:
        end_bar(options)
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        end_bar(options)
        print(f"interrupted; {getattr(options, 'interrupted', 'nothing was written')}", file=sys.stderr)
        return INTERRUPTED
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backend", description="Speech to 3D face animation, offline.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    add_animate(commands.add_parser("animate", help="sound to blendshape curves or mesh"))
    add_speak(commands.add_parser("speak", help="text to sound with phone times"))
    add_batch(commands.add_parser("batch", help="a sheet of lines to finished files, here or on a cluster"))
    add_cache(commands.add_parser("cache", help="make what a batch keeps smaller"))
    add_prepare(commands.add_parser("prepare", help="videos of one speaker to training data"))
    add_train(commands.add_parser("train", help="videos or training data of one speaker to a personal bundle"))
    add_evaluate(commands.add_parser("evaluate", help="how good a personal bundle is: figures, pictures, films"))
    add_dub(commands.add_parser("dub", help="a new sound into a video of a personal bundle's speaker"))
    add_speaker(commands.add_parser("speaker", help="film a procedural talking head whose truth is known"))
    return parser
