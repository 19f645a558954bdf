# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks.voice DATA [--shards SHARDS]`: print how good the voice model is, with Rhubarb's beside it.

Sections: phones and mesh (labelled speech), ages (children), grid (real, tracked lips), languages, hard (spoiled
sound), still (nobody speaks). Definitions stand in the modules of the same names.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backend.inference.bundle import DEFAULT_BUNDLE, shipped_bundles
from backend.speech.phones import BILABIAL

from . import ages, grid, hard, languages, phones, pictures, rhubarb, tables
from .ways import BEST, FAST, LIVE, TEXT, Way, ways

SECTIONS = ("phones", "ages", "grid", "languages", "hard", "still", "pictures")
LIVE_BUNDLE = "universal-live"
BEST_CASES = ("clean", "babble, 10 dB", "room, 0.6 s")
EVERY, EVERY_BEST = 4, 8
"""Of the labelled recordings, one in this many is spoiled; fewer for quality `best`, which takes its time."""


@dataclass
class Report:
    """What was measured so far."""

    figures: dict[str, Any] = field(default_factory=dict[str, Any])
    texts: list[str] = field(default_factory=list[str])

    def add(self, title: str, first: str, columns: dict[str, str], rows: dict[str, Any]) -> None:
        """Keep some figures, and print their table."""
        self.figures[title] = rows
        self.texts.append(f"## {title}\n\n{tables.table(first, columns, rows)}")
        print(self.texts[-1], flush=True)


def main() -> int:
    """Print the tables, and write them."""
    options = _parser().parse_args()
    live_bundle = options.live_bundle or _live_bundle(options.bundle)
    every = ways(options.bundle, live_bundle)
    measured: dict[str, Callable[[Report], None]] = {
        "phones": lambda report: _phones(report, options.data, every),
        "ages": lambda report: _ages(report, options.data, every),
        "grid": lambda report: _grid(report, options, every),
        "languages": lambda report: _languages(report, options.data, every),
        "hard": lambda report: _hard(report, options.data, every),
        "still": lambda report: _still(report, every),
        "pictures": lambda _report: _pictures(options, every),
    }
    report = Report()
    for section in options.only or SECTIONS:
        began = time.monotonic()
        measured[section](report)
        print(f"{section}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        figures = {"bundle": options.bundle, "live_bundle": live_bundle, **report.figures}
        (options.output / "voice.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        (options.output / "voice.md").write_text("\n".join(report.texts), encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.voice", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder that holds speech, video and peers")
    parser.add_argument("--shards", type=Path, help="what `prepare` made of video/grid_s1, train and measure together")
    parser.add_argument("--bundle", default=DEFAULT_BUNDLE, help="name or folder")
    parser.add_argument("--live-bundle", default="", help="bundle for the live way (the shipped one, else --bundle)")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="some sections")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="write the pictures of the hard cases there")
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="also write voice.md and voice.json there")
    return parser


def _live_bundle(bundle: str) -> str:
    shipped = any(name.rpartition("-v")[0] == LIVE_BUNDLE for name in shipped_bundles())
    return LIVE_BUNDLE if shipped else bundle


def _phones(report: Report, data: Path, every: dict[str, Way]) -> None:
    found: dict[str, dict[str, Any]] = dict(phones.measure(data / "speech", every))
    for name, rows in found.items():
        mesh = dict(rows)
        clips = phones.recordings(data / "speech", name)
        if name == "timit_sample":
            rows["pocketsphinx, words alone"] = phones.words_alone(clips)
        for mode in rhubarb.MODES if name == "timit_sample" else ():
            answers = rhubarb.recorded(data / "peers", f"timit_sample_{mode}")
            if answers is not None:
                rows[f"Rhubarb {mode}, its mouth shapes"] = phones.rhubarb(clips, answers, shapes=True)
                rows[f"Rhubarb {mode}, its phones"] = phones.rhubarb(clips, answers, shapes=False)
            if rhubarb.program():
                said = rhubarb.fresh([each.clip.sound for each in clips], mode)
                rows[f"Rhubarb {mode}, here"] = phones.rhubarb(clips, said, shapes=True)
        report.add(f"Phones, {name}", "way", tables.PHONES, rows)
        report.add(f"Mesh, {name}", "way", tables.MESH, mesh)


def _ages(report: Report, data: Path, every: dict[str, Way]) -> None:
    rows = ages.measure(data / "speech", {name: every[name] for name in (FAST, BEST)})
    report.add("Children, machine labels", "speakers, way", tables.PHONES, rows)


def _grid(report: Report, options: argparse.Namespace, every: dict[str, Way]) -> None:
    if options.shards is None:
        print("grid: left out; `prepare` the clips of video/grid_s1 and give --shards", file=sys.stderr)
        return
    found = {name: grid.moving(every[name]) for name in (FAST, BEST, LIVE)}
    report.add("Real lips, GRID", "way", tables.LIPS, grid.measure(options.data, options.shards, found, every[TEXT]))


def _languages(report: Report, data: Path, every: dict[str, Way]) -> None:
    for name in (FAST, BEST, TEXT):
        rows = languages.measure(data / "speech" / "languages", every[name])
        report.add(f"Languages, {name}", "language", tables.LANGUAGES, rows)


def _hard(report: Report, data: Path, every: dict[str, Way]) -> None:
    clips = phones.recordings(data / "speech", "timit_sample")
    report.add("Spoiled speech, fast", "sound", tables.HARD, hard.measure(data / "speech", clips[::EVERY], every[FAST]))
    some = hard.measure(data / "speech", clips[::EVERY_BEST], every[BEST], BEST_CASES)
    report.add(f"Spoiled speech, best (one recording in {EVERY_BEST})", "sound", tables.HARD, some)


def _still(report: Report, every: dict[str, Way]) -> None:
    for name in (FAST, BEST, LIVE):
        report.add(f"Nobody speaks, {name}", "sound", tables.STILL, hard.still(every[name]))


def _pictures(options: argparse.Namespace, every: dict[str, Way]) -> None:
    if options.pictures is not None:
        speech = options.data / "speech"
        every_clip = phones.recordings(speech, "timit_sample")
        example = max(every_clip, key=lambda each: sum(span.phone in BILABIAL for span in each.labels))
        cases = hard.cases(hard.voices(speech))
        pictures.draw_hard_cases(options.pictures / "voice_hard_cases.jpg", cases, example, every[FAST])


if __name__ == "__main__":
    sys.exit(main())
