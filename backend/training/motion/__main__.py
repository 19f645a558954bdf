# SPDX-License-Identifier: GPL-3.0-or-later
"""The motion's numbers, learnt from a tracked speaker.

`python -m backend.training.motion fit SHARDS` fits the coarticulation to what `python -m backend prepare` made of
video. With `--words FOLDER` only the clips with word files (`.align`) there are used, and their phones are laid over
the sound by those words; without, they are recognised.

`python -m backend.training.motion hear BUNDLE --film SHARDS --speech CORPUS…` learns what the doubts of a universal
bundle's network mean for the mouth, and puts that into the bundle (`motion.npz`). A corpus is one that
`python -m backend.training.universal prepare` wrote; best one that the network has not heard.
"""

import argparse
import hashlib
import json
import logging
import sys
import time
from pathlib import Path

import numpy as np
import torch

from ...core.errors import LipSyncError
from ...core.files import written_beside
from ...inference.bundle import EAR, find_bundle, open_bundle
from ...motion.ear import Ear
from ...motion.parameters import FITTED_FILE, fitted_parameters, parameters_json, phonetic_parameters
from ..personal.clips import load_clips
from ..universal.data import load_corpus
from .ear import FILM_SHARE, PENALTY, solved, sums_of
from .fit import Fitted, Size, fit
from .lessons import Listener, film_lessons, speech_lessons
from .takes import Take, read_takes, support_s

log = logging.getLogger("motion")
CARD, CARD_TITLE = "MODEL_CARD.md", "## Corrections of the mouth"
TRUST = 400.0
"""One filmed speaker is one speaker: his habits count a four-hundredth of what they would if he were everybody. At 8 a
held ɑ opens as little as his, 7.6 mm, and the corrections, which learn from all speech, follow him no better."""


def main() -> int:
    """Run a command; 0 done, 1 a domain error."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    options = _parser().parse_args()
    try:
        options.run_command(options)
    except LipSyncError as error:
        log.error("%s", error)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m backend.training.motion",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True)
    fitting = commands.add_parser("fit", help="write fitted parameters")
    fitting.add_argument("film", type=Path, metavar="SHARDS", help="folder of `prepare`")
    fitting.add_argument("-o", "--output", type=Path, default=FITTED_FILE, metavar="FILE", help="parameters (.json)")
    fitting.add_argument("--bundle", default="universal", help="that listens")
    fitting.add_argument("--trust", type=float, default=TRUST, help=f"in phonetics (default {TRUST:g})")
    fitting.add_argument("--data", default="", help="name and terms of the data, for the file")
    fitting.set_defaults(run_command=_fit)
    hearing = commands.add_parser("hear", help="put an ear's corrections into a bundle")
    hearing.add_argument("bundle", help="name or folder of a universal bundle")
    hearing.add_argument("--film", type=Path, required=True, metavar="SHARDS", help="folder of `prepare`")
    hearing.add_argument("--speech", type=Path, nargs="+", default=[], metavar="CORPUS", help="labelled recordings")
    hearing.set_defaults(run_command=_hear)
    for command in (fitting, hearing):
        command.add_argument("--words", type=Path, metavar="FOLDER", help="word files; other clips are left out")
    return parser


def _fit(options: argparse.Namespace) -> None:
    began = time.monotonic()
    takes, digest = read_takes(options.film, options.words, options.bundle)
    log.info("%d clips listened to, %.0f s", len(takes), time.monotonic() - began)
    found = fit(takes, phonetic_parameters(), options.trust)
    log.info("fitted, %.0f s; departures %.2f of the spreads", time.monotonic() - began, found.departures)
    source = {"data": options.data, "digest": digest, "bundle": open_bundle(options.bundle).name}
    write_parameters(options.output, found, takes, source)


def _hear(options: argparse.Namespace) -> None:
    began = time.monotonic()
    folder = find_bundle(options.bundle)
    listener, parameters = Listener(open_bundle(folder)), fitted_parameters()
    clips = load_clips(options.film)
    mels = {clip.name: clip.log_mel for clip in clips.clips}
    takes, _ = read_takes(options.film, options.words, options.bundle)
    films = ((take, mels[take.name]) for take in takes)
    sums = sums_of(film_lessons(films, listener, parameters, fitted_size())) * FILM_SHARE
    log.info("%d clips, %.0f s", len(takes), time.monotonic() - began)
    for path in options.speech:
        sums = sums + sums_of(speech_lessons(load_corpus(path), listener, parameters))
        log.info("%s, %.0f s", path.name, time.monotonic() - began)
    write_ear(folder, solved(sums, PENALTY), card_text(len(takes), [path.name for path in options.speech]))


def write_parameters(output: Path, found: Fitted, takes: list[Take], source: dict[str, str]) -> None:
    """Write the parameters with what they were fitted to."""
    made_from = {
        **source,
        "clips": len(takes),
        "names": sorted(take.name for take in takes),
        "speaker_scale": [round(value, 4) for value in found.size.scale],
        "speaker_offset_mm": [round(value, 4) for value in found.size.offset],
    }
    data = parameters_json(found.parameters, support_s(takes).tolist(), made_from)
    with written_beside(output) as beside:
        beside.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def card_text(clips: int, corpora: list[str]) -> str:
    """Return what a card says of where corrections come from."""
    film = json.loads(FITTED_FILE.read_text(encoding="utf-8"))["made_from"]["data"]
    speech = f" and from labelled speech ({', '.join(corpora)})" if corpora else ""
    return (
        f"`{EAR}`, what the network's doubts mean for the mouth, was learnt from {clips} tracked clips of a speaker\n"
        f"({film}){speech}, by `python -m backend.training.motion hear`."
    )


def fitted_size() -> Size:
    """Return the size of the speaker that the shipped parameters were fitted to."""
    source = json.loads(FITTED_FILE.read_text(encoding="utf-8"))["made_from"]
    return Size(tuple(source["speaker_scale"]), tuple(source["speaker_offset_mm"]))


def write_ear(folder: Path, ear: Ear, sources: str) -> None:
    """Put corrections into a bundle's folder, and name them in its config and on its card."""
    with written_beside(folder / EAR) as beside, beside.open("wb") as file:
        np.savez(file, table=ear.table, constant=ear.constant)
    card = (folder / CARD).read_text(encoding="utf-8") if (folder / CARD).is_file() else ""
    with written_beside(folder / CARD) as beside:
        beside.write_text(f"{card.partition(CARD_TITLE)[0].rstrip()}\n\n{CARD_TITLE}\n{sources}\n", encoding="utf-8")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    for name in (EAR, *(name for name in config["sha256"] if name == CARD)):
        config["sha256"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    with written_beside(folder / "config.json") as beside:
        beside.write_text(json.dumps(config, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
