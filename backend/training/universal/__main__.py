# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m backend.training.universal`: prepare the data, train, tune, export and measure the universal encoder."""

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from ...audio.normalise import Statistics
from ...core.errors import LipSyncError
from ...models.export import export_bundle, load_statistics
from ...models.universal import SpeechEncoder
from .calibrate import calibration_error, judged, with_calibration
from .card import bundle_text
from .data import (
    HELD_OUT_LIST,
    HELD_OUT_TEXTS_LIST,
    REAL_LIST,
    Corpus,
    listed,
    load_corpus,
    pack,
    real_speech,
    texts_of,
)
from .flite import dictionary_words, flite_speech
from .labels import Teacher
from .loop import statistics_of
from .measure import heard, labelled_rates, tuned_decoder
from .relabel import agreed, other_languages, student_of
from .rounds import ROUNDS, load_checkpoint, run_round
from .synthetic import synthetic_speech

TUNING = ("held_out", "held_out_texts")
"""Corpora of people that the network never heard, which tune the decoder."""
HELD_OUT = (*TUNING, "flite_held")
"""With other lines of flite's voices, which it did hear, to calibrate on."""
HELD_OUT_LINES, OTHER_SEED = 150, 76
"""Of flite's held-out lines."""


def main() -> int:
    """Run one stage of the work."""
    parser = argparse.ArgumentParser(prog="python -m backend.training.universal", description=__doc__)
    parser.add_argument("stage", choices=tuple(STAGES))
    parser.add_argument("--speech", type=Path, help="folder with librispeech/ and transcribed/ (prepare, measure)")
    parser.add_argument("--run", type=Path, default=Path("out/training/universal"), help="folder of this training run")
    parser.add_argument("--bundle", type=Path, default=Path("backend/bundles/universal-v2"), help="export, measure")
    parser.add_argument("--student", type=Path, help="earlier bundle whose ear relabels; else the first round's")
    parser.add_argument("--round", choices=tuple(ROUNDS), default="first", help="train, export")
    parser.add_argument("--lines", type=int, default=3000, help="synthetic utterances (prepare)")
    parser.add_argument("--spoken", type=int, default=2400, help="lines that flite speaks (prepare)")
    parser.add_argument("--steps", type=int, help="of the round, where other than its own")
    parser.add_argument("--seed", type=int, help="of the data (default 1) or of the round (default its own)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    try:
        STAGES[arguments.stage](arguments)
    except LipSyncError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def prepare(arguments: argparse.Namespace) -> None:
    """Label the listed recordings, speak the lines, pack all."""
    teacher, texts, seed = Teacher(), texts_of(arguments.speech), arguments.seed or 1
    _keep(arguments.run / "synthetic.npz", pack(synthetic_speech(arguments.lines, seed)))
    known, words = sorted({text for name, text in texts.items() if "kerstin" not in name}), dictionary_words()
    _keep(arguments.run / "flite.npz", pack(flite_speech(arguments.spoken, known, words, seed + 4)))
    _keep(arguments.run / "flite_held.npz", pack(flite_speech(HELD_OUT_LINES, known, words, seed + OTHER_SEED)))
    held = listed(HELD_OUT_TEXTS_LIST, texts)
    real = [name for name in listed(REAL_LIST, texts) if name not in held]
    for name, names in (("held_out", listed(HELD_OUT_LIST)), ("held_out_texts", held), ("real", real)):
        _keep(arguments.run / f"{name}.npz", pack(real_speech(arguments.speech, names, teacher)))


def _keep(path: Path, corpus: Corpus) -> None:
    corpus.save(path)
    print(f"{path.name}: {len(corpus.names)} utterances, {corpus.duration_s / 3600:.2f} h", flush=True)


def relabel(arguments: argparse.Namespace) -> None:
    """Make labels that teacher and student agree on."""
    real = load_corpus(arguments.run / "real.npz")
    first = arguments.run / "first.pt"
    encoder = student_of(arguments.student) if arguments.student else load_checkpoint(first)[0]
    statistics = statistics_of(real)
    _keep(arguments.run / "real_agreed.npz", agreed(encoder, statistics, real))
    _keep(arguments.run / "others.npz", pack(other_languages(encoder, statistics, arguments.speech)))


def train_stage(arguments: argparse.Namespace) -> None:
    """Train a round from the prepared data and keep a checkpoint."""
    config = ROUNDS[arguments.round].config
    config = replace(config, seed=arguments.seed or config.seed, steps=arguments.steps or config.steps)
    run_round(arguments.round, arguments.run, config, lambda line: print(line, flush=True))


def export(arguments: argparse.Namespace) -> None:
    """Tune and calibrate the decoder on held-out recordings and write the bundle."""
    encoder, config = load_checkpoint(arguments.run / f"{arguments.round}.pt")
    statistics = statistics_of(load_corpus(arguments.run / "real.npz"))
    live = ROUNDS[arguments.round].live
    made = {"round": arguments.round, "live": live, "training": config, "hours": _hours(arguments.run)}
    _write_bundle(arguments, encoder, statistics, made)


def tune(arguments: argparse.Namespace) -> None:
    """Tune and calibrate the decoder of a bundle again; its network stays (its `motion.npz` is to be made again)."""
    made = json.loads((arguments.bundle / "config.json").read_text(encoding="utf-8"))["provenance"]
    _write_bundle(arguments, student_of(arguments.bundle), load_statistics(arguments.bundle / "statistics.npz"), made)


def _write_bundle(
    arguments: argparse.Namespace, encoder: SpeechEncoder, statistics: Statistics, made: dict[str, Any]
) -> None:
    held_out = {
        name: heard(encoder, statistics, load_corpus(arguments.run / f"{name}.npz"), live=made["live"])
        for name in HELD_OUT
    }
    plain = tuned_decoder([held_out[name] for name in TUNING])
    frames = {name: judged(each, plain) for name, each in held_out.items()}
    decoder = with_calibration(plain, list(frames.values()))
    found = {
        "held_out": {
            name: {kind: rates.summary for kind, rates in each.rates(decoder).items()}
            for name, each in held_out.items()
        },
        "calibration_error": {
            name: [round(calibration_error(each, by.calibration), 3) for by in (plain, decoder)]
            for name, each in frames.items()
        },
    }
    text = bundle_text(arguments.bundle.name, encoder.config, decoder, {**made, **found})
    export_bundle(encoder, statistics, text, arguments.bundle)
    print(json.dumps({"decoder": asdict(decoder), **found}, indent=1, ensure_ascii=False))


def _hours(run: Path) -> dict[str, float]:
    names = ("real", "others", "synthetic", "flite")
    return {name: round(load_corpus(run / f"{name}.npz").duration_s / 3600, 2) for name in names}


def measure(arguments: argparse.Namespace) -> None:
    """Print the rates of the bundle on hand-labelled speech that nothing was trained or tuned on."""
    for folder in ("timit_sample", "phone_labelled"):
        rates = labelled_rates(arguments.bundle, _tables(arguments.speech / folder))
        print(folder, *(f"{name} {value.summary}" for name, value in rates.items()), sep="\n  ")


def _tables(folder: Path) -> Iterable[Path]:
    return sorted(folder.glob("*.phones.csv"))


STAGES = {
    "prepare": prepare,
    "train": train_stage,
    "relabel": relabel,
    "export": export,
    "tune": tune,
    "measure": measure,
}

if __name__ == "__main__":
    sys.exit(main())
