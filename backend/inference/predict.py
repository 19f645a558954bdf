# SPDX-License-Identifier: GPL-3.0-or-later
"""The one prediction path: a sound and what is known of it in, face motion out, in bounded memory.

`Predictor.prepare` listens to the whole sound once and knows its phones; the `Clip` it returns gives the motion in
chunks of any size. Only the phones are kept of the sound, so an hour takes little more room than a minute.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..audio.decode import read_info, stream_mono
from ..audio.features import HOP, SAMPLE_RATE
from ..core.errors import TimingError
from ..core.timebase import exact_fps, frame_times_s
from ..core.types import FacePrediction, Floats, PhoneSpan
from ..motion.ear import read_ear
from ..motion.performance import MotionStyle, Performance
from .alignment import align, chain_of
from .bundle import DEFAULT_BUNDLE, EAR, Bundle
from .decoder import read_settings
from .encoder import Encoder
from .hearing import Hearing
from .known_phones import fit_phones, read_phones
from .reading import AUTO, BEST, QUALITIES, Known, asks_words, read
from .transcript import read_text

CHUNK_S = 30.0
LISTENING_SHARE = 0.7
"""Part of the progress that listening takes; the rest is writing."""

Report = Callable[[float, str], None]
"""Called with the fraction done, 0–1, and the stage."""
Cancelled = Callable[[], bool]


class Motion(Protocol):
    """A face in motion that can be asked for any times."""

    def displacement_cm(self, times_s: NDArray[np.float64]) -> Floats:
        """Return [T, 468, 3] from the neutral."""
        ...

    def weights(self, times_s: NDArray[np.float64]) -> Floats:
        """Return the ARKit weights [T, 52]."""
        ...


@dataclass(frozen=True)
class Look:
    """What a predicted face looks like, beyond its motion."""

    neutral_cm: Floats
    """[468, 3] the speaker's own closed-mouth face."""
    uv: Floats
    """[468, 2] the atlas's layout, v upwards."""
    reference_atlas: NDArray[np.uint8] | None = None
    """[S, S, 3] texture of the neutral face."""
    atlases: Callable[[NDArray[np.float64]], Iterator[NDArray[np.uint8]]] | None = None
    """Gives the atlases [S, S, 3] at times that follow each other, one by one, from the clip's start."""


class CancelledError(Exception):
    """The caller asked to stop; nothing is wrong."""


@dataclass(frozen=True, slots=True)
class PredictRequest:
    """What to animate."""

    sound: Path
    fps: float = 30.0
    """Frames per second; NTSC rates are recognised."""
    transcript: str = ""
    """What is said, or the path of a text file; empty: recognise."""
    phones: Path | None = None
    """Phones file, used as it is; None: recognise."""
    language: str = ""
    """Language that is spoken; empty: unknown, en-us where there is a transcript."""
    bundle: str = DEFAULT_BUNDLE
    """Name or folder of the bundle, for those who open it from the request."""
    style: MotionStyle | None = None
    """How much to move; None: ordinarily."""
    quality: str = AUTO
    """`fast`: the network alone; `best`: English words are listened for as well, at thirty times the cost; `auto`: best
    for a universal bundle, fast for a personal one, whose phones only close the lips."""
    texture: bool = True
    """Whether a mesh file holds the texture of every frame, where the bundle predicts it."""


@dataclass(frozen=True)
class Clip:
    """A sound that has been listened to; its motion is ready to be sampled."""

    duration_s: float
    fps: Fraction
    phones: tuple[PhoneSpan, ...]
    """Cover the sound without gaps."""
    performance: Motion
    bundle: str
    """Name of the bundle that answered."""
    look: Look | None = None
    """Where the bundle knows a speaker."""
    note: str = ""
    """What the user should know of how the phones came about; mostly nothing."""

    def times_s(self) -> NDArray[np.float64]:
        """Return the time of every frame [T]."""
        return frame_times_s(self.duration_s, self.fps)

    def time_chunks_s(self, chunk_s: float = CHUNK_S) -> Iterator[NDArray[np.float64]]:
        """Yield the times of the frames in consecutive pieces."""
        times, size = self.times_s(), max(1, round(chunk_s * self.fps))
        for first in range(0, len(times), size):
            yield times[first : first + size]

    def chunks(self, chunk_s: float = CHUNK_S) -> Iterator[FacePrediction]:
        """Yield the face motion in consecutive pieces; the values do not depend on `chunk_s`."""
        look = self.look
        atlases = look.atlases(self.times_s()) if look is not None and look.atlases is not None else None
        for times in self.time_chunks_s(chunk_s):
            yield FacePrediction(
                times,
                self.performance.displacement_cm(times),
                self.confidence(times),
                self.phones_at(times),
                atlas=None if atlases is None else np.stack(list(islice(atlases, len(times)))),
                reference_atlas=None if look is None else look.reference_atlas,
                neutral_cm=None if look is None else look.neutral_cm,
            )

    def weights(self, times_s: NDArray[np.float64]) -> Floats:
        """Return the 52 ARKit weights [T, 52] that make the mesh; exact where the predictor moves by them."""
        return self.performance.weights(times_s)

    def confidence(self, times_s: NDArray[np.float64]) -> Floats:
        """Return the confidence [T] of the phone at each time."""
        starts = np.array([span.start_s for span in self.phones])
        values = np.array([span.confidence for span in self.phones], np.float32)
        return values[np.clip(np.searchsorted(starts, times_s, side="right") - 1, 0, len(values) - 1)]

    def phones_at(self, times_s: NDArray[np.float64]) -> tuple[PhoneSpan, ...]:
        """Return the phones that touch a range of frame times."""
        return tuple(span for span in self.phones if span.start_s <= times_s[-1] and span.end_s >= times_s[0])


class Predictor:
    """A bundle, loaded and ready for any number of sounds."""

    def __init__(self, bundle: Bundle, device: str = "auto", threads: int = 1) -> None:
        self.bundle = bundle
        self._settings = read_settings(bundle.decoder)
        self._encoder = Encoder(bundle, device, threads)
        self._ear = read_ear(bundle.parts[EAR], f"bundle {bundle.name}: {EAR}") if EAR in bundle.parts else None

    def predict(self, request: PredictRequest) -> Iterator[FacePrediction]:
        """Yield the face motion of a sound in consecutive chunks."""
        yield from self.prepare(request).chunks()

    def prepare(
        self, request: PredictRequest, report: Report | None = None, cancelled: Cancelled | None = None
    ) -> Clip:
        """Listen to a sound.

        Args:
            request: what to animate.
            report: told the progress, 0 to `LISTENING_SHARE`.
            cancelled: asked often whether to stop.

        Raises:
            SoundError: the sound cannot be used.
            TimingError: phones, transcript or frame rate that make no sense.
            CancelledError: `cancelled` said so.
        """
        fps = exact_fps(request.fps)
        known = known_of(request)
        listener = Listener(request.sound, report, cancelled, words=asks_words(known))
        note, likely = "", None
        if request.phones is not None:
            spans = read_phones(request.phones)
            for _ in listener.blocks():
                pass
            phones = fit_phones(spans, listener.duration_s, str(request.phones))
        else:
            hearing = Hearing(self._ear)
            heard = hearing.watch(self._encoder.listen(listener.blocks))
            reading = read(heard, known, self._settings, listener.blocks)
            phones, note, likely = reading.spans, reading.note, hearing.likely(reading.log_posteriors)
        phones = ended(phones, listener.duration_s)
        performance = Performance(phones, listener.duration_s, request.style, likely)
        return Clip(listener.duration_s, fps, phones, performance, self.bundle.name, note=note)

    def times_of(self, sound: Path, phrases: Sequence[Sequence[str]]) -> list[PhoneSpan]:
        """Return where known phones, phrase by phrase, lie in a sound.

        Raises:
            SoundError: the sound cannot be used.
            TimingError: the phones do not fit it.
        """
        listener = Listener(sound, None, None)
        posteriors = [piece.astype(np.float16) for piece in self._encoder.log_posteriors(listener.blocks)]
        return list(ended(align(np.concatenate(posteriors), chain_of(phrases)), listener.duration_s))


class Listener:
    """Streams a sound, watching progress and cancellation; knows the length after a whole pass."""

    def __init__(self, sound: Path, report: Report | None, cancelled: Cancelled | None, *, words: bool = False) -> None:
        self._sound = sound
        self._expected = max(1.0, read_info(sound).duration_s * SAMPLE_RATE)
        self._report = report
        self._cancelled = cancelled
        self._passes = 0
        self._plan = ((0.0, 0.05), (0.05, 0.2), (0.2, 1.0)) if words else ((0.0, 0.2), (0.2, 1.0))
        self._fraction = 0.0
        self._samples = 0

    @property
    def duration_s(self) -> float:
        """Seconds of sound in the latest pass."""
        return self._samples / SAMPLE_RATE

    def blocks(self) -> Iterator[Floats]:
        """Yield the sound from its start; the passes feed its mean, the network, and the word decoder."""
        begin, end = self._plan[min(self._passes, len(self._plan) - 1)]
        self._passes += 1
        self._samples = 0
        for block in stream_mono(self._sound):
            if self._cancelled is not None and self._cancelled():
                raise CancelledError
            yield block
            self._samples += len(block)
            done = begin + (end - begin) * min(1.0, self._samples / self._expected)
            self._fraction = max(self._fraction, done)
            if self._report is not None:
                self._report(LISTENING_SHARE * self._fraction, "listening")


def known_of(request: PredictRequest, usual: str = BEST) -> Known:
    """Return what a request tells of its sound; `usual` is the quality where it says `auto`.

    Raises:
        TimingError: an unknown quality, or a transcript that cannot be read.
    """
    if request.quality not in QUALITIES:
        raise TimingError(f"quality {request.quality!r} is unknown; use one of {', '.join(QUALITIES)}")
    text = read_text(request.transcript) if request.transcript else ""
    return Known(text, request.language, usual if request.quality == AUTO else request.quality)


def ended(phones: Sequence[PhoneSpan], duration_s: float) -> tuple[PhoneSpan, ...]:
    """Return the spans with the last one ending where the sound does; frames are whole hops, sounds are not."""
    inside = [span for span in phones if span.start_s < duration_s] or list(phones[:1])
    last = inside[-1]
    inside[-1] = PhoneSpan(last.phone, last.start_s, max(duration_s, last.start_s + HOP / SAMPLE_RATE), last.confidence)
    return tuple(inside)
