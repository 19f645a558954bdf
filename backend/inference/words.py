# SPDX-License-Identifier: GPL-3.0-or-later
"""Words heard in English speech, by pocketsphinx, with how each is said: the second opinion of quality `best`.

The package carries its model and dictionary. It is optional: where it is missing, `available` says so.
"""

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..audio.features import SAMPLE_RATE
from ..core.types import Floats
from ..speech.phone_sets import from_arpabet
from ..speech.phones import SILENCE
from .chains import Word

MODEL = Path(__file__).with_name("words_model")
"""Where the extension's zip has the model, which its wheels then lack; elsewhere the package's own is used."""
DICTIONARY = "cmudict-en-us.dict"
LONGEST_PIECE_S, SHORTEST_PIECE_S = 30.0, 8.0
"""Words are looked for in pieces cut at pauses: long enough for context, short enough to bound time and memory."""
ACTIVE_STATES = 3000
"""Of the search in each frame: a sixth less time than without a limit, and as many words right."""


def available() -> bool:
    """Return whether words can be decoded here."""
    return importlib.util.find_spec("pocketsphinx") is not None


class WordDecoder:
    """pocketsphinx with its English model."""

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        parts: dict[str, str] = {}
        if MODEL.is_dir():
            parts = {"hmm": str(MODEL / "en-us"), "lm": str(MODEL / "en-us.lm.bin"), "dict": str(MODEL / DICTIONARY)}
        self._decoder: Any = Decoder(loglevel="FATAL", maxhmmpf=ACTIVE_STATES, **parts)

    def words(self, samples: Floats) -> list[Word]:
        """Return the words of [N] mono samples at 16 kHz as they are said there, pauses marked."""
        decoder = self._decoder
        pcm = (np.clip(samples, -1.0, 1.0) * 32767).astype(np.int16).tobytes()
        decoder.reinit_feat()  # or the mean and the noise of the sounds before would change what is heard in this one
        decoder.start_utt()
        decoder.process_raw(pcm, no_search=False, full_utt=True)
        decoder.end_utt()
        if not decoder.hyp():
            return []
        return list(_said([segment.word for segment in decoder.seg()], decoder))


def _said(names: Sequence[str], decoder: Any) -> Iterator[Word]:  # noqa: ANN401 - pocketsphinx carries no types
    waiting: Word | None = None
    for name in names:
        said = None if name.startswith(("<", "[", "+")) else decoder.lookup_word(name)
        if said is None:
            waiting = waiting and Word(waiting.phones, pause=True, text=waiting.text)
            continue
        if waiting:
            yield waiting
        phones = [phone for label in said.split() for phone, _ in from_arpabet(label) if phone != SILENCE]
        waiting = Word(tuple(phones), text=name.partition("(")[0])
    if waiting:
        yield Word(waiting.phones, pause=True, text=waiting.text)


def pieces_at(silent: NDArray[np.bool_], frame_rate_hz: int) -> list[tuple[int, int]]:
    """Return consecutive pieces (first, end) of frames [T], cut in the longest silence near the end of each.

    Args:
        silent: [T] whether each frame is silence.
        frame_rate_hz: of the frames.
    """
    longest, shortest = (round(length_s * frame_rate_hz) for length_s in (LONGEST_PIECE_S, SHORTEST_PIECE_S))
    pieces: list[tuple[int, int]] = []
    first = 0
    while len(silent) - first > longest:
        part = silent[first + shortest : first + longest]
        run = np.zeros(len(part) + 1, np.int64)
        for index, quiet in enumerate(part):
            run[index + 1] = run[index] + 1 if quiet else 0
        best = int(run.argmax())
        # no pause at all: music or a long vowel; any cut is as good
        cut = first + shortest + best - int(run[best]) // 2 if run[best] else first + longest
        pieces.append((first, cut))
        first = cut
    return [*pieces, (first, len(silent))]


def seconds(piece: tuple[int, int], frame_rate_hz: int) -> tuple[int, int]:
    """Return the samples (first, end) of a piece of frames."""
    scale = SAMPLE_RATE // frame_rate_hz
    return piece[0] * scale, piece[1] * scale
