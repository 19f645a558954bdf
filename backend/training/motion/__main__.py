# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m backend.training.motion fit SHARDS -o FILE`: the coarticulation fitted to a tracked speaker.

SHARDS is what `python -m backend prepare` made of video. With `--words FOLDER` only the clips with word files
(`.align`) there are used, and their phones are laid over the sound by those words; without, they are recognised.
"""

import argparse
import json
import logging
import sys
import time
from pathlib import Path

import torch

from ...core.errors import LipSyncError
from ...core.files import written_beside
from ...inference.bundle import open_bundle
from ...motion.parameters import parameters_json, phonetic_parameters
from ..evaluation.truth import find_word_files, true_clip
from ..personal.clips import load_clips
from .fit import Fitted, fit
from .takes import Listener, Take, support_s, take_of

log = logging.getLogger("motion")
TRUST = 2.0


def main() -> int:
    """Fit and write; 0 done, 1 a domain error."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    try:
        _fit(_parser().parse_args())
    except LipSyncError as error:
        log.error("%s", error)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backend.training.motion", description=__doc__)
    command = parser.add_subparsers(required=True).add_parser("fit", help="write fitted parameters")
    command.add_argument("shards", type=Path, help="folder of `prepare`")
    command.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="parameters (.json)")
    command.add_argument("--words", type=Path, metavar="FOLDER", help="word files; clips without one are left out")
    command.add_argument("--bundle", default="universal", help="that listens")
    command.add_argument("--trust", type=float, default=TRUST, help=f"in phonetics (default {TRUST:g})")
    command.add_argument("--data", default="", help="name and terms of the data, for the file")
    return parser


def _fit(options: argparse.Namespace) -> None:
    began = time.monotonic()
    takes, digest = read_takes(options.shards, options.words, options.bundle)
    log.info("%d clips listened to, %.0f s", len(takes), time.monotonic() - began)
    found = fit(takes, phonetic_parameters(), options.trust)
    log.info("fitted, %.0f s; departures %.2f of the spreads", time.monotonic() - began, found.departures)
    write(options.output, found, takes, {"data": options.data, "digest": digest, "bundle": options.bundle})


def read_takes(shards: Path, words: Path | None, bundle: str) -> tuple[list[Take], str]:
    """Return the takes of a folder of shards, and the digest of its data.

    Raises:
        VideoError: no training data, or damaged.
        BundleError: no such bundle.
    """
    clips = load_clips(shards)
    files = find_word_files([words]) if words is not None else {}
    listener = Listener(open_bundle(bundle))
    takes: list[Take] = []
    for clip in clips.clips:
        if words is None or clip.name in files:
            truth = true_clip(clip, clips, files)
            takes.append(take_of(clip, truth, listener.phones(clip, truth)))
    if not takes:
        raise LipSyncError(f"{words}: no word file (.align) of any clip in {shards}; give the folder that holds them")
    return takes, clips.digest


def write(output: Path, found: Fitted, takes: list[Take], source: dict[str, str]) -> None:
    """Write the parameters with what they were fitted to."""
    made_from = {
        **source,
        "clips": len(takes),
        "names": sorted(take.name for take in takes),
        "speaker_scale": dict(zip(("gap", "jaw", "width"), (round(s, 4) for s in found.size.scale), strict=True)),
    }
    data = parameters_json(found.parameters, support_s(takes).tolist(), made_from)
    with written_beside(output) as beside:
        beside.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
