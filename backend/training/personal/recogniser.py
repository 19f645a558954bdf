# SPDX-License-Identifier: GPL-3.0-or-later
"""The speech recogniser of SelfTalk's diagram, frozen: what is said in a clip, and how its network hears it.

The universal speech encoder is one. It reads phones by itself; where a transcript is given, the phones are the
transcript's, laid over the sound.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...audio.normalise import mean_sum, normalise
from ...core.errors import TimingError
from ...core.types import Floats, PhoneSpan
from ...inference.alignment import align
from ...inference.bundle import Bundle
from ...inference.chains import chain_of
from ...inference.decoder import decode_spans, read_settings
from ...inference.encoder import open_session, statistics_of
from ...models.lipsync3d import STEP_S
from ...models.selftalk import HIDDEN_WIDTH
from ...models.speech_features import speech_graph
from ...speech.phones import PHONE_INDEX, PHONES, SILENCE
from ...speech.pronunciation import phrases_of
from ...speech.voices import DEFAULT_VOICE
from .clips import TrainClip

FIRST_STEP_S = STEP_S / 4
"""Time of step 0, which answers for two frames of 10 ms."""


@dataclass(frozen=True)
class Reading:
    """What a recogniser makes of a clip."""

    hidden: Floats
    """[S, W] how it hears, at 50 Hz."""
    text: NDArray[np.int64]
    """[N] symbols that are said, without blanks."""
    places: Floats
    """[N] step at the middle of each, one for each as far as there are so many."""


class Recogniser(Protocol):
    """What every recogniser does."""

    name: str
    symbols: int
    """Size of its alphabet, the blank among them."""
    blank: int
    width: int
    """Of what it hears by."""

    def read(self, clip: TrainClip, transcript: str = "") -> Reading:
        """Return what is said in a clip; by the transcript where there is one."""
        ...


class PhoneRecogniser:
    """The universal speech encoder."""

    symbols = len(PHONES)
    blank = PHONE_INDEX[SILENCE]
    width = HIDDEN_WIDTH

    def __init__(self, bundle: Bundle, language: str = "") -> None:
        """Load.

        Args:
            bundle: the universal one.
            language: of transcripts, as eSpeak NG names it; empty: English.
        """
        self.name = bundle.name
        self._language = language
        self._settings = read_settings(bundle.decoder)
        self._statistics = statistics_of(bundle)
        self._session: Any = open_session(speech_graph(bundle.model), f"bundle {bundle.name}", "cpu", 1)

    def read(self, clip: TrainClip, transcript: str = "") -> Reading:
        """Return what is said in a clip.

        Raises:
            TimingError: the transcript does not fit the clip.
        """
        posteriors, hidden = self._hear(clip)
        spans = [span for span in self._spans(clip, posteriors, transcript) if span.phone != SILENCE]
        middles_s = np.array([(span.start_s + span.end_s) / 2 for span in spans])
        return Reading(
            hidden,
            np.array([PHONE_INDEX[span.phone] for span in spans], np.int64),
            steps_of_their_own((middles_s - FIRST_STEP_S) / STEP_S, len(hidden)),
        )

    def spans(self, clip: TrainClip, transcript: str = "") -> Sequence[PhoneSpan]:
        """Return the phones of a clip with their times, silence among them.

        Raises:
            TimingError: the transcript does not fit the clip.
        """
        return self._spans(clip, self._hear(clip)[0], transcript)

    def _spans(self, clip: TrainClip, posteriors: Floats, transcript: str) -> Sequence[PhoneSpan]:
        if not transcript:
            return decode_spans([posteriors], self._settings)
        try:
            return align(posteriors, chain_of(phrases_of(transcript, self._language or DEFAULT_VOICE)))
        except TimingError as error:
            raise TimingError(f"clip {clip.name}: {error}") from error

    def _hear(self, clip: TrainClip) -> tuple[Floats, Floats]:
        """Return (log posteriors [T, P] at 100 Hz, hidden [S, W])."""
        log_mel = clip.log_mel
        even = log_mel if len(log_mel) % 2 == 0 else np.concatenate([log_mel, log_mel[-1:]])
        heard = normalise(even, mean_sum(log_mel, self._statistics).mean(self._statistics), self._statistics)
        posteriors, hidden = self._session.run(["log_posteriors", "hidden"], {"log_mel": heard[None]})
        return posteriors[0, : len(log_mel)], hidden[0]


def steps_of_their_own(places: NDArray[np.float64] | Floats, steps: int) -> Floats:
    """Return the whole steps [N] nearest to places [N] that rise, later by as many as those before them take up.

    A phone may last half a step, and a step can be read as one symbol only.

    Args:
        places: where symbols are said, in steps.
        steps: how many there are; with fewer than symbols, the symbols are spread over them.
    """
    order = np.arange(len(places))
    if len(places) > steps:
        return np.linspace(0, steps - 1, len(places), dtype=np.float32)
    after = np.maximum.accumulate(np.maximum(np.round(places), 0) - order)
    return (np.minimum(after, steps - len(places)) + order).astype(np.float32)
