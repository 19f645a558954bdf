# SPDX-License-Identifier: GPL-3.0-or-later
"""The speech encoder on ONNX Runtime: sound of any length to phone log posteriors, in bounded memory.

The network sees chunks with `context_frames` of real neighbours on both sides, whose own outputs are dropped, so
that chunked equals whole. The mean spectrum that normalises the features is a first pass over the sound.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..audio.features import FLOOR, HOP, N_MELS, WINDOW, log_mel_of_padded
from ..audio.normalise import Statistics, mean_sum, normalise
from ..core.errors import BundleError, LipSyncError
from ..speech.phones import PHONE_INDEX, PHONES, SILENCE
from .bundle import Bundle

Floats = NDArray[np.float32]
SoundSource = Callable[[], Iterable[Floats]]
"""Gives the sound's blocks [N] from the start each time it is called."""

CHUNK_FRAMES = 3000
"""30 s; even, because the network works in steps of two frames."""
HIDDEN = "hidden"
"""Output of the network's last block [1, S, C], which a personal bundle's speech graph gives as well."""
DEVICES = ("auto", "cpu", "cuda")
DIGITAL_SILENCE = float(np.log(2.0 * FLOOR))
"""Log-mel below which, in every band, a frame holds no sound at all."""
SURE, UNLIKELY = 0.0, -20.0


@dataclass(frozen=True, slots=True)
class Heard:
    """What one run of the network says."""

    log_posteriors: Floats
    """[t, P]"""
    level: Floats
    """[t] natural logarithm of the power, relative to that of the sound's mean spectrum (its speech, mostly)."""
    features: Floats | None = None
    """[t / 2, F] at 50 Hz, two normalised log-mel frames and the network's last block, where the graph gives that."""


class Encoder:
    """A bundle's network, loaded."""

    def __init__(self, bundle: Bundle, device: str = "auto", threads: int = 1) -> None:
        self._context = bundle.context_frames + bundle.context_frames % 2
        self.statistics = statistics_of(bundle)
        self._session = _open_session(bundle, device, threads)
        given = [item.name for item in self._session.get_outputs()]
        self._outputs = [name for name in ("log_posteriors", HIDDEN) if name in given]

    def log_posteriors(self, sound: SoundSource, chunk_frames: int = CHUNK_FRAMES) -> Iterator[Floats]:
        """Yield the log posteriors [t, P] of `listen`."""
        return (heard.log_posteriors for heard in self.listen(sound, chunk_frames))

    def answer(self, heard: Floats) -> Floats:
        """Return the log posteriors [t, P] of normalised frames [t, 80], in one run."""
        return self._session.run(self._outputs[:1], {"log_mel": heard[None]})[0][0]

    def listen(self, sound: SoundSource, chunk_frames: int = CHUNK_FRAMES) -> Iterator[Heard]:
        """Yield what is heard in a sound, chunk by chunk, T = samples // HOP + 1 frames in all.

        Args:
            sound: gives the sound's blocks; called twice.
            chunk_frames: frames a run of the network, even; the result does not depend on it.
        """
        sums = [mean_sum(frames, self.statistics) for frames in stream_log_mel(sound())]
        mean = reduce(add, sums).mean(self.statistics)
        for frames, left, right in with_context(stream_log_mel(sound()), chunk_frames, self._context, N_MELS):
            heard = normalise(frames, mean, self.statistics)
            posteriors, *hidden = self._session.run(self._outputs, {"log_mel": heard[None]})
            inner = slice(left, len(frames) - right)
            yield Heard(
                with_silence(posteriors[0, inner], frames[inner]),
                level(frames[inner]) - level(mean),
                _features(heard[inner], hidden[0][0], left) if hidden else None,
            )


def level(log_mel: Floats) -> Floats:
    """Return the natural logarithm of the power in log-mels [..., N_MELS]."""
    return np.log(np.exp(log_mel).mean(axis=-1))


def stream_log_mel(blocks: Iterable[Floats]) -> Iterator[Floats]:
    """Yield the log-mel frames [t, N_MELS] of consecutive blocks; joined, they equal `log_mel` of the whole."""
    half = np.zeros(WINDOW // 2, np.float32)
    held = half
    for block in blocks:
        held = np.concatenate([held, block])
        count = (len(held) - WINDOW) // HOP + 1
        if count > 0:
            yield log_mel_of_padded(held[: (count - 1) * HOP + WINDOW])
            held = held[count * HOP :]
    held = np.concatenate([held, half])
    if len(held) >= WINDOW:
        yield log_mel_of_padded(held)


def with_context(
    pieces: Iterable[Floats], chunk_frames: int, context: int, width: int
) -> Iterator[tuple[Floats, int, int]]:
    """Yield chunks [t, width] of frames with the counts of leading and trailing context frames in them."""
    held = np.zeros((0, width), np.float32)
    left = 0
    for piece in pieces:
        held = np.concatenate([held, piece])
        while len(held) >= left + chunk_frames + context:
            yield held[: left + chunk_frames + context], left, context
            start = max(0, left + chunk_frames - context)
            held, left = held[start:], left + chunk_frames - start
    while len(held) > left:
        size = min(left + chunk_frames + context, len(held))
        done = min(left + chunk_frames, len(held))
        yield held[:size], left, size - done
        start = max(0, done - context)
        held, left = held[start:], done - start


def _features(heard: Floats, hidden: Floats, left: int) -> Floats:
    """Return features [ceil(t / 2), F] of normalised frames [t, 80] and of the block's steps, `left` frames before."""
    pairs = np.concatenate([heard, heard[-1:]]) if len(heard) % 2 else heard
    pairs = pairs.reshape(-1, 2 * N_MELS)
    return np.concatenate([pairs, hidden[left // 2 :][: len(pairs)]], axis=1)


def with_silence(log_posteriors: Floats, log_mel: Floats) -> Floats:
    """Return posteriors that are silence where there is digital silence, which no recording trains a network on."""
    silent = log_mel.max(axis=1) < DIGITAL_SILENCE
    if silent.any():
        log_posteriors = log_posteriors.copy()
        log_posteriors[silent] = UNLIKELY
        log_posteriors[silent, PHONE_INDEX[SILENCE]] = SURE
    return log_posteriors


def statistics_of(bundle: Bundle) -> Statistics:
    """Return how a bundle's features are normalised.

    Raises:
        BundleError: its statistics lack something, or have the wrong shape.
    """
    values: dict[str, Any] = {}
    for field in fields(Statistics):
        array = bundle.statistics.get(field.name)
        if array is None:
            raise BundleError(f"bundle {bundle.name}: statistics.npz lacks {field.name}; get the bundle again")
        shape = () if field.type is float else (N_MELS,)
        if array.shape != shape:
            raise BundleError(f"bundle {bundle.name}: statistics.npz: {field.name} must have shape {shape}")
        values[field.name] = float(array) if field.type is float else array
    statistics = Statistics(**values)
    if not (statistics.scale > 0).all() or not statistics.prior_weight > 0:
        raise BundleError(f"bundle {bundle.name}: statistics.npz: scale and prior_weight must be above 0")
    return statistics


def _open_session(bundle: Bundle, device: str, threads: int) -> Any:  # noqa: ANN401 - onnxruntime has no types
    """Return an ONNX Runtime session whose input and output are what the encoder expects."""
    session = open_session(bundle.model, f"bundle {bundle.name}: model.onnx", device, threads)
    inputs = [(item.name, len(item.shape)) for item in session.get_inputs()]
    outputs = [(item.name, item.shape[-1]) for item in session.get_outputs()]
    if inputs != [("log_mel", 3)] or outputs[:1] != [("log_posteriors", len(PHONES))]:
        raise BundleError(f"bundle {bundle.name}: model.onnx must map log_mel to log_posteriors [1, T, {len(PHONES)}]")
    return session


def open_session(model: bytes, name: str, device: str, threads: int) -> Any:  # noqa: ANN401 - onnxruntime has no types
    """Return an ONNX Runtime session of a graph.

    Args:
        model: the graph.
        name: of bundle and graph, for messages.
        device: one of `DEVICES`.
        threads: that one run may use.

    Raises:
        BundleError: the graph cannot be run.
        LipSyncError: no such device here.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise LipSyncError("the package onnxruntime is missing; install lipsync3d[inference]") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    providers = _providers(device, onnxruntime.get_available_providers())
    try:
        session = onnxruntime.InferenceSession(model, options, providers=providers)
    except Exception as error:  # onnxruntime's errors share no base class but Exception
        raise BundleError(f"{name} cannot be run ({_first_line(error)})") from error
    if device == "cuda" and "CUDAExecutionProvider" not in session.get_providers():
        raise LipSyncError("device cuda: the GPU could not be started; install its CUDA libraries or use --device cpu")
    return session


def _providers(device: str, available: list[str]) -> list[str]:
    if device not in DEVICES:
        raise LipSyncError(f"device {device!r} is unknown; use one of {', '.join(DEVICES)}")
    if device == "cuda" and "CUDAExecutionProvider" not in available:
        raise LipSyncError("device cuda: this onnxruntime has no CUDA; install onnxruntime-gpu or use --device cpu")
    wanted = ["CPUExecutionProvider"] if device == "cpu" else ["CUDAExecutionProvider", "CPUExecutionProvider"]
    return [provider for provider in wanted if provider in available]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["no reason given"])[0][:200]
