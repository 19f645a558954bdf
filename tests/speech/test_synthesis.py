# SPDX-License-Identifier: GPL-3.0-or-later
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("espeakng_loader", reason="needs the speech extra (espeakng-loader)")

from backend.core.errors import SynthesisError
from backend.speech.synthesis import synthesise


def phones_of(spans):
    return [span.phone for span in spans if span.phone != "sil"]


def test_phones_of_a_text():
    _, _, spans = synthesise("Buy a map.")
    assert phones_of(spans) == ["b", "a", "ɪ", "ə", "m", "æ", "p"]


def test_spans_cover_the_sound_without_gaps():
    samples, sample_rate, spans = synthesise("A pretty cop, at the top.")
    assert spans[0].start_s == 0.0
    assert spans[-1].end_s == pytest.approx(len(samples) / sample_rate)
    for before, after in pairwise(spans):
        assert after.start_s == pytest.approx(before.end_s)
        assert after.end_s > after.start_s


def test_closure_belongs_to_its_stop():
    samples, sample_rate, spans = synthesise("a tap, a cop, a pack")
    vowels = [span for span in spans if span.phone in {"æ", "ɑ"}]
    assert len(vowels) == 3
    for vowel in vowels:
        tail = samples[round((vowel.end_s - 0.012) * sample_rate) : round(vowel.end_s * sample_rate)]
        assert np.abs(tail).max() > 0.003
    stop = next(span for span in spans if span.phone == "p")
    assert 0.06 < stop.end_s - stop.start_s < 0.25


def test_other_voices_between_change_no_times():
    first = synthesise("Mum made five.", "en-us+f3", 180, 60)
    synthesise("Der Apfel.", "de", 300)
    again = synthesise("Mum made five.", "en-us+f3", 180, 60)
    assert phones_of(first[2]) == phones_of(again[2])
    starts = ([span.start_s for span in spoken[2]] for spoken in (first, again))
    np.testing.assert_allclose(*starts, atol=0.01)


@pytest.mark.parametrize(
    ("voice", "text"), [("de", "Papa"), ("fr", "papa"), ("cmn", "爸爸"), ("hi", "पापा"), ("ja", "パパ")]
)
def test_languages_have_their_closures(voice, text):
    assert sum(phone in {"p", "b"} for phone in phones_of(synthesise(text, voice)[2])) == 2


def test_speed_shortens():
    slow, fast = (len(synthesise("a longer sentence to say", speed=speed)[0]) for speed in (100, 250))
    assert fast < 0.6 * slow


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"text": "  "}, "empty"),
        ({"text": "..."}, "nothing to say"),
        ({"text": "a", "voice": "xx-none"}, "unknown"),
        ({"text": "a", "speed": 5}, "speed"),
        ({"text": "a", "pitch": 100}, "pitch"),
    ],
)
def test_bad_requests(arguments, word):
    with pytest.raises(SynthesisError, match=word):
        synthesise(**arguments)


def test_letters_that_are_none_do_not_break_it():
    with pytest.raises(SynthesisError, match="unknown"):
        synthesise("hello", "\udcff")
    assert phones_of(synthesise("map \udcff")[2])[:3] == ["m", "æ", "p"]
