# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from backend.core.types import PhoneSpan
from backend.inference.pauses import KEPT_FRAMES, with_quiet_edges

LOUD, FAINT = 0.0, -8.0


def spans_of(*timed):
    """Spans from (phone, end frame); boundaries lie half a frame before the first frame, as the decoder puts them."""
    ends = [0, *(end for _, end in timed)]
    times = [max(0.0, (end - 0.5) / 100) for end in ends]
    return [PhoneSpan(phone, *times[i : i + 2], 0.5) for i, (phone, _) in enumerate(timed)]


def level_of(*timed):
    """Level [T] from (level, end frame)."""
    ends = np.diff([0, *(end for _, end in timed)])
    return np.repeat(np.array([value for value, _ in timed], np.float32), ends)


def test_breath_before_a_pause_joins_it():
    spans = spans_of(("ɑ", 40), ("s", 60), ("sil", 100))
    mended = with_quiet_edges(spans, level_of((LOUD, 45), (FAINT, 100)))
    assert [span.phone for span in mended] == ["ɑ", "s", "sil"]
    assert mended[2].start_s == pytest.approx((45 + KEPT_FRAMES - 0.5) / 100)
    assert mended[2].end_s == spans[2].end_s
    assert mended[1].confidence == pytest.approx(0.5)


def test_the_quiet_before_speech_joins_its_pause():
    mended = with_quiet_edges(spans_of(("sil", 30), ("h", 45), ("ɑ", 80)), level_of((FAINT, 42), (LOUD, 80)))
    assert mended[0].end_s == pytest.approx((42 - KEPT_FRAMES - 0.5) / 100)


@pytest.mark.parametrize("lip_sound", ["p", "b", "m", "f", "v"])
def test_lip_sounds_keep_their_time_however_quiet(lip_sound):
    spans = spans_of(("sil", 30), (lip_sound, 45), ("ɑ", 60), (lip_sound, 75), ("sil", 120))
    level = level_of((FAINT, 45), (LOUD, 60), (FAINT, 120))
    assert [(s.phone, s.start_s, s.end_s) for s in with_quiet_edges(spans, level)] == [
        (s.phone, s.start_s, s.end_s) for s in spans
    ]


def test_quiet_within_speech_and_loud_pauses_stay():
    spans = spans_of(("ɑ", 40), ("t", 55), ("ɑ", 90), ("sil", 120))
    level = level_of((LOUD, 42), (FAINT, 52), (LOUD, 120))
    assert [(s.phone, s.start_s) for s in with_quiet_edges(spans, level)] == [(s.phone, s.start_s) for s in spans]
