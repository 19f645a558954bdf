# SPDX-License-Identifier: GPL-3.0-or-later
"""From what the network hears to phones: alone, with the words that a second listener heard, or with a known text."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..audio.features import FRAME_RATE_HZ
from ..core.types import Floats, PhoneSpan
from ..speech.phones import PHONE_INDEX, PHONES, SILENCE
from .alignment import Aligned, LogPosteriors, align_words
from .chains import FILLER, Costs, chain_of_words
from .decoder import DecoderSettings, calibrated, settled_path, spans_of_path
from .encoder import Heard, SoundSource
from .pauses import with_quiet_edges
from .transcript import align_text
from .words import WordDecoder, available, pieces_at, seconds

AUTO, FAST, BEST = "auto", "fast", "best"
QUALITIES = (AUTO, FAST, BEST)
WORD_COSTS = Costs(filler=4.0, filler_frame=0.7, word_skip=2.0, voicing=3.0, weak_vowel=1.0, vowel=3.0)
"""Of departures from words that were only heard."""
TRUST = 4.0
"""Log probability that a phone gains where the words have it and fit the sound around."""
TRUST_FROM, TRUST_SLOPE = -0.9, 0.3
"""How far the words' phones may lie below the likeliest ones around a frame (log posterior) for half of that trust."""
AROUND_FRAMES, OWN_FRAMES = 50, 5
"""Half a second on either side tells whether the words are right; the phone itself must not."""
FEWEST_FRAMES = 10
"""Fewer frames of phones around tell nothing."""
WRITTEN_TRUST = 6.0
"""The same for a given text, in what the motion reads."""
FILLER_FITS = -3.0
"""What a frame of filler counts for among the words around."""
WORST_SHARE = 0.45
"""Words that explain less than this share of the sounding frames were misheard, or are of another language."""
DEAF_S = 40.0
"""So much sound without one good piece, and no more words are looked for."""
MISFIT, LEAST, PARTLY = -1.1, 0.05, 0.8
"""Mean log posterior of a text's phones under the likeliest ones, below which it is another text (right ones have over
-0.9 in 99 of 100 held-out recordings, wrong ones under -1.0 in 94 of 100), and the shares of the sounding frames that a
text explains, below which it is another one, and a part of what is said."""
WRONG_TEXT = "the transcript does not fit the sound, so it was not used"
PART_OF_TEXT = "parts of the sound are not in the transcript; they were recognised"
NO_WORDS = "pocketsphinx is not installed, so that quality best is that of fast; run: pip install pocketsphinx"


@dataclass(frozen=True)
class Known:
    """What is known of a sound beside itself."""

    text: str = ""
    language: str = ""
    """Code; empty: unknown, English where a text is given."""
    quality: str = BEST


@dataclass(frozen=True)
class Reading:
    """The phones of a sound."""

    spans: list[PhoneSpan]
    note: str = ""
    """What the user should know of how they came about; mostly nothing."""
    log_posteriors: NDArray[np.float16] | None = None
    """[T, P] drawn to the text or the words; None where the network's own are all there is."""


@dataclass(frozen=True)
class _Notes:
    """What was kept of a whole sound; T frames."""

    labels: NDArray[np.uint8]
    """The network's own reading."""
    sureness: Floats
    level: Floats
    log_posteriors: NDArray[np.float16]
    """Empty where nobody will ask for them."""


def read(heard: Iterable[Heard], known: Known, settings: DecoderSettings, sound: SoundSource) -> Reading:
    """Return the phones of a sound.

    Args:
        heard: the network's answers, in order.
        known: what else there is to go by.
        settings: of the bundle's decoder.
        sound: the same sound again, for a second listener.

    Raises:
        TimingError, SynthesisError: a text that cannot be used.
    """
    notes = _listen(heard, settings, keep=bool(known.text) or asks_words(known))
    if known.text:
        return _by_text(notes, known, settings)
    if asks_words(known):
        return _by_words(notes, settings, sound)
    note = NO_WORDS if known.quality == BEST and not available() else ""
    return Reading(_spans(notes.labels, notes.sureness, notes.level, settings), note)


def asks_words(known: Known) -> bool:
    """Return whether words are decoded: only of English, only where no text is given, only where it can be done."""
    english = known.language.lower()[:2] in ("", "en")
    return known.quality == BEST and english and not known.text and available()


def _listen(heard: Iterable[Heard], settings: DecoderSettings, *, keep: bool) -> _Notes:
    levels: list[Floats] = []
    kept: list[NDArray[np.float16]] = [np.zeros((0, len(PHONES)), np.float16)]

    def log_posteriors() -> Iterator[Floats]:
        for piece in heard:
            levels.append(piece.level)
            if keep:
                kept.append(piece.log_posteriors.astype(np.float16))
            yield piece.log_posteriors

    labels, sureness = _path(log_posteriors(), settings)
    return _Notes(labels, sureness, np.concatenate(levels), np.concatenate(kept))


def _path(blocks: Iterable[Floats], settings: DecoderSettings) -> tuple[NDArray[np.uint8], Floats]:
    pieces = list(settled_path(blocks, settings))
    labels = np.concatenate([piece for piece, _ in pieces])
    return labels, np.concatenate([np.exp(post[np.arange(len(post)), piece]) for piece, post in pieces])


def _spans(labels: NDArray[np.uint8], sureness: Floats, level: Floats, settings: DecoderSettings) -> list[PhoneSpan]:
    sure = calibrated(sureness, settings.calibration)
    return with_quiet_edges(spans_of_path(labels, sure, settings.shortest_frames), level)


def explained(aligned: Aligned, own: NDArray[np.uint8]) -> float:
    """Return the share of the frames that sound, by the network's own reading [T], which the words explain."""
    sounding = own != PHONE_INDEX[SILENCE]
    inside = (aligned.labels != FILLER) & (aligned.labels != PHONE_INDEX[SILENCE])
    return float((inside & sounding).sum() / max(int(sounding.sum()), 1))


def _by_text(notes: _Notes, known: Known, settings: DecoderSettings) -> Reading:
    aligned = align_text(notes.log_posteriors, known.text, known.language)
    share = explained(aligned, notes.labels)
    said = (notes.labels != PHONE_INDEX[SILENCE]) & (aligned.labels != PHONE_INDEX[SILENCE])
    said &= aligned.labels != FILLER
    if share < LEAST or (said.any() and fit(notes.log_posteriors, aligned)[said].mean() < MISFIT):
        return Reading(_spans(notes.labels, notes.sureness, notes.level, settings), WRONG_TEXT)
    written = aligned.labels != FILLER
    labels = np.where(written, aligned.labels, notes.labels).astype(np.uint8)
    sureness = np.exp(notes.log_posteriors[np.arange(len(labels)), labels].astype(np.float32))
    spans = with_quiet_edges(spans_of_path(labels, sureness), notes.level)
    drawn = drawn_to(notes.log_posteriors, aligned, np.full(len(labels), WRITTEN_TRUST, np.float32))
    return Reading(spans, PART_OF_TEXT if share < PARTLY else "", drawn.astype(np.float16, copy=False))


def _by_words(notes: _Notes, settings: DecoderSettings, sound: SoundSource) -> Reading:
    labels, sureness = notes.labels.copy(), notes.sureness.copy()
    drawn = notes.log_posteriors.copy()
    deaf_s = 0.0
    silent = notes.labels == PHONE_INDEX[SILENCE]
    for piece, samples in _samples(sound, pieces_at(silent, FRAME_RATE_HZ)):
        part = slice(*piece)
        if silent[part].all():
            continue
        posteriors = notes.log_posteriors[part].astype(np.float32)
        agreed = _with_words(posteriors, notes.labels[part], samples)
        if agreed is None:
            deaf_s += (piece[1] - piece[0]) / FRAME_RATE_HZ
            if deaf_s > DEAF_S:
                break
            continue
        deaf_s = -np.inf
        labels[part], _ = _path([agreed], settings)
        sureness[part] = np.exp(agreed[np.arange(len(agreed)), labels[part]])
        drawn[part] = agreed
    # a word may hold a very short phone, which the network alone would not be believed
    return Reading(with_quiet_edges(spans_of_path(labels, sureness), notes.level), log_posteriors=drawn)


def _with_words(posteriors: Floats, own: NDArray[np.uint8], samples: Floats) -> Floats | None:
    """Return log posteriors [T, P] drawn to the words heard in a piece; None where those explain too little."""
    words = word_decoder().words(samples)
    if not words:
        return None
    chain = chain_of_words(words, WORD_COSTS)
    aligned = align_words(posteriors, chain)
    if explained(aligned, own) < WORST_SHARE:
        return None
    return drawn_to(posteriors, aligned, trust_in(posteriors, aligned)).astype(np.float32, copy=False)


def trust_in(posteriors: Floats, aligned: Aligned) -> Floats:
    """Return how far the words are to be trusted [T], by how well their phones fit around each frame."""
    fitting = fit(posteriors, aligned)
    counted = (aligned.labels != PHONE_INDEX[SILENCE]).astype(np.float64)
    total = _around(fitting * counted, AROUND_FRAMES) - _around(fitting * counted, OWN_FRAMES)
    count = _around(counted, AROUND_FRAMES) - _around(counted, OWN_FRAMES)
    mean = np.where(count < FEWEST_FRAMES, FILLER_FITS, total / np.maximum(count, 1.0))
    return (TRUST / (1.0 + np.exp(-(mean - TRUST_FROM) / TRUST_SLOPE))).astype(np.float32)


def fit(log_posteriors: LogPosteriors, aligned: Aligned) -> NDArray[np.float64]:
    """Return how far [T] the words' phones lie under the likeliest ones (log posterior, 0 at best)."""
    labels = aligned.labels
    fitting = np.empty(len(labels))
    for part in _parts(len(labels)):
        heard = log_posteriors[part].astype(np.float32)
        said = aligned.chain.emissions(heard)[np.arange(len(heard)), np.maximum(labels[part], 0)]
        fitting[part] = said - heard.max(axis=1)
    return np.where(labels == FILLER, FILLER_FITS, fitting)


def _parts(count: int) -> Iterator[slice]:
    """Yield slices of a minute of frames, so that what is made of them stays small."""
    step = 60 * FRAME_RATE_HZ
    for first in range(0, count, step):
        yield slice(first, min(first + step, count))


def _around(values: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Return the sum [T] of the values within `reach` frames of each."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    index = np.arange(len(values))
    return sums[np.minimum(index + reach + 1, len(values))] - sums[np.maximum(index - reach, 0)]


def drawn_to(log_posteriors: LogPosteriors, aligned: Aligned, trust: Floats) -> LogPosteriors:
    """Return log posteriors [T, P] in which the phones of the words gain the log probability `trust` [T]."""
    drawn = log_posteriors.copy()
    for part in _parts(len(drawn)):
        piece, labels = log_posteriors[part].astype(np.float32), aligned.labels[part]
        rows = np.flatnonzero(labels != FILLER)
        piece[rows, labels[rows]] += trust[part][rows]
        drawn[part] = piece - np.logaddexp.reduce(piece, axis=1, keepdims=True)
    return drawn


def _samples(sound: SoundSource, pieces: list[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], Floats]]:
    """Yield pieces of frames with their samples."""
    held, first = np.zeros(0, np.float32), 0
    waiting = iter(pieces)
    piece = next(waiting, None)
    for block in sound():
        held = np.concatenate([held, block])
        while piece is not None and first + len(held) >= seconds(piece, FRAME_RATE_HZ)[1]:
            begin, end = seconds(piece, FRAME_RATE_HZ)
            yield piece, held[begin - first : end - first]
            held, first = held[end - first :], end
            piece = next(waiting, None)
    if piece is not None and len(held):
        yield piece, held


@lru_cache(maxsize=1)
def word_decoder() -> WordDecoder:
    """Return the process's one word decoder; it takes a quarter of a second to read."""
    return WordDecoder()
