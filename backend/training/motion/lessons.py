# SPDX-License-Identifier: GPL-3.0-or-later
"""What teaches an ear's corrections: sounds as one network hears them, and what the mouth did or should have done.

On film the truth is the tracked mouth, brought to the canonical size. Of recordings whose phones are labelled, it is
what those phones make the motion model do: many speakers, so that one speaker's habits do not become everybody's.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...audio.features import FRAME_RATE_HZ
from ...audio.normalise import mean_sum, normalise
from ...core.types import Floats, PhoneSpan
from ...inference.bundle import Bundle
from ...inference.decoder import decode_spans, read_settings, spans_of_path
from ...inference.encoder import open_session, statistics_of
from ...motion import contacts
from ...motion.coarticulation import Likely, Tracks, likely_pulls
from ...motion.parameters import MotionParameters
from ...motion.performance import TOOTH_GAP_MM
from ...motion.spreading import width_rows
from ...motion.targets import GAP, JAW
from ...motion.timeline import Timeline, timeline
from ..universal.data import Corpus
from .fit import Size
from .model import CHIN_MM
from .takes import Take

Doubles = NDArray[np.float64]

SPOKEN_FPS = 25.0
"""Moments a second that are taken of labelled speech."""


@dataclass(frozen=True)
class Lesson:
    """One sound, at T moments."""

    log_posteriors: Floats
    """[t, 43] of the ear."""
    times_s: Doubles
    """[T]"""
    free: Doubles
    """[T] 0-1, how much the contacts and the rest that the ear's phones ask for leave to the tracks."""
    missing: Doubles
    """[T, 3] what a correction should have added to opening in mm, jaw, and width in mm, times `free`."""
    weight: Doubles
    """[T]"""


class Listener:
    """A bundle's network on log-mels."""

    def __init__(self, bundle: Bundle) -> None:
        self._statistics = statistics_of(bundle)
        self._session = open_session(bundle.model, f"bundle {bundle.name}", "cpu", 1)
        self._settings = read_settings(bundle.decoder)

    def hear(self, log_mel: Floats) -> tuple[Floats, list[PhoneSpan]]:
        """Return log posteriors [t, 43] and phones of log-mels [t, 80]."""
        mean = mean_sum(log_mel, self._statistics).mean(self._statistics)
        heard = normalise(log_mel, mean, self._statistics)
        posteriors = self._session.run(["log_posteriors"], {"log_mel": heard[None]})[0][0]
        return posteriors, decode_spans([posteriors], self._settings)


def shown(line: Timeline, parameters: MotionParameters, times_s: Doubles, likely: Likely | None = None) -> Doubles:
    """Return opening, jaw and lip-shape width [T, 3] of the tracks of some phones."""
    tracks = Tracks(line, parameters, likely).at(times_s)
    rows = width_rows().copy()
    rows[JAW] = 0
    return np.stack([tracks[:, GAP], tracks[:, JAW], tracks @ rows], axis=1)


def film_lessons(
    takes: Iterable[tuple[Take, Floats]], ear: Listener, parameters: MotionParameters, size: Size
) -> Iterator[Lesson]:
    """Yield what tracked clips teach.

    Args:
        takes: with the log-mels [t, 80] of their sounds.
        ear: the network.
        parameters: of the motion.
        size: of the speaker, as `fit` found it.
    """
    for take, log_mel in takes:
        posteriors, spans = ear.hear(log_mel)
        seen = (take.seen - np.array(size.offset)[:, None]) / np.array(size.scale)[:, None]
        jaw = seen[1] / CHIN_MM
        true = np.stack([seen[0], jaw, seen[2] - float(width_rows()[JAW]) * jaw], axis=1)
        yield _lesson(posteriors, spans, take.times_s, true, take.weight, parameters)


def speech_lessons(corpus: Corpus, ear: Listener, parameters: MotionParameters) -> Iterator[Lesson]:
    """Yield what labelled recordings teach."""
    for index in range(len(corpus.names)):
        log_mel, labels = corpus.utterance(index)
        posteriors, spans = ear.hear(log_mel)
        duration_s = len(labels) / FRAME_RATE_HZ
        times = np.arange(0, duration_s, 1 / SPOKEN_FPS)
        line = timeline(spans_of_path(labels, np.ones(len(labels), np.float32)), duration_s)
        true = shown(line, parameters, times)
        closed, on_teeth = contacts.closures(line).amount(times), contacts.tooth_contacts(line).amount(times)
        awake = 1 - contacts.rests(line).amount(times)
        true[:, 0] = awake * (1 - closed) * (true[:, 0] + on_teeth * (TOOTH_GAP_MM - true[:, 0]))
        yield _lesson(posteriors, spans, times, true, awake, parameters)


def _lesson(
    posteriors: Floats,
    spans: list[PhoneSpan],
    times: Doubles,
    true: Doubles,
    weight: Doubles,
    parameters: MotionParameters,
) -> Lesson:
    line = timeline(spans, len(posteriors) / FRAME_RATE_HZ)
    found = shown(line, parameters, times, Likely(likely_pulls(posteriors, parameters)))
    closed, on_teeth = contacts.closures(line).amount(times), contacts.tooth_contacts(line).amount(times)
    awake = 1 - contacts.rests(line).amount(times)
    free = (1 - closed) * (1 - on_teeth) * awake
    missing = free[:, None] * (true - found)
    missing[:, 0] = true[:, 0] - free * found[:, 0] - awake * (1 - closed) * on_teeth * TOOTH_GAP_MM
    return Lesson(posteriors, times, free, missing, weight)
