# SPDX-License-Identifier: GPL-3.0-or-later
"""Corpora as the training loop reads them: log-mels and a phone a frame, packed into one array each.

The committed lists name what goes in; the recordings themselves lie in a folder that the user points at.
"""

import csv
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...audio.features import FRAME_RATE_HZ, N_MELS, SAMPLE_RATE, log_mel
from ...core.errors import SoundError
from ...core.types import PhoneSpan
from ...speech.phones import PHONE_INDEX
from .labels import Teacher

LISTS = Path(__file__).with_name("lists")
REAL_LIST = LISTS / "real_speech.txt"
HELD_OUT_LIST = LISTS / "held_out.txt"
HELD_OUT_TEXTS_LIST = LISTS / "held_out_texts.txt"


@dataclass(frozen=True)
class Corpus:
    """Utterances end to end."""

    names: tuple[str, ...]
    """One a sound, for messages and lists."""
    features: NDArray[np.float16]
    """[N, 80] log-mel of all utterances."""
    labels: NDArray[np.uint8]
    """[N] index into `PHONES`."""
    offsets: NDArray[np.int64]
    """[U + 1] first frame of each utterance, and the end."""

    def save(self, path: Path) -> None:
        """Write as .npz."""
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, names=np.array(self.names), features=self.features, labels=self.labels, offsets=self.offsets)

    def utterance(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Return log-mel [T, 80] and labels [T] of one utterance."""
        part = slice(self.offsets[index], self.offsets[index + 1])
        return self.features[part].astype(np.float32), self.labels[part]

    @property
    def duration_s(self) -> float:
        """Seconds of sound."""
        return len(self.labels) / FRAME_RATE_HZ


def load_corpus(path: Path) -> Corpus:
    """Return a corpus that `Corpus.save` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        names = tuple(str(name) for name in stored["names"])
        return Corpus(names, stored["features"], stored["labels"], stored["offsets"])


def pack(utterances: Iterable[tuple[str, NDArray[np.float32], NDArray[np.uint8]]]) -> Corpus:
    """Return one corpus of `(name, log_mel [T, 80], labels [T])`."""
    names: list[str] = []
    features: list[NDArray[np.float16]] = [np.zeros((0, N_MELS), np.float16)]
    labels: list[NDArray[np.uint8]] = [np.zeros(0, np.uint8)]
    for name, mel, phones in utterances:
        names.append(name)
        features.append(mel.astype(np.float16))
        labels.append(phones)
    offsets = np.cumsum([len(part) for part in labels])
    return Corpus(tuple(names), np.concatenate(features), np.concatenate(labels), offsets)


def joined(corpora: Sequence[Corpus]) -> Corpus:
    """Return several corpora as one."""
    starts = np.cumsum([0, *(len(corpus.labels) for corpus in corpora)])
    offsets = [corpus.offsets[:-1] + start for corpus, start in zip(corpora, starts, strict=False)]
    return Corpus(
        tuple(name for corpus in corpora for name in corpus.names),
        np.concatenate([corpus.features for corpus in corpora]),
        np.concatenate([corpus.labels for corpus in corpora]),
        np.concatenate([*offsets, starts[-1:]]),
    )


def frame_labels(spans: Sequence[PhoneSpan], frame_count: int) -> NDArray[np.uint8]:
    """Return the phone [T] at each frame's centre; frames that no span covers are silence."""
    labels = np.zeros(frame_count, np.uint8)
    for span in spans:
        first, last = (int(np.ceil(time_s * FRAME_RATE_HZ - 1e-6)) for time_s in (span.start_s, span.end_s))
        labels[first:last] = PHONE_INDEX[span.phone]
    return labels


def read_sound(path: Path) -> NDArray[np.float32]:
    """Return a training recording as [N] mono samples at 16 kHz.

    Raises:
        SoundError: it cannot be read.
    """
    import soundfile
    import soxr

    try:
        samples, sample_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise SoundError(f"cannot read {path}: {error}; check the data folder") from error
    mono = samples.mean(axis=1)
    return mono if sample_rate == SAMPLE_RATE else soxr.resample(mono, sample_rate, SAMPLE_RATE).astype(np.float32)


def texts_of(speech: Path) -> dict[str, str]:
    """Return the known texts by file name relative to the speech folder."""
    texts: dict[str, str] = {}
    for table in sorted((speech / "transcribed").glob("*/transcripts.csv")):
        with table.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                texts[(table.parent / row["file"]).relative_to(speech).as_posix()] = row["text"]
    return texts


def real_speech(
    speech: Path, names: Sequence[str], teacher: Teacher
) -> Iterator[tuple[str, NDArray[np.float32], NDArray[np.uint8]]]:
    """Yield the listed recordings with the teacher's labels; those that it cannot align are left out."""
    texts = texts_of(speech)
    for name in names:
        samples = read_sound(speech / name)
        text = texts.get(name) or teacher.hear(samples)
        spans = teacher.align(samples, text)
        if spans:
            mel = log_mel(samples)
            yield name, mel, frame_labels(spans, len(mel))


def listed(path: Path, texts: Mapping[str, str] | None = None) -> list[str]:
    """Return the names in a committed list, comments left out; a transcripts.csv stands for all names beside it.

    Args:
        path: the list.
        texts: `texts_of` the speech folder, for lists that name a transcripts.csv or a folder.
    """
    names: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.endswith("/"):
            names += [name for name in texts or {} if name.startswith(line)]
        elif line.endswith("/transcripts.csv"):
            names += [name for name in texts or {} if name.startswith(line.removesuffix("transcripts.csv"))]
        elif line and not line.startswith("#"):
            names.append(line)
    return names


def without(corpus: Corpus, names: Collection[str]) -> Corpus:
    """Return the corpus without the named utterances."""
    kept = [index for index, name in enumerate(corpus.names) if name not in names]
    spans = [slice(corpus.offsets[index], corpus.offsets[index + 1]) for index in kept]
    return Corpus(
        tuple(corpus.names[index] for index in kept),
        np.concatenate([corpus.features[:0], *(corpus.features[span] for span in spans)]),
        np.concatenate([corpus.labels[:0], *(corpus.labels[span] for span in spans)]),
        np.cumsum([0, *(span.stop - span.start for span in spans)]),
    )
