# SPDX-License-Identifier: GPL-3.0-or-later
"""Sounds made hard: noise, babble, music, rooms, telephones, whisper, song, clipping, other tempos.

Every function takes and gives mono samples [N] at 16 kHz; what is random comes from a generator that is passed in.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_toeplitz
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

from backend.core.types import Floats

RATE = 16_000
LPC_ORDER, LPC_WINDOW, LPC_HOP = 18, 480, 160
NOTES_HZ = (147.0, 165.0, 185.0, 196.0, 220.0, 196.0, 165.0)
WSOLA_WINDOW, WSOLA_SEARCH = 512, 160
MU = 255.0

Draw = np.random.Generator
Spoil = Callable[[Floats, Draw], Floats]


def mixed(speech: Floats, noise: Floats, snr_db: float) -> Floats:
    """Return speech with noise under it, at a ratio of powers where it is spoken (30 dB from the loudest)."""
    frames = speech[: len(speech) // 400 * 400].reshape(-1, 400)
    power = np.square(frames).mean(axis=1)
    spoken = power[power > power.max() * 1e-3].mean()
    gain = np.sqrt(spoken / max(float(np.square(noise).mean()), 1e-12) * 10 ** (-snr_db / 10))
    return (speech + gain * noise).astype(np.float32)


def white(count: int, draw: Draw) -> Floats:
    """Return white noise."""
    return (0.1 * draw.normal(size=count)).astype(np.float32)


def babble(count: int, draw: Draw, voices: Sequence[Floats], many: int = 6) -> Floats:
    """Return several voices at once, each from a place of its own in a recording."""
    total = np.zeros(count, np.float32)
    for index in draw.choice(len(voices), many, replace=False):
        voice = np.roll(voices[index], int(draw.integers(len(voices[index]))))
        voice = np.resize(voice, count)
        total += voice / (np.sqrt(np.square(voice).mean()) + 1e-9)
    return 0.1 * total / np.sqrt(many)


def music(count: int, draw: Draw) -> Floats:
    """Return chords with harmonics, a bass line and a drum: no voice, but tones in a voice's range."""
    time = np.arange(count) / RATE
    total = np.zeros(count)
    beat_s = 0.5
    for beat in range(int(count / RATE / beat_s) + 1):
        first = int(beat * beat_s * RATE)
        local = time[first:] - beat * beat_s
        root = 110.0 * 2 ** (draw.choice([0, 3, 5, 7, 10]) / 12)
        for ratio in (0.5, 1.0, 1.26, 1.5, 2.0):
            for harmonic in range(1, 9):
                phase = 2 * np.pi * root * ratio * harmonic * local
                total[first:] += np.sin(phase) / harmonic**1.3 * np.exp(-3 * local)
        total[first:] += 4 * draw.normal(size=len(local)) * np.exp(-40 * local)
    return (0.05 * total / (np.abs(total).max() + 1e-9) * 4).astype(np.float32)


def room(decay_s: float, direct_db: float = 0.0) -> Spoil:
    """Return a room: decaying noise after the direct sound, at a given ratio of direct to late power."""

    def spoil(samples: Floats, draw: Draw) -> Floats:
        time = np.arange(int(decay_s * RATE)) / RATE
        tail = draw.normal(size=len(time)) * 10 ** (-3 * time / decay_s)
        tail[: int(0.004 * RATE)] = 0
        tail *= np.sqrt(10 ** (-direct_db / 10) / np.square(tail).sum())
        tail[0] = 1.0
        return fftconvolve(samples, tail)[: len(samples)].astype(np.float32)

    return spoil


def telephone(samples: Floats, _draw: Draw) -> Floats:
    """Return the sound of a telephone: 300 to 3400 Hz, eight bits by the mu law."""
    band = sosfilt(butter(6, (300, 3400), "bandpass", fs=RATE, output="sos"), samples)
    peak = np.abs(band).max() + 1e-9
    coded = np.sign(band) * np.log1p(MU * np.abs(band) / peak) / np.log1p(MU)
    coded = np.round(coded * 127) / 127
    return (np.sign(coded) * np.expm1(np.abs(coded) * np.log1p(MU)) / MU * peak).astype(np.float32)


def clipped(samples: Floats, _draw: Draw) -> Floats:
    """Return the sound driven 20 dB into clipping."""
    return np.clip(samples / (np.abs(samples).max() + 1e-9) * 10, -1, 1).astype(np.float32)


def whisper(samples: Floats, draw: Draw) -> Floats:
    """Return the sound with all voicing replaced by noise: linear prediction keeps the spectrum's shape only."""
    return _resynthesised(samples, 0.02 * draw.normal(size=len(samples)))


def sung(samples: Floats, draw: Draw) -> Floats:
    """Return the sound on held notes: linear prediction with pulses of stepped pitch, some breath with them."""
    notes = np.repeat(NOTES_HZ, int(0.45 * RATE))
    pitch = np.resize(notes, len(samples)) * (1 + 0.01 * np.sin(2 * np.pi * 5.5 * np.arange(len(samples)) / RATE))
    phase = np.cumsum(pitch / RATE)
    pulses = (np.diff(np.floor(phase), prepend=0.0) > 0) * 0.25
    return _resynthesised(samples, pulses + 0.004 * draw.normal(size=len(samples)))


def _resynthesised(samples: Floats, source: NDArray[np.float64]) -> Floats:
    """Return the source with the spectrum's shape and level of each 10 ms of the sound."""
    padded = np.pad(samples.astype(np.float64), LPC_WINDOW // 2)
    window = np.hanning(LPC_WINDOW)
    out = np.zeros(len(samples))
    state = np.zeros(LPC_ORDER)
    for first in range(0, len(samples), LPC_HOP):
        part = padded[first : first + LPC_WINDOW]
        part = np.pad(part, (0, LPC_WINDOW - len(part))) * window
        likeness = np.correlate(part, part, "full")[LPC_WINDOW - 1 : LPC_WINDOW + LPC_ORDER]
        likeness[0] = likeness[0] * 1.0001 + 1e-9
        shape = np.concatenate([[1.0], -solve_toeplitz(likeness[:-1], likeness[1:])])
        left = max(float(likeness @ shape), 0.0) / np.square(window).sum()
        piece = source[first : first + LPC_HOP]
        loud = np.sqrt(left) / (np.sqrt(np.square(source).mean()) + 1e-12)
        out[first : first + LPC_HOP], state = lfilter([1.0], shape, piece * loud, zi=state)
    return np.clip(out, -1, 1).astype(np.float32)


def tempo(factor: float) -> Spoil:
    """Return speech `factor` times as fast at its own pitch, by WSOLA (Verhelst & Roelands 1993)."""

    def spoil(samples: Floats, _draw: Draw) -> Floats:
        hop = WSOLA_WINDOW // 2
        count = int(len(samples) / factor)
        window = np.hanning(WSOLA_WINDOW + 1)[:-1]
        padded = np.pad(samples.astype(np.float64), (0, WSOLA_WINDOW + 2 * WSOLA_SEARCH + hop))
        out = np.zeros(count + WSOLA_WINDOW)
        place = 0
        for first in range(0, count, hop):
            wanted = int(first * factor)
            if first:
                follow = padded[place + hop : place + hop + WSOLA_WINDOW]
                low = max(0, wanted - WSOLA_SEARCH)
                near = np.correlate(padded[low : low + WSOLA_WINDOW + 2 * WSOLA_SEARCH], follow, "valid")
                wanted = low + int(near.argmax())
            place = min(wanted, len(padded) - WSOLA_WINDOW - hop)
            out[first : first + WSOLA_WINDOW] += window * padded[place : place + WSOLA_WINDOW]
        return out[:count].astype(np.float32)

    return spoil


def higher(factor: float) -> Spoil:
    """Return a voice with all resonances and the pitch `factor` times as high, as a smaller speaker's; same tempo."""

    def spoil(samples: Floats, draw: Draw) -> Floats:
        places = np.arange(0, len(samples) - 1, factor)
        small = np.interp(places, np.arange(len(samples)), samples).astype(np.float32)
        slow = tempo(1 / factor)(small, draw)
        return np.pad(slow, (0, max(0, len(samples) - len(slow))))[: len(samples)]

    return spoil
