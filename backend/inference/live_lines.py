# SPDX-License-Identifier: GPL-3.0-or-later
"""Live frames as JSON lines: a first line that says what follows, then one line a frame, as soon as it is known."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..audio.decode import stream_mono
from ..core.blendshapes import ARKIT_NAMES
from ..core.types import Floats
from .bundle import shipped_bundles
from .live import LiveAnimator, LiveFrame, animate_live

FORMAT, VERSION = "lipsync3d.live", 1
BLOCK_S = 0.02
BLOCK_BYTES = 640
"""Of raw sound read at a time: 20 ms of 16-bit samples."""
LIVE_BUNDLE = "universal-live"


def live_bundle(asked: str) -> str:
    """Return the bundle for a live sound: that trained for it, where none but the ordinary one was asked for."""
    there = any(name.rpartition("-v")[0] == LIVE_BUNDLE for name in shipped_bundles())
    return LIVE_BUNDLE if asked == "universal" and there else asked


def file_blocks(sound: Path) -> Iterator[Floats]:
    """Yield the blocks of a sound file.

    Raises:
        SoundError: the file cannot be used.
    """
    return stream_mono(sound, BLOCK_S)


def raw_blocks(stream: BinaryIO) -> Iterator[Floats]:
    """Yield the blocks of raw sound as they come: 16-bit little-endian mono samples at 16 kHz."""
    held = b""
    while data := stream.read(BLOCK_BYTES):
        held += data
        whole = len(held) // 2 * 2
        yield np.frombuffer(held[:whole], "<i2").astype(np.float32) / 32768.0
        held = held[whole:]


def lines(animator: LiveAnimator, blocks: Iterable[Floats]) -> Iterator[str]:
    """Yield the lines of a sound."""
    head = {"format": FORMAT, "version": VERSION, "fps": animator.fps, "look_ahead_s": animator.look_ahead_s}
    yield json.dumps({**head, "names": list(ARKIT_NAMES)})
    for frame in animate_live(animator, blocks):
        yield _line(frame)


def _line(frame: LiveFrame) -> str:
    weights = [round(float(weight), 4) for weight in frame.weights]
    told = {"frame": frame.index, "time_s": round(frame.time_s, 6), "phone": frame.phone}
    return json.dumps({**told, "confidence": round(frame.confidence, 3), "weights": weights})
