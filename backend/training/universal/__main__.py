# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m backend.training.universal`: prepare the data, train, tune, export and measure the universal encoder."""

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

import torch

from ...core.errors import LipSyncError
from ...models.export import export_bundle
from ...models.universal import EncoderConfig, SpeechEncoder
from .card import bundle_text
from .crops import CropSampler, groups_of
from .data import HELD_OUT_LIST, REAL_LIST, Corpus, joined, listed, load_corpus, pack, real_speech, texts_of
from .labels import Teacher
from .loop import TrainConfig, class_weights, statistics_of, train
from .measure import held_out_rates, labelled_rates, tuned_decoder
from .relabel import agreed, other_languages
from .synthetic import synthetic_speech

SHARES = (
    ("librispeech/", 0.3),
    ("transcribed/speechocean762/", 0.3),
    ("transcribed/vctk", 0.06),
    ("transcribed/ljspeech/", 0.02),
    ("transcribed/kerstin_de/", 0.06),
    ("synthetic", 0.26),
)
"""Which part of the training crops comes from the utterances whose names start so."""
SECOND_ROUND = 0.5
"""Learning rate of the second round, of the first's."""


def main() -> int:
    """Run one stage of the work."""
    parser = argparse.ArgumentParser(prog="python -m backend.training.universal", description=__doc__)
    parser.add_argument("stage", choices=tuple(STAGES))
    parser.add_argument("--speech", type=Path, help="folder with librispeech/ and transcribed/ (prepare, measure)")
    parser.add_argument("--run", type=Path, default=Path("out/training/universal"), help="folder of this training run")
    parser.add_argument("--bundle", type=Path, default=Path("backend/bundles/universal-v1"))
    parser.add_argument("--lines", type=int, default=3000, help="synthetic utterances (prepare)")
    parser.add_argument("--steps", type=int, default=TrainConfig().steps)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="go on from the checkpoint, on the second round's labels")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    try:
        STAGES[arguments.stage](arguments)
    except LipSyncError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def prepare(arguments: argparse.Namespace) -> None:
    """Label the listed recordings, speak the lines, pack both."""
    teacher, texts = Teacher(), texts_of(arguments.speech)
    _keep(arguments.run / "synthetic.npz", pack(synthetic_speech(arguments.lines, arguments.seed)))
    for name, path in (("held_out", HELD_OUT_LIST), ("real", REAL_LIST)):
        corpus = pack(real_speech(arguments.speech, listed(path, texts), teacher))
        _keep(arguments.run / f"{name}.npz", corpus)


def _keep(path: Path, corpus: Corpus) -> None:
    corpus.save(path)
    print(f"{path.name}: {len(corpus.names)} utterances, {corpus.duration_s / 3600:.2f} h", flush=True)


def relabel(arguments: argparse.Namespace) -> None:
    """Make the second round's labels from the checkpoint."""
    real = load_corpus(arguments.run / "real.npz")
    encoder, statistics = _trained(arguments.run)[0], statistics_of(real)
    _keep(arguments.run / "real_agreed.npz", agreed(encoder, statistics, real))
    _keep(arguments.run / "others.npz", pack(other_languages(encoder, statistics, arguments.speech)))


def train_stage(arguments: argparse.Namespace) -> None:
    """Train from the prepared data and keep a checkpoint."""
    real = load_corpus(arguments.run / "real.npz")
    names = ("real_agreed", "others", "synthetic") if arguments.again else ("real", "synthetic")
    corpus = joined([load_corpus(arguments.run / f"{name}.npz") for name in names])
    sampler = CropSampler(corpus, groups_of(corpus, SHARES), statistics_of(real), arguments.seed)
    config = TrainConfig(steps=arguments.steps, seed=arguments.seed)
    if arguments.again:
        config = replace(config, learning_rate=config.learning_rate * SECOND_ROUND)
    start = _trained(arguments.run)[0] if arguments.again else SpeechEncoder(EncoderConfig())
    encoder = train(sampler, class_weights(corpus), start, config, lambda line: print(line, flush=True))
    checkpoint = {"encoder": encoder.state_dict(), "config": asdict(config)}
    arguments.run.mkdir(parents=True, exist_ok=True)  # someone may have cleaned out/ in the meantime
    torch.save(checkpoint, arguments.run / ("second.pt" if arguments.again else "first.pt"))


def _trained(run: Path) -> tuple[SpeechEncoder, dict[str, object]]:
    """Return the network of the latest round and its settings."""
    path = run / "second.pt"
    checkpoint = torch.load(path if path.exists() else run / "first.pt", weights_only=True)
    encoder = SpeechEncoder(EncoderConfig()).eval()
    encoder.load_state_dict(checkpoint["encoder"])
    return encoder, checkpoint["config"]


def export(arguments: argparse.Namespace) -> None:
    """Tune the decoder on held-out recordings and write the bundle."""
    encoder, config = _trained(arguments.run)
    real, held_out, synthetic = (
        load_corpus(arguments.run / f"{name}.npz") for name in ("real", "held_out", "synthetic")
    )
    statistics = statistics_of(real)
    decoder = tuned_decoder(encoder, statistics, held_out)
    figures = {name: rates.summary for name, rates in held_out_rates(encoder, statistics, held_out, decoder).items()}
    hours = {"real": round(real.duration_s / 3600, 2), "synthetic": round(synthetic.duration_s / 3600, 2)}
    provenance = {"training": config, "hours": hours, "held_out": figures}
    export_bundle(encoder, statistics, bundle_text(arguments.bundle.name, decoder, provenance), arguments.bundle)
    print(json.dumps({"decoder": asdict(decoder), "held_out": figures}, indent=1, ensure_ascii=False))


def measure(arguments: argparse.Namespace) -> None:
    """Print the rates of the bundle on hand-labelled speech that nothing was trained or tuned on."""
    for folder in ("timit_sample", "phone_labelled"):
        rates = labelled_rates(arguments.bundle, _tables(arguments.speech / folder))
        print(folder, *(f"{name} {value.summary}" for name, value in rates.items()), sep="\n  ")


def _tables(folder: Path) -> Iterable[Path]:
    return sorted(folder.glob("*.phones.csv"))


STAGES = {"prepare": prepare, "train": train_stage, "relabel": relabel, "export": export, "measure": measure}

if __name__ == "__main__":
    sys.exit(main())
