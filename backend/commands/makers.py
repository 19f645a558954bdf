# SPDX-License-Identifier: GPL-3.0-or-later
"""`prepare`, `train`, `evaluate`, `dub`, `speaker`: for those who make bundles. Their rooms are not in the zip."""

import argparse
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ..core.errors import LipSyncError
from .talk import add_talk, conclude, reporter


def add_prepare(parser: argparse.ArgumentParser) -> None:
    """Describe `prepare`."""
    parser.add_argument("videos", type=Path, nargs="+", metavar="VIDEO", help="video files, or folders of them")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the shards; run again to go on")
    parser.add_argument(
        "--atlas-size", type=int, default=256, metavar="TEXELS", help="side of the texture (default 256)"
    )
    parser.add_argument("--validate", type=float, default=0.1, metavar="SHARE", help="clips kept to validate on")
    parser.add_argument("--report", action="store_true", help="also write report.html with pictures")
    add_talk(parser)
    parser.set_defaults(run_command=_prepare, interrupted="run the same command again to go on")


def add_train(parser: argparse.ArgumentParser) -> None:
    """Describe `train`."""
    parser.add_argument(
        "inputs", type=Path, nargs="+", metavar="VIDEO|SHARDS|SOUND",
        help="of one speaker; or sounds of one character with their curves, .json or .csv, beside them",
    )  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="BUNDLE", help="bundle folder to write")
    parser.add_argument("--run", type=Path, help="folder of the run, to go on from (default: beside the bundle)")
    parser.add_argument(
        "--kind", choices=("lipsync3d", "selftalk"), default="lipsync3d",
        help="of predictor: frame by frame, or whole clips against a lip-reader (default lipsync3d)",
    )  # fmt: skip
    parser.add_argument(
        "--transcripts", type=Path, metavar="FOLDER", help="selftalk: what is said, NAME.txt or NAME.align"
    )
    parser.add_argument("--language", default="", metavar="CODE", help="of the transcripts (default en-us)")
    parser.add_argument(
        "--recogniser", type=Path, metavar="FOLDER", help="selftalk: a wav2vec 2.0 CTC checkpoint (safetensors)"
    )
    parser.add_argument("--preset", choices=("fast", "full"), default="fast", help="fast: minutes on two cores")
    parser.add_argument("--no-texture", action="store_true", help="learn the mesh alone")
    parser.add_argument("--seed", type=int, default=0, help="the same seed and data give the same bundle")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where to train")
    parser.add_argument("--terms", default="", help="of what is learnt from, for the model card")
    add_talk(parser)
    parser.set_defaults(run_command=_train, interrupted="run the same command again to go on")


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    """Describe `evaluate`."""
    parser.add_argument("bundle", metavar="BUNDLE", help="a personal bundle's folder")
    parser.add_argument(
        "inputs", type=Path, nargs="+", metavar="VIDEO|SHARDS", help="of its speaker, that it did not learn from"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="REPORT", help="folder for the report")
    parser.add_argument("--train", type=Path, metavar="SHARDS", help="what it learnt from, for the predictors to beat")
    parser.add_argument(
        "--words", type=Path, metavar="FOLDER", help="word times, .align files (default: beside the videos)"
    )
    parser.add_argument("--language", default="", metavar="CODE", help="of the words (default en-us)")
    parser.add_argument("--films", type=int, default=3, metavar="N", help="clips to show in pictures (default 3)")
    add_talk(parser)
    parser.set_defaults(run_command=_evaluate, interrupted="run the same command again to go on")


def add_speaker(parser: argparse.ArgumentParser) -> None:
    """Describe `speaker`."""
    parser.add_argument("output", type=Path, metavar="OUT.mp4", help="video to write; its truth goes beside it as .npz")
    parser.add_argument("--seed", type=int, default=0, help="chooses face, voice, words, motion and lights")
    parser.add_argument("--seconds", type=float, default=8.0, help="length (default 8)")
    parser.add_argument("--size", type=int, default=512, metavar="PX", help="width and height (default 512)")
    parser.add_argument("--fps", type=float, default=25.0, help="frames per second (default 25)")
    parser.add_argument("--samples", type=int, default=1, help="rays a pixel along each axis; 2 smooths edges")
    add_talk(parser)
    parser.set_defaults(run_command=_speaker)


def add_dub(parser: argparse.ArgumentParser) -> None:
    """Describe `dub`."""
    parser.add_argument("bundle", metavar="BUNDLE", help="a personal bundle's folder, with texture")
    parser.add_argument("video", type=Path, metavar="VIDEO", help="of the bundle's speaker")
    parser.add_argument("sound", type=Path, metavar="SOUND", help="what shall be said: WAV, FLAC, OGG, Opus or MP3")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.mp4", help="video to write")
    parser.add_argument(
        "--fit", choices=("loop", "stop"), default="loop",
        help="loop: as long as the sound, the video going back and forth; stop: as long as the shorter (default loop)",
    )  # fmt: skip
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the networks run")
    add_talk(parser)
    parser.set_defaults(run_command=_dub)


def _prepare(options: argparse.Namespace) -> None:
    with _makers_room():
        from ..dataset.prepare import PrepareSettings, prepare

    settings = PrepareSettings(atlas_size=options.atlas_size, validate=options.validate)
    done = prepare(options.videos, options.output, settings, reporter(options))
    if options.report:
        from ..dataset.report import write_report

        write_report(done.folder, options.videos)
    conclude(options, f"{options.output}: {done.summary()}")


def _train(options: argparse.Namespace) -> None:
    with _makers_room("training"):
        from ..training.personal.settings import SELFTALK, preset
        from ..training.personal.teaching import Teaching
        from ..training.personal.train import train

    teaching = Teaching(options.transcripts, options.language, options.recogniser)
    if options.kind != SELFTALK and teaching != Teaching():
        raise LipSyncError("--transcripts, --language and --recogniser teach SelfTalk; add --kind selftalk")
    settings = preset(options.preset, options.seed, options.device, not options.no_texture, options.kind)
    if options.terms:
        settings = replace(settings, terms=options.terms)
    run = options.run or options.output.with_name(f"{options.output.name}.run")
    made = train(options.inputs, options.output, run, settings, reporter(options), teaching)
    what = "mesh and texture" if made.has_texture else "blendshape weights" if made.from_curves else "mesh"
    conclude(options, f"{made.bundle}: {what}, learnt from {made.minutes:.1f} min in {made.clips} clips; run in {run}")


def _evaluate(options: argparse.Namespace) -> None:
    with _makers_room("training"):
        from ..training.evaluation.evaluate import EvaluateSettings, evaluate, sentence

    settings = EvaluateSettings(options.train, options.words, options.language, options.films)
    conclude(options, sentence(evaluate(options.bundle, options.inputs, options.output, settings, reporter(options))))


def _speaker(options: argparse.Namespace) -> None:
    with _makers_room():
        from ..dataset.demo_speaker import DemoSettings, film

    settings = DemoSettings(options.seed, options.seconds, options.size, options.fps, options.samples)
    made = film(settings, options.output, reporter(options))
    conclude(options, f"{made.video}: {made.frames} frames, {made.duration_s:.2f} s; truth in {made.truth}")


def _dub(options: argparse.Namespace) -> None:
    with _makers_room():
        from ..dubbing.dub import DubRequest, dub

    request = DubRequest(options.bundle, options.video, options.sound, options.output, options.fit, options.device)
    conclude(options, dub(request, reporter(options)).summary())


@contextmanager
def _makers_room(extra: str = "tracking") -> Generator[None]:
    """Say what to install where a room for makers of bundles, or a package that it needs, is not there."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise LipSyncError(
            f"{error.name} is missing; this command needs a checkout and the packages of lipsync3d[{extra},inference]"
        ) from error
