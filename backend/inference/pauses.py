# SPDX-License-Identifier: GPL-3.0-or-later
"""Silences given their quiet edges: breath and room that the network took for the phone beside a pause.

A network hears the breath after a sentence as a faint s or a long last vowel, and the mouth then stays open into the
pause. Energy tells better where speech ends, except at lip sounds, whose closures are quiet themselves.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..audio.features import FRAME_RATE_HZ
from ..core.types import PhoneSpan
from ..speech.phones import BILABIAL, LABIODENTAL, PHONE_INDEX, SILENCE
from .decoder import runs, spans_of_path

QUIET = -3.5
"""Level relative to the sound's mean spectrum under which a frame may belong to a pause: -15 dB.

The best of -6 to -28 dB on the held-out recordings.
"""
KEPT_FRAMES = 2
"""What the phone beside the pause keeps of the quiet, lest a faint consonant vanish."""
LIP_SOUNDS = [PHONE_INDEX[phone] for phone in sorted(BILABIAL | LABIODENTAL)]


def with_quiet_edges(spans: Sequence[PhoneSpan], level: NDArray[np.float32]) -> list[PhoneSpan]:
    """Return the spans with every silence widened over the quiet around it, up to the next lip sound.

    Args:
        spans: without gaps, from 0 on, as `decode_spans` gives them.
        level: [T] of `encoder.Heard`, at `FRAME_RATE_HZ`.
    """
    starts = np.array([round(span.start_s * FRAME_RATE_HZ + 0.5) for span in spans[1:]], np.int64)
    lengths = np.diff(np.concatenate([[0], starts, [len(level)]]))
    path = np.repeat(np.array([PHONE_INDEX[span.phone] for span in spans], np.uint8), lengths)
    sureness = np.repeat(np.array([span.confidence for span in spans], np.float32), lengths)
    silent = path == PHONE_INDEX[SILENCE]
    resting = silent | ((level < QUIET) & ~np.isin(path, LIP_SOUNDS))
    for first, end in zip(*runs(resting.view(np.uint8)), strict=True):
        if silent[first:end].any():
            path[first + KEPT_FRAMES : end - KEPT_FRAMES] = PHONE_INDEX[SILENCE]
    return spans_of_path(path, sureness)
