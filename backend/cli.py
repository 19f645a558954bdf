# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: parse, call one function, print. Heavy rooms are imported when their command runs."""

import argparse
import json
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .core.errors import LipSyncError
from .core.terminal import say

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes; argparse ends with `WRONG_USAGE` by itself."""
BAR_WIDTH = 30

Report = Callable[[float, str], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except LipSyncError as error:
        _end_bar(options)
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        _end_bar(options)
        print(f"interrupted; {getattr(options, 'interrupted', 'nothing was written')}", file=sys.stderr)
        return INTERRUPTED
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backend", description="Speech to 3D face animation, offline.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_animate(commands.add_parser("animate", help="sound to blendshape curves or mesh"))
    _add_speak(commands.add_parser("speak", help="text to sound with phone times"))
    _add_prepare(commands.add_parser("prepare", help="videos of one speaker to training data"))
    _add_speaker(commands.add_parser("speaker", help="film a procedural talking head whose truth is known"))
    return parser


def _add_animate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sound", type=Path, help="WAV, FLAC, OGG, Opus or MP3; any rate and channels")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="curves: .json or .csv (Live Link Face); mesh: .npz"
    )
    parser.add_argument("--bundle", default="universal", help="name of a shipped bundle, or a bundle's folder")
    parser.add_argument("--fps", type=float, default=30.0, help="frames per second (default 30)")
    parser.add_argument("--transcript", default="", metavar="TEXT|FILE", help="what is said, where it is known")
    parser.add_argument("--phones", type=Path, help="phones file (JSON or CSV start_s,end_s,phone), used as it is")
    parser.add_argument("--language", default="", metavar="CODE", help="language of the transcript (default en-us)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the network runs")
    _add_talk(parser)
    parser.set_defaults(run=_animate)


def _add_speak(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", metavar="TEXT|FILE", help="what to say, or a text file")
    parser.add_argument("-o", "--output", type=Path, required=True, help="sound file to write (.wav)")
    parser.add_argument("--voice", default="en-us", metavar="CODE", help="language or voice (default en-us)")
    parser.add_argument("--engine", choices=("espeak-ng",), default="espeak-ng", help="speech synthesiser")
    parser.add_argument("--phones", type=Path, metavar="OUT.json", help="also write the phone times")
    _add_talk(parser)
    parser.set_defaults(run=_speak)


def _add_prepare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("videos", type=Path, nargs="+", metavar="VIDEO", help="video files, or folders of them")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the shards; run again to go on")
    parser.add_argument(
        "--atlas-size", type=int, default=256, metavar="TEXELS", help="side of the texture (default 256)"
    )
    parser.add_argument("--validate", type=float, default=0.1, metavar="SHARE", help="clips kept to validate on")
    parser.add_argument("--report", action="store_true", help="also write report.html with pictures")
    _add_talk(parser)
    parser.set_defaults(run=_prepare, interrupted="run the same command again to go on")


def _add_speaker(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("output", type=Path, metavar="OUT.mp4", help="video to write; its truth goes beside it as .npz")
    parser.add_argument("--seed", type=int, default=0, help="chooses face, voice, words, motion and lights")
    parser.add_argument("--seconds", type=float, default=8.0, help="length (default 8)")
    parser.add_argument("--size", type=int, default=512, metavar="PX", help="width and height (default 512)")
    parser.add_argument("--fps", type=float, default=25.0, help="frames per second (default 25)")
    parser.add_argument("--samples", type=int, default=1, help="rays a pixel along each axis; 2 smooths edges")
    _add_talk(parser)
    parser.set_defaults(run=_speaker)


def _add_talk(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")
    parser.add_argument("--json-progress", action="store_true", help="progress as JSON lines on stdout")


def _animate(options: argparse.Namespace) -> None:
    from .inference.animate import animate, check_output
    from .inference.bundle import open_bundle
    from .inference.predict import Predictor, PredictRequest

    request = PredictRequest(
        sound=options.sound,
        fps=options.fps,
        transcript=options.transcript,
        phones=options.phones,
        language=options.language,
    )
    check_output(options.output, request)
    predictor = Predictor(open_bundle(options.bundle), options.device)
    summary = animate(predictor, request, options.output, _reporter(options))
    _conclude(
        options,
        f"{summary.output}: {summary.frames} frames, {summary.duration_s:.2f} s, {summary.phone_count} phones, "
        f"mean confidence {summary.confidence_mean:.2f} ({summary.bundle})",
    )


def _speak(options: argparse.Namespace) -> None:
    from .inference.speak import speak

    duration_s = speak(options.text, options.output, options.voice, options.phones)
    _conclude(options, f"{options.output}: {duration_s:.2f} s")


def _prepare(options: argparse.Namespace) -> None:
    with _makers_room():
        from .dataset.prepare import PrepareSettings, prepare

    settings = PrepareSettings(atlas_size=options.atlas_size, validate=options.validate)
    done = prepare(options.videos, options.output, settings, _reporter(options))
    if options.report:
        from .dataset.report import write_report

        write_report(done.folder, options.videos)
    _conclude(options, f"{options.output}: {done.summary()}")


def _speaker(options: argparse.Namespace) -> None:
    with _makers_room():
        from .dataset.demo_speaker import DemoSettings, film

    settings = DemoSettings(options.seed, options.seconds, options.size, options.fps, options.samples)
    made = film(settings, options.output, _reporter(options))
    _conclude(options, f"{made.video}: {made.frames} frames, {made.duration_s:.2f} s; truth in {made.truth}")


@contextmanager
def _makers_room() -> Generator[None]:
    """Say what to install where a room for makers of bundles, or a package that it needs, is not there."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise LipSyncError(
            f"{error.name} is missing; this command needs a checkout and the packages of lipsync3d[tracking,inference]"
        ) from error


def _reporter(options: argparse.Namespace) -> Report | None:
    if options.json_progress:
        return _print_json
    if options.quiet or not sys.stderr.isatty():
        return None
    return _print_bar


def _print_json(fraction: float, stage: str) -> None:
    say(json.dumps({"stage": stage, "fraction": round(fraction, 4)}))


def _print_bar(fraction: float, stage: str) -> None:
    filled = round(fraction * BAR_WIDTH)
    bar = "#" * filled + "." * (BAR_WIDTH - filled)
    print(f"\r{stage:<10} [{bar}] {fraction:4.0%}{'':<8}", end="", file=sys.stderr, flush=True)


def _end_bar(options: argparse.Namespace) -> None:
    if _reporter(options) is _print_bar:
        print(f"\r{'':<{BAR_WIDTH + 50}}\r", end="", file=sys.stderr, flush=True)


def _conclude(options: argparse.Namespace, sentence: str) -> None:
    _end_bar(options)
    if options.json_progress:
        say(json.dumps({"stage": "done", "fraction": 1.0, "output": str(options.output)}))
    elif not options.quiet:
        say(sentence)
