# SPDX-License-Identifier: GPL-3.0-or-later
"""The terminal's way in: `blender -b FILE --command lipsync3d animate …` and `python -m blender_addon animate …`.

Blocks until done (timers do not run without a window). Exit codes: 0 done, 1 an error told in one line, 2 wrong usage.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

import bpy

from .backend.core.errors import LipSyncError, SynthesisError
from .backend.core.style import MotionStyle
from .backend.core.terminal import say
from .backend.retarget.apply import Gains
from .jobs import process
from .jobs.bake import BakeJob, BakeRequest
from .jobs.client import WorkerClient
from .jobs.head import HeadJob, HeadRequest
from .jobs.job import Job, Wanted
from .scene import bake, exporting, head_output, importing
from .scene.head_export import EngineLook
from .scene.head_stage import film
from .scene.plan import bundle_of, chosen_character, fit_of
from .scene.sound_strip import pack
from .scene.talking_head import HeadLook, add_talking_head
from .terminal import BATCH, STYLE_OPTIONS, make_parser

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
COMMAND = "lipsync3d"
TICK_S = 0.1
BAR_WIDTH = 30


def main(arguments: Sequence[str], *, needs_character: bool = False) -> int:
    """Run one command and return its exit code.

    Args:
        arguments: after `lipsync3d` or `python -m blender_addon`.
        needs_character: whether no file is open yet, so that one must be named.
    """
    if arguments and arguments[0] == BATCH:
        return batch(arguments[1:])
    parser = make_parser(COMMAND, needs_character=needs_character)
    try:
        options = parser.parse_args(list(arguments))
        if not (options.save or options.export or options.render):
            parser.error("nothing to write: give --save, --export or --render")
    except SystemExit as end:  # argparse's way to return; Blender must not be ended by it
        return int(end.code or 0)
    try:
        {"animate": animate, "head": head}[options.command](options)
    except LipSyncError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("interrupted; nothing was written", file=sys.stderr)
        return INTERRUPTED
    return DONE


def batch(arguments: Sequence[str]) -> int:
    """Run a sheet with this Blender for its lines, and return the exit code; see `python -m backend batch --help`."""
    chosen = ["--blender", bpy.app.binary_path] if bpy.app.binary_path and "--blender" not in arguments else []
    command = process.command("__main__", BATCH, *arguments, *chosen)
    with subprocess.Popen(command, env=process.environment(), creationflags=process.creation_flags()) as running:
        while running.returncode is None:
            try:
                running.wait()
            except KeyboardInterrupt:  # the batch has it too, and ends by itself
                continue
    return running.returncode


def animate(options: argparse.Namespace) -> None:
    """Lip-sync a character and write it.

    Raises:
        LipSyncError: anything the user can mend; nothing is written then.
    """
    outputs = _outputs(options)
    exporting.check_outputs(outputs)
    if options.character is not None:
        importing.open_character(options.character.absolute())
    scene = bpy.context.scene
    if options.fps is not None:
        head_output.set_fps(scene, options.fps)
    chosen = chosen_character(scene, options.object)
    fit = fit_of(chosen, options.map)
    if not options.quiet:
        say("\n".join([f"{chosen.title}: {fit.match.coverage}", *fit.notes]))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lipsync3d-", ignore_cleanup_errors=True)))
        sound, phones = _sound(options, folder)
        request = BakeRequest(
            _wanted(options, scene, sound, phones),
            match=fit.match,
            limits=chosen.limits,
            gains=Gains(options.jaw, options.lips, options.tongue, options.upper_face),
            style=MotionStyle(*(getattr(options, name.replace("-", "_")) for name in STYLE_OPTIONS)),
        )
        baked = _outcome(BakeJob(request, client := WorkerClient()), client, options)
        report = bake.apply(scene, chosen, baked, bake.Placement(sound, options.start_frame))
        if options.text is not None:
            pack(sound)
        exporting.write_outputs(outputs)
    if not options.quiet:
        say(report.sentence)
        say("\n".join(str(path) for path in outputs.values()))


def head(options: argparse.Namespace) -> None:
    """Add a speaker's head that speaks, and write it.

    Raises:
        LipSyncError: anything the user can mend; nothing is written then.
    """
    outputs = _outputs(options)
    exporting.check_outputs(outputs)
    scene = head_output.open_scene(options.fps)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lipsync3d-", ignore_cleanup_errors=True)))
        sound, phones = _sound(options, folder)
        request = HeadRequest(
            _wanted(options, scene, sound, phones),
            limit_mm=options.error_mm,
            texture=options.texture.upper(),
            folder=head_output.pictures_folder(outputs, options.texture, folder),
            tiles=_tiles(options, outputs),
            page_px=options.page,
            back=options.back,
            pose=options.pose,
        )
        clip = _outcome(HeadJob(request, client := WorkerClient()), client, options)
        placement = bake.Placement(sound, options.start_frame)
        report = add_talking_head(scene, clip, placement, HeadLook(options.lit, request.texture))
        if options.text is not None:
            pack(sound)
        if scene.camera is None:
            film(scene, report.thing, options.size, options.engine)
        written = head_output.write(report.thing, clip, sound, outputs, EngineLook(options.lit, options.jpeg))
    if not options.quiet:
        say(report.sentence)
        say("\n".join(map(str, written)))


def _wanted(options: argparse.Namespace, scene: bpy.types.Scene, sound: Path, phones: str) -> Wanted:
    return Wanted(
        sound=sound,
        fps=float(bake.scene_fps(scene)),
        bundle=bundle_of(options.bundle),
        language=options.language,
        transcript=options.transcript,
        phones=phones,
        device=options.device,
        quality=options.quality,
    )


def _tiles(options: argparse.Namespace, outputs: Mapping[str, Path]) -> int:
    """Return how many tiles the flip-book gets: engines can always play it, the scene where it is asked for."""
    is_wanted = options.texture == "packed" or (options.texture == "sequence" and "export" in outputs)
    return options.tiles if is_wanted else 0


def _outputs(options: argparse.Namespace) -> dict[str, Path]:
    return {kind: getattr(options, kind).absolute() for kind in exporting.WRITERS if getattr(options, kind) is not None}


def _outcome(job: Job[Any], client: WorkerClient, options: argparse.Namespace) -> Any:  # noqa: ANN401 - that of the job
    """Wait for a job, telling how far it is, and return what it gave."""
    try:
        while not job.wait(TICK_S):
            _tell(job.status.fraction, job.status.stage, options)
        _tell(1.0, "done", options)
        return job.outcome()
    finally:
        job.cancel()
        client.close()


def _sound(options: argparse.Namespace, folder: Path) -> tuple[Path, str]:
    """Return the sound, and the phones file that goes with a spoken text."""
    if options.sound is not None:
        return options.sound.absolute(), ""
    sound, phones = folder / "speech.wav", folder / "phones.json"
    voice = options.voice or options.language or "en-us"
    arguments = ("speak", "-q", "-o", str(sound), "--phones", str(phones), "--voice", voice, "--", options.text)
    done = subprocess.run(
        process.command("__main__", *arguments),
        env=process.environment(),
        creationflags=process.creation_flags(),
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise SynthesisError(lines[-1].removeprefix("error: "))
    return sound, str(phones)


def _tell(fraction: float, stage: str, options: argparse.Namespace) -> None:
    if options.json_progress:
        say(json.dumps({"stage": stage, "fraction": round(fraction, 4)}))
    elif not options.quiet and sys.stderr.isatty():
        filled = round(fraction * BAR_WIDTH)
        end = "\n" if fraction >= 1.0 else ""
        bar = "#" * filled + "." * (BAR_WIDTH - filled)
        print(f"\r{stage:<12} [{bar}] {fraction:4.0%}", end=end, file=sys.stderr, flush=True)


class _Registered:
    """The command as Blender knows it."""

    handle: ClassVar[object | None] = None


def register_command(run: Callable[[list[str]], int] | None = None) -> None:
    """Make `--command lipsync3d` known to Blender."""
    _Registered.handle = bpy.utils.register_cli_command(COMMAND, run or main)


def unregister_command() -> None:
    """Take it away."""
    if _Registered.handle is not None:
        bpy.utils.unregister_cli_command(_Registered.handle)
        _Registered.handle = None
