# SPDX-License-Identifier: GPL-3.0-or-later
"""The second round's labels: student and teacher together, and languages that the teacher does not speak.

Where the trained student is sure of another phone than the teacher's, a frame is not trained on. Recordings with a
text in another language are aligned to eSpeak NG's phones of that text by the student's posteriors.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from ...audio.features import log_mel
from ...audio.normalise import Statistics
from ...core.errors import BundleError, SynthesisError, TimingError
from ...inference.alignment import align, chain_of
from ...models.universal import EncoderConfig, SpeechEncoder, encoder_of_folded
from ...speech.pronunciation import phrases_of
from .crops import IGNORED
from .data import Corpus, frame_labels, read_sound
from .measure import corpus_posteriors, posteriors_of

SURE = 0.85
"""Student's posterior of another phone, about its neighbourhood, that puts a teacher's label in doubt."""
UNLIKELY = 0.03
NEAR_FRAMES = 4
"""A disagreement about a boundary's place, this near, is none about the phone."""
WORST_SHARE = 0.3
"""Utterances with more doubtful frames than this were misheard as a whole: left out."""
DECODED = "librispeech/"
"""Names of recordings whose words the teacher had to guess start so."""
WORD_FRAMES = 31
"""About a word: the stretch whose mean tells whether the student hears the teacher's phones in it."""
MISHEARD = 0.3
"""Mean posterior of the teacher's phones, each at its best within `NEAR_FRAMES`, under which a word was misheard."""


def student_of(bundle: Path) -> SpeechEncoder:
    """Return the network of an earlier bundle, from its config and graph.

    Raises:
        BundleError: the folder holds no such bundle.
    """
    import onnx

    from ...models.graph import weights_of

    try:
        network = json.loads((bundle / "config.json").read_text(encoding="utf-8"))["network"]
        weights = weights_of(onnx.load(bundle / "model.onnx"))
    except (OSError, ValueError, KeyError) as error:
        raise BundleError(f"{bundle}: no universal bundle ({error}); give the folder of one") from error
    state = {name: torch.from_numpy(value.astype(np.float32)) for name, value in weights.items()}
    size = EncoderConfig(network["channels"], tuple(network["dilations"]), tuple(network.get("ahead", ())))
    return encoder_of_folded(size, state)


def agreed(encoder: SpeechEncoder, statistics: Statistics, corpus: Corpus) -> Corpus:
    """Return the corpus with doubtful frames marked `IGNORED`."""
    labels = corpus.labels.copy()
    for index, log_posteriors in enumerate(corpus_posteriors(encoder, statistics, corpus)):
        part = slice(corpus.offsets[index], corpus.offsets[index + 1])
        doubtful = doubtful_frames(log_posteriors, corpus.labels[part])
        if corpus.names[index].startswith(DECODED):
            doubtful |= misheard_frames(log_posteriors, corpus.labels[part])
        labels[part][doubtful if doubtful.mean() < WORST_SHARE else np.ones_like(doubtful)] = IGNORED
    return replace(corpus, labels=labels)


def doubtful_frames(log_posteriors: NDArray[np.float32], labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return [T] where the student [T, 43] is sure of a phone that the teacher [T] has nowhere near."""
    likely = np.exp(log_posteriors)
    best = likely.argmax(axis=1)
    sure = likely.max(axis=1) > SURE
    own = likely[np.arange(len(labels)), labels] < UNLIKELY
    nowhere = np.ones(len(labels), np.bool_)
    for shift in range(-NEAR_FRAMES, NEAR_FRAMES + 1):
        nowhere &= np.roll(labels, shift) != best
    return sure & own & nowhere


def misheard_frames(log_posteriors: NDArray[np.float32], labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return [T] where for about a word's length the student [T, 43] hears little of the teacher's phones [T].

    A single sound that the student misses, in words that it hears, keeps its label: those are the ones to learn.
    """
    likely = maximum_filter1d(np.exp(log_posteriors), 2 * NEAR_FRAMES + 1, axis=0)[np.arange(len(labels)), labels]
    return uniform_filter1d(likely, WORD_FRAMES, mode="nearest") < MISHEARD


def other_languages(
    encoder: SpeechEncoder, statistics: Statistics, speech: Path
) -> Iterator[tuple[str, NDArray[np.float32], NDArray[np.uint8]]]:
    """Yield recordings with texts in languages other than English, aligned by the student."""
    for table in sorted((speech / "transcribed").glob("*/transcripts.csv")):
        with table.open(encoding="utf-8", newline="") as lines:
            rows = [row for row in csv.DictReader(lines) if row["language"] != "en"]
        for row in rows:
            mel = log_mel(read_sound(table.parent / row["file"]))
            log_posteriors = posteriors_of(encoder, statistics, mel)
            try:
                spans = align(log_posteriors, chain_of(phrases_of(row["text"], row["language"])))
            except (TimingError, SynthesisError):
                continue  # a text that does not fit its sound teaches nothing
            labels = frame_labels(spans, len(mel))
            labels[doubtful_frames(log_posteriors, labels)] = IGNORED
            yield (table.parent / row["file"]).relative_to(speech).as_posix(), mel, labels
