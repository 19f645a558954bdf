# SPDX-License-Identifier: GPL-3.0-or-later
"""`batch`: a sheet of lines to finished files; `cache`: what it keeps. Heavy rooms are imported when they run."""

import argparse
import os
from pathlib import Path
from typing import Any

from ..core.errors import SheetError
from .talk import add_talk, conclude, reporter

DEFAULTS = ("engine", "voice", "language", "character", "object", "map", "bundle", "outputs", "fps")
SHOWN_PROBLEMS = 5


def add_batch(parser: argparse.ArgumentParser) -> None:
    """Describe `batch`."""
    parser.add_argument("jobs", type=Path, metavar="JOBS", help="sheet of lines, .csv or .jsonl (see docs/batch.md)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="for all that is made")
    parser.add_argument("--path", default="{id}", metavar="TEMPLATE", help="of each line's files (default {id})")
    for name in DEFAULTS:
        parser.add_argument(f"--{name}", metavar="VALUE", help=f"of lines whose cell `{name}` is empty")
    parser.add_argument(
        "--engine-command", action="append", default=[], metavar="NAME=COMMAND",
        help='a speech command that the sheet may name as its engine, e.g. mine="say -o {wav} {text_file}"',
    )  # fmt: skip
    parser.add_argument("--workers", type=int, default=0, metavar="N", help="processes (default: the cores, 8 at most)")
    parser.add_argument("--scheduler", default="", metavar="ADDRESS", help="of a Dask cluster, tcp://HOST:PORT")
    parser.add_argument("--ship", action="store_true", help="send files with the tasks: the cluster shares no folder")
    parser.add_argument("--blender", default="", metavar="PATH", help="Blender's executable (default: the package bpy)")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="kept between batches (default: in the output)")
    parser.add_argument("--only", action="append", default=[], metavar="ID", help="do this line only (may be repeated)")
    parser.add_argument("--resume", action="store_true", help="go on with a run; refuses a folder that holds none")
    parser.add_argument("--strict", action="store_true", help="do nothing where a line of the sheet is wrong")
    parser.add_argument("--check", action="store_true", help="read the sheet, tell what is wrong with it, and end")
    add_talk(parser)
    parser.set_defaults(run_command=_batch, interrupted="run the same command again to go on")


def add_cache(parser: argparse.ArgumentParser) -> None:
    """Describe `cache`."""
    parser.add_argument("output", type=Path, metavar="FOLDER", help="a batch's output folder, or a cache's folder")
    parser.add_argument("--limit", type=float, required=True, metavar="GB", help="take the oldest away beyond this")
    add_talk(parser)
    parser.set_defaults(run_command=_cache)


def _batch(options: argparse.Namespace) -> None:
    from ..batch.placing import OutputFolder
    from ..batch.report import HTML, write_reports
    from ..batch.runner import MakeExecutor, Plan, Run
    from ..batch.sheet import read_sheet

    _check_options(options)
    given: dict[str, Any] = vars(options)
    defaults = {name: str(given[name]) for name in DEFAULTS if given[name] is not None}
    for name in ("character",):  # a path on the command line counts from the current folder, not from the sheet's
        if name in defaults:
            defaults[name] = str(Path(defaults[name]).absolute())
    commands = dict(_named_command(text) for text in options.engine_command)
    sheet = read_sheet(options.jobs, defaults, options.path, commands)
    if sheet.problems and (options.strict or options.check):
        raise SheetError(f"{_listed([one.sentence for one in sheet.problems])}; nothing was done")
    if options.check:
        conclude(options, f"{options.jobs}: {len(sheet.lines)} lines, nothing wrong")
        return
    there = {line.id for line in sheet.lines} | {problem.id for problem in sheet.problems}
    if unknown := [name for name in options.only if name not in there]:
        raise SheetError(f"--only {unknown[0]}: the sheet has no such line; give an id of {options.jobs}")
    plan = Plan(sheet, options.output, options.cache, options.blender, shared=not options.ship,
                only=tuple(options.only))  # fmt: skip
    make = MakeExecutor(options.workers or min(8, os.cpu_count() or 1), options.scheduler)
    tally = Run(plan, make, reporter(options)).run()
    if not options.only:
        write_reports(OutputFolder(options.output), tally)
    failed = [f"{one.id or one.number}: {one.error}" for one in tally.states.values() if one.state == "failed"]
    done = tally.count("done", "flagged")
    if tally.stopped:
        left = tally.count("left")
        raise SheetError(f"stopped: {tally.stopped}; {done} lines are done and {left} remain; run it again to go on")
    if failed:
        raise SheetError(f"{len(failed)} of {len(tally.states)} lines failed: {_listed(failed)}; {done} are done")
    flagged = tally.count("flagged")
    conclude(
        options,
        f"{options.output}: {done} lines are done, {tally.found} of them before"
        + (f", {flagged} flagged by the check" if flagged else "")
        + ("" if options.only else f"; see {options.output / HTML}"),
    )


def _named_command(text: str) -> tuple[str, str]:
    name, _, command = text.partition("=")
    if not name.strip() or "{wav}" not in command:
        raise SheetError(f"--engine-command {text!r}: write NAME=COMMAND, with {{wav}} in the command")
    return name.strip(), command.strip()


def _check_options(options: argparse.Namespace) -> None:
    if options.workers < 0:
        raise SheetError(f"--workers {options.workers}: give 1 or more")
    if options.ship and not options.scheduler:
        raise SheetError("--ship is for a cluster: give its --scheduler too")
    if options.resume and not (options.output / ".lipsync3d").is_dir():
        raise SheetError(f"{options.output} holds no batch to go on with; leave out --resume, or check the folder")


def _listed(sentences: list[str]) -> str:
    more = len(sentences) - SHOWN_PROBLEMS
    return " | ".join(sentences[:SHOWN_PROBLEMS]) + (f" | and {more} more, see the report" if more > 0 else "")


def _cache(options: argparse.Namespace) -> None:
    from ..batch.cache import Cache

    inside = options.output / ".lipsync3d" / "cache"
    folder = inside if inside.is_dir() else options.output
    if not (folder / "objects").is_dir():
        raise SheetError(f"{options.output} holds no cache; give a batch's output folder, or the folder of --cache")
    gone = Cache(folder).prune(round(options.limit * 1e9))
    conclude(options, f"{folder}: took {gone} entries away")
