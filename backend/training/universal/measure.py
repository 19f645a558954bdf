# SPDX-License-Identifier: GPL-3.0-or-later
"""The encoder's rates: on held-out recordings with the teacher's labels (tuning) and on hand-labelled ones (report)."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ...audio.decode import load_mono
from ...audio.normalise import Statistics, mean_sum, normalise
from ...core.types import PhoneSpan
from ...inference.bundle import open_bundle
from ...inference.decoder import DecoderSettings, decode_spans, read_settings, runs
from ...inference.encoder import Encoder
from ...models.universal import SpeechEncoder
from ...speech.phones import BILABIAL, LABIODENTAL, PHONES, SILENCE
from .data import Corpus
from .evaluate import Rates, compare, read_labels, total

PENALTIES = (1.0, 2.0, 3.0)
BIASES = (-1.0, -0.5, 0.0, 0.5, 1.0)


def corpus_posteriors(encoder: SpeechEncoder, statistics: Statistics, corpus: Corpus) -> list[NDArray[np.float32]]:
    """Return the log posteriors [T, 43] of each utterance."""
    return [posteriors_of(encoder, statistics, corpus.utterance(index)[0]) for index in range(len(corpus.names))]


def posteriors_of(encoder: SpeechEncoder, statistics: Statistics, mel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the log posteriors [T, 43] of one utterance's log-mels [T, 80]."""
    inputs = normalise(mel, mean_sum(mel, statistics).mean(statistics), statistics)
    with torch.inference_mode():
        return encoder(torch.from_numpy(inputs)[None])[0].numpy()


def held_out_rates(
    encoder: SpeechEncoder, statistics: Statistics, corpus: Corpus, settings: DecoderSettings
) -> dict[str, Rates]:
    """Return the rates against the teacher's labels."""
    return _rates(corpus_posteriors(encoder, statistics, corpus), corpus, settings)


def tuned_decoder(encoder: SpeechEncoder, statistics: Statistics, corpus: Corpus) -> DecoderSettings:
    """Return the switching penalty and class biases that find closures and contacts best."""
    posteriors = corpus_posteriors(encoder, statistics, corpus)
    best = DecoderSettings()

    def score(settings: DecoderSettings) -> float:
        rates = _rates(posteriors, corpus, settings)
        return 0.6 * rates["pbm"].f1 + 0.25 * rates["fv"].f1 + 0.15 * rates["sil"].f1

    best = max((replace(best, switch_penalty=penalty) for penalty in PENALTIES), key=score)
    for phones in (BILABIAL, LABIODENTAL, frozenset({SILENCE})):
        options = [{**best.bias, **dict.fromkeys(sorted(phones), bias)} for bias in BIASES]
        best = max((replace(best, bias=option) for option in options), key=score)
    return best


def _rates(posteriors: list[NDArray[np.float32]], corpus: Corpus, settings: DecoderSettings) -> dict[str, Rates]:
    pairs = zip(posteriors, range(len(corpus.names)), strict=True)
    return total([compare(decode_spans([each], settings), _spans(corpus.utterance(i)[1])) for each, i in pairs])


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
        spans = decode_spans(encoder.log_posteriors(lambda samples=samples: [samples]), settings)
        rates.append(compare(spans, read_labels(table)))
    return total(rates)
