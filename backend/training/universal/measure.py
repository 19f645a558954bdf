# SPDX-License-Identifier: GPL-3.0-or-later
"""The encoder's rates: on held-out recordings with the teacher's labels (tuning) and on hand-labelled ones (report)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ...audio.decode import load_mono
from ...audio.normalise import Statistics, mean_sum, normalise, running_mean
from ...core.types import PhoneSpan
from ...inference.bundle import open_bundle
from ...inference.decoder import DecoderSettings, decode_spans, read_settings, runs
from ...inference.encoder import Encoder, SoundSource, level
from ...inference.pauses import with_quiet_edges
from ...inference.reading import FAST, Known, read
from ...models.universal import SpeechEncoder
from ...speech.phones import BILABIAL, LABIODENTAL, PHONES, SILENCE
from .data import Corpus
from .evaluate import Rates, compare, read_labels, total

PENALTIES = (1.5, 2.0, 2.5, 3.0)
BIASES = (-0.6, -0.4, -0.2, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8)
SILENCE_BIASES = (0.4, 0.7, 1.0, 1.3, 1.6)
PRICE = 0.004
"""Score that a unit of bias must bring: held-out recordings are few, and a bias fitted to their chance is worse."""
USUAL = {"p": 0.0, "f": 0.0, SILENCE: 1.0}
"""Biases that cost nothing: silence is learnt with less weight than its share of the frames, others hardly so."""
RECALL_COUNTS = 1.5
"""Beta of the F score of lip sounds: lips that stay open in a p are seen, lips that come close in a w hardly are."""


def corpus_posteriors(
    encoder: SpeechEncoder, statistics: Statistics, corpus: Corpus, *, live: bool = False
) -> list[NDArray[np.float32]]:
    """Return the log posteriors [T, 43] of each utterance."""
    mels = (corpus.utterance(index)[0] for index in range(len(corpus.names)))
    return [posteriors_of(encoder, statistics, mel, live=live) for mel in mels]


def posteriors_of(
    encoder: SpeechEncoder, statistics: Statistics, mel: NDArray[np.float32], *, live: bool = False
) -> NDArray[np.float32]:
    """Return the log posteriors [T, 43] of one utterance's log-mels [T, 80], normalised as a whole or as a stream."""
    mean = running_mean(mel, statistics) if live else mean_sum(mel, statistics).mean(statistics)
    with torch.inference_mode():
        return encoder(torch.from_numpy(normalise(mel, mean, statistics))[None])[0].numpy()


@dataclass(frozen=True)
class HeldOut:
    """Recordings with labels as a network hears them, ready for any decoder."""

    log_posteriors: list[NDArray[np.float32]]
    levels: list[NDArray[np.float32]]
    labels: list[list[PhoneSpan]]

    def rates(self, settings: DecoderSettings) -> dict[str, Rates]:
        """Return the rates of the phones that `animate` would find."""
        each = zip(self.log_posteriors, self.levels, self.labels, strict=True)
        return total([compare(with_quiet_edges(decode_spans([p], settings), quiet), spans) for p, quiet, spans in each])


def heard(encoder: SpeechEncoder, statistics: Statistics, corpus: Corpus, *, live: bool = False) -> HeldOut:
    """Return what a network hears in held-out recordings, beside their teacher's labels."""
    mels = [corpus.utterance(index)[0] for index in range(len(corpus.names))]
    levels = [level(mel) - level(mean_sum(mel, statistics).mean(statistics)) for mel in mels]
    labels = [_spans(corpus.utterance(index)[1]) for index in range(len(corpus.names))]
    return HeldOut(corpus_posteriors(encoder, statistics, corpus, live=live), levels, labels)


def tuned_decoder(held_out: Sequence[HeldOut]) -> DecoderSettings:
    """Return the switching penalty and class biases that find closures and contacts best, each set counted alike."""

    def score(settings: DecoderSettings) -> float:
        rates = [each.rates(settings) for each in held_out]
        lips = [(each["pbm"].f_score(RECALL_COUNTS), each["fv"].f_score(RECALL_COUNTS)) for each in rates]
        found = np.mean([0.55 * p + 0.25 * f + 0.2 * each["sil"].f1 for (p, f), each in zip(lips, rates, strict=True)])
        return float(found) - PRICE * sum(abs(settings.bias[phone] - usual) for phone, usual in USUAL.items())

    best = max((DecoderSettings(penalty, bias=USUAL) for penalty in PENALTIES), key=score)
    for phones, biases in (({SILENCE}, SILENCE_BIASES), (BILABIAL, BIASES), (LABIODENTAL, BIASES)):
        options = [{**best.bias, **dict.fromkeys(sorted(phones), bias)} for bias in biases]
        best = max((replace(best, bias=option) for option in options), key=score)
    return best


def _spans(labels: NDArray[np.uint8]) -> list[PhoneSpan]:
    firsts, ends = runs(labels)
    return [PhoneSpan(PHONES[labels[a]], a / 100.0, b / 100.0) for a, b in zip(firsts, ends, strict=True)]


def labelled_rates(bundle: Path, tables: Iterable[Path]) -> dict[str, Rates]:
    """Return the rates of a bundle, run as `animate` runs it, on recordings with `NAME.phones.csv` beside them."""
    opened = open_bundle(bundle)
    encoder, settings = Encoder(opened, "cpu"), read_settings(opened.decoder)
    rates: list[dict[str, Rates]] = []
    for table in tables:
        samples = load_mono(table.with_name(table.name.replace(".phones.csv", ".wav")))
        sound = _source(samples)
        reading = read(encoder.listen(sound), Known(quality=FAST), settings, sound)
        rates.append(compare(reading.spans, read_labels(table)))
    return total(rates)


def _source(samples: NDArray[np.float32]) -> SoundSource:
    return lambda: [samples]
