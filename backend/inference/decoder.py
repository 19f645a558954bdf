# SPDX-License-Identifier: GPL-3.0-or-later
"""From phone posteriors to timed phones: Viterbi with a price on every change of phone.

Runs over a stream with a fixed lag: a path is settled `LAG_FRAMES` before the newest frame, by when all
survivors have met (phones last 0.1 s, the lag is 10 s), so that any length takes bounded memory.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..audio.features import FRAME_RATE_HZ
from ..core.errors import BundleError
from ..core.types import PhoneSpan
from ..speech.phones import PHONE_INDEX, PHONES

Floats = NDArray[np.float32]
LAG_FRAMES = 10 * FRAME_RATE_HZ


@dataclass(frozen=True, slots=True)
class DecoderSettings:
    """How posteriors become phones; the `decoder` part of a bundle's config."""

    switch_penalty: float = 2.0
    """Log probability that every change of phone costs."""
    shortest_frames: int = 2
    """Spans shorter than this join a neighbour."""
    bias: dict[str, float] = field(default_factory=dict[str, float])
    """Log probability added to a phone, e.g. to find more of the closures."""
    calibration: tuple[float, float] = (1.0, 0.0)
    """Slope and offset that turn the log odds of a posterior into those of its being right (Platt 1999)."""


def read_settings(config: dict[str, Any]) -> DecoderSettings:
    """Return the settings of a bundle's config; unknown keys are ignored.

    Raises:
        BundleError: a value of the wrong kind.
    """
    defaults = DecoderSettings()
    bias = config.get("bias", {})
    try:
        settings = DecoderSettings(
            float(config.get("switch_penalty", defaults.switch_penalty)),
            int(config.get("shortest_frames", defaults.shortest_frames)),
            {str(phone): float(value) for phone, value in bias.items()},
            _pair(config.get("calibration", defaults.calibration)),
        )
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        raise BundleError(f"bundle: decoder settings cannot be read ({error}); get the bundle again") from error
    if not np.isfinite([settings.switch_penalty, *settings.bias.values()]).all() or settings.switch_penalty < 0:
        raise BundleError("bundle: decoder.switch_penalty must be at least 0 and decoder.bias finite")
    if not np.isfinite(settings.calibration).all() or settings.calibration[0] <= 0:
        raise BundleError("bundle: decoder.calibration must be a slope above 0 and an offset")
    if unknown := settings.bias.keys() - PHONE_INDEX.keys():
        raise BundleError(f"bundle: decoder.bias names unknown phones {', '.join(sorted(unknown))}")
    return settings


def _pair(values: Any) -> tuple[float, float]:  # noqa: ANN401 - as a stranger's file has it
    first, second = values
    return float(first), float(second)


def decode_spans(blocks: Iterable[Floats], settings: DecoderSettings | None = None) -> list[PhoneSpan]:
    """Return the most probable phones of a sound.

    Args:
        blocks: consecutive log posteriors [t, P] at `FRAME_RATE_HZ`, P = len(PHONES).
        settings: how; None for the defaults.

    Returns:
        Spans without gaps from 0 on, neighbours differ. Frame i stands for the 10 ms around i * 10 ms.
    """
    settings = settings or DecoderSettings()
    labels: list[NDArray[np.uint8]] = []
    sureness: list[NDArray[np.float32]] = []
    for piece_labels, piece in settled_path(blocks, settings):
        labels.append(piece_labels)
        sureness.append(calibrated(np.exp(piece[np.arange(len(piece)), piece_labels]), settings.calibration))
    if not labels:
        return []
    return spans_of_path(np.concatenate(labels), np.concatenate(sureness), settings.shortest_frames)


def calibrated(posterior: Floats, calibration: tuple[float, float]) -> Floats:
    """Return how probably right a label of this posterior [T] is, 0 to 1."""
    sure = np.clip(posterior, 1e-6, 1.0 - 1e-6)
    slope, offset = calibration
    return (1.0 / (1.0 + np.exp(-slope * np.log(sure / (1.0 - sure)) - offset))).astype(np.float32)


def settled_path(blocks: Iterable[Floats], settings: DecoderSettings) -> Iterator[tuple[NDArray[np.uint8], Floats]]:
    """Yield the best label of each frame [t] with the log posteriors [t, P] it was judged on, piece by piece."""
    bias = np.array([settings.bias.get(phone, 0.0) for phone in PHONES], np.float32)
    score = np.zeros(len(PHONES), np.float32)
    waiting = _Trellis()
    for block in blocks:
        score = waiting.extend(block, score, bias, settings.switch_penalty)
        if waiting.frames > 2 * LAG_FRAMES:
            yield waiting.settle(int(score.argmax()), waiting.frames - LAG_FRAMES)
    if waiting.frames:
        yield waiting.settle(int(score.argmax()), waiting.frames)


class _Trellis:
    """The frames whose path is still open."""

    def __init__(self) -> None:
        self._blocks: list[Floats] = []
        self._stayed: list[NDArray[np.bool_]] = []
        self._origin: list[int] = []

    @property
    def frames(self) -> int:
        return len(self._origin)

    def extend(self, block: Floats, score: Floats, bias: Floats, penalty: float) -> Floats:
        """Return the score [P] of the best path into each phone after the block."""
        self._blocks.append(block)
        biased = block + bias
        for row in biased:
            origin = int(score.argmax())
            switched = score[origin] - penalty
            stayed = score >= switched
            score = np.maximum(score, switched) + row
            # scores relative to the best: float32 would lose precision over an hour
            score -= score[origin]
            self._stayed.append(stayed)
            self._origin.append(origin)
        return score

    def settle(self, last: int, count: int) -> tuple[NDArray[np.uint8], Floats]:
        """Trace back from `last`, hand out the first `count` frames and forget them."""
        path = np.empty(self.frames, np.uint8)
        state = last
        for frame in range(self.frames - 1, -1, -1):
            path[frame] = state
            if not self._stayed[frame][state]:
                state = self._origin[frame]
        log_posteriors = np.concatenate(self._blocks)
        self._blocks = [log_posteriors[count:]]
        self._stayed, self._origin = self._stayed[count:], self._origin[count:]
        return path[:count], log_posteriors[:count]


def spans_of_path(path: NDArray[np.uint8], sureness: Floats, shortest_frames: int = 1) -> list[PhoneSpan]:
    """Return the spans of a labelled path.

    Args:
        path: [T] index into `PHONES` of each frame.
        sureness: [T] posterior of that label, 0–1.
        shortest_frames: runs shorter than this take the label before them (after them, at the start).

    Returns:
        Spans from 0 on; the confidence is the mean posterior of the frames that were so labelled.
    """
    smooth = _without_short(path, shortest_frames)
    firsts, ends = runs(smooth)
    kept = (smooth == path).astype(np.float32)
    total = np.add.reduceat(sureness * kept, firsts)
    confidence = np.clip(total / np.maximum(np.add.reduceat(kept, firsts), 1.0), 0.0, 1.0)
    starts_s = np.maximum((firsts - 0.5) / FRAME_RATE_HZ, 0.0)
    ends_s = (ends - 0.5) / FRAME_RATE_HZ
    return [
        PhoneSpan(PHONES[smooth[first]], float(start_s), float(end_s), float(sure))
        for first, start_s, end_s, sure in zip(firsts, starts_s, ends_s, confidence, strict=True)
    ]


def _without_short(path: NDArray[np.uint8], shortest_frames: int) -> NDArray[np.uint8]:
    firsts, ends = runs(path)
    long_enough = np.repeat(ends - firsts >= shortest_frames, ends - firsts)
    if not long_enough.any():
        return path
    source = np.where(long_enough, np.arange(len(path)), -1)
    source = np.maximum.accumulate(source)
    source[source < 0] = np.flatnonzero(long_enough)[0]
    return path[source]


def runs(path: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first frame of each run of equal labels and the frame after its last."""
    edges = np.flatnonzero(np.diff(path)) + 1
    return np.concatenate([[0], edges]), np.concatenate([edges, [len(path)]])
