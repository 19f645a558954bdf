# SPDX-License-Identifier: GPL-3.0-or-later
"""`animate` and `speak`: sound or text to files. Heavy rooms are imported when their command runs."""

import argparse
import sys
from pathlib import Path

from ..core.style import MotionStyle
from ..core.terminal import say
from .talk import add_talk, conclude, reporter

STYLE_HELP = {
    "articulation": "of everything: 0.5 mumbles, 1.5 over-articulates",
    "jaw": "of the jaw; the lips make up the rest of each opening",
    "lips": "of the lips' shape: rounding, spreading",
    "smoothing": "of the time from sound to sound: 0.5 is crisp, 2 slurs",
}
"""The fields of `MotionStyle`, in order."""


def add_animate(parser: argparse.ArgumentParser) -> None:
    """Describe `animate`."""
    parser.add_argument("sound", type=Path, help="WAV, FLAC, OGG, Opus or MP3; any rate and channels")
    parser.add_argument("-o", "--output", type=Path, help="curves: .json or .csv (Live Link Face); mesh: .npz")
    parser.add_argument(
        "--live",
        action="store_true",
        help="print a line of JSON a frame while the sound comes in; SOUND may be - (raw 16-bit mono 16 kHz on stdin)",
    )
    parser.add_argument("--bundle", default="universal", help="name of a shipped bundle, or a bundle's folder")
    parser.add_argument("--fps", type=float, default=30.0, help="frames per second (default 30)")
    parser.add_argument("--transcript", default="", metavar="TEXT|FILE", help="what is said, where it is known")
    parser.add_argument("--phones", type=Path, help="phones file (JSON or CSV start_s,end_s,phone), used as it is")
    parser.add_argument(
        "--language", default="", metavar="CODE", help="what is spoken (default: unknown; en-us with a transcript)"
    )
    parser.add_argument(
        "--quality",
        choices=("auto", "fast", "best"),
        default="auto",
        help="best also decodes English words; auto (default): best with universal bundles, fast with personal ones",
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the network runs")
    add_style(parser)
    add_talk(parser)
    parser.set_defaults(run_command=_animate, wrong_usage=parser.error)


def add_style(parser: argparse.ArgumentParser) -> None:
    """Describe how much the face moves."""
    style = parser.add_argument_group(
        "speaking style", "from 0 up, 1 is ordinary; contacts and rest hold at any; personal bundles have their own"
    )
    for field, help_text in STYLE_HELP.items():
        style.add_argument(f"--{field}", type=float, default=1.0, metavar="GAIN", help=help_text)


def add_speak(parser: argparse.ArgumentParser) -> None:
    """Describe `speak`."""
    parser.add_argument("text", metavar="TEXT|FILE", help="what to say, or a text file; SSML's break and prosody too")
    parser.add_argument("-o", "--output", type=Path, required=True, help="sound file to write (.wav, .flac, .ogg)")
    parser.add_argument(
        "--voice", default="", metavar="CODE|FILE", help="language or voice (default en-us); of Piper its .onnx file"
    )
    parser.add_argument(
        "--engine",
        default="espeak-ng",
        metavar="NAME",
        help='espeak-ng, piper, or a command: "say -o {wav} {text_file}"',
    )
    parser.add_argument("--phones", type=Path, metavar="OUT.json", help="also write the phone times")
    parser.add_argument("--language", default="", metavar="CODE", help="language of the text (default the voice's)")
    parser.add_argument("--speed", type=float, default=1.0, help="times the voice's own pace, 0.5 to 2.5")
    parser.add_argument("--pitch", type=float, default=0.0, help="semitones above the voice's own, -12 to 12")
    parser.add_argument(
        "--loudness", type=_loudness, default=-23.0, metavar="LUFS|off", help="loudness by BS.1770 (default -23)"
    )
    parser.add_argument("--peak", type=float, default=-1.0, metavar="DB", help="true peak to stay under (default -1)")
    add_talk(parser)
    parser.set_defaults(run_command=_speak)


def _loudness(text: str) -> float | None:
    return None if text == "off" else float(text)


def _animate(options: argparse.Namespace) -> None:
    if options.live:
        _animate_live(options)
        return
    if options.output is None:
        options.wrong_usage("give the file to write (-o), or --live")
        return
    from ..inference.animate import animate, check_output
    from ..inference.bundle import open_bundle
    from ..inference.predict import PredictRequest
    from ..inference.predictors import open_predictor

    request = PredictRequest(
        sound=options.sound,
        fps=options.fps,
        transcript=options.transcript,
        phones=options.phones,
        language=options.language,
        style=MotionStyle(*(getattr(options, field) for field in STYLE_HELP)),
        quality=options.quality,
    )
    check_output(options.output, request)
    predictor = open_predictor(open_bundle(options.bundle), options.device)
    summary = animate(predictor, request, options.output, reporter(options))
    conclude(
        options,
        f"{summary.output}: {summary.frames} frames, {summary.duration_s:.2f} s, {summary.phone_count} phones, "
        f"mean confidence {summary.confidence_mean:.2f} ({summary.bundle})"
        + (f"\nnote: {summary.note}" if summary.note else ""),
    )


def _animate_live(options: argparse.Namespace) -> None:
    from ..inference.bundle import open_bundle
    from ..inference.live import LiveAnimator
    from ..inference.live_lines import file_blocks, lines, live_bundle, raw_blocks

    if options.output or options.transcript or options.phones:
        options.wrong_usage("--live prints its frames and takes neither -o, --transcript nor --phones")
    animator = LiveAnimator(open_bundle(live_bundle(options.bundle)), options.fps)
    blocks = raw_blocks(sys.stdin.buffer) if str(options.sound) == "-" else file_blocks(options.sound)
    for line in lines(animator, blocks):
        say(line)


def _speak(options: argparse.Namespace) -> None:
    from ..core.errors import SynthesisError
    from ..inference.speak import SpeakRequest, phone_timer, speak_line
    from ..inference.transcript import read_text

    request = SpeakRequest(
        text=read_text(options.text, SynthesisError),
        engine=options.engine,
        voice=options.voice,
        language=options.language,
        speed=options.speed,
        pitch=options.pitch,
        loudness_lufs=options.loudness,
        peak_dbtp=options.peak,
    )
    line = speak_line(request, options.output, options.phones, phone_timer())
    timed = f", phone times by {line.phones_from}" if line.phones_from else ""
    told = "".join(f"; {note}" for note in line.notes)
    conclude(options, f"{options.output}: {line.duration_s:.2f} s, {line.loudness_lufs:.1f} LUFS{timed}{told}")
