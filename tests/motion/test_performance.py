# SPDX-License-Identifier: GPL-3.0-or-later
import json
import time

import numpy as np
import pytest

from backend.core.blendshapes import ARKIT_INDEX, ARKIT_NAMES, mirrored
from backend.core.errors import BundleError, TimingError
from backend.core.face import canonical_face, lip_gap_cm
from backend.core.types import PhoneSpan
from backend.motion.aperture import TEETH_BELOW_MM
from backend.motion.coarticulation import Likely, likely_pulls
from backend.motion.parameters import (
    fitted_parameters,
    parameters_json,
    phonetic_parameters,
    read_parameters,
)
from backend.motion.performance import MotionStyle, Performance
from backend.speech.phones import BILABIAL, LABIODENTAL, OPEN_VOWELS, PHONES, SILENCE

JAW, CLOSE = ARKIT_INDEX["jawOpen"], ARKIT_INDEX["mouthClose"]


def utterance(seed, count=40, shortest=0.03, longest=0.18):
    """Random phones of random lengths, from 0.4 s on, with silence around."""
    rng = np.random.default_rng(seed)
    edges = 0.4 + np.concatenate([[0], np.cumsum(rng.uniform(shortest, longest, count))])
    labels = rng.choice(PHONES[1:], count)
    return [PhoneSpan(str(p), float(a), float(b)) for p, a, b in zip(labels, edges, edges[1:], strict=False)]


def spans(*phones, start=0.5, length=0.1):
    return [PhoneSpan(p, start + length * i, start + length * (i + 1)) for i, p in enumerate(phones)]


def gap_mm(performance, times):
    return 10 * lip_gap_cm(canonical_face().neutral_cm + performance.displacement_cm(times))


def end_of(phones):
    return phones[-1].end_s + 0.5


@pytest.mark.parametrize("seed", range(5))
def test_any_times_give_the_same_values_as_all_times(seed):
    phones = utterance(seed)
    performance = Performance(phones, end_of(phones))
    times = np.arange(0, end_of(phones), 1 / 60)
    whole = performance.weights(times)
    picked = np.random.default_rng(seed).permutation(len(times))[:50]
    np.testing.assert_allclose(performance.weights(times[picked]), whole[picked], atol=1e-7)
    np.testing.assert_allclose(performance.weights(times[picked[:1]]), whole[picked[:1]], atol=1e-7)
    np.testing.assert_allclose(
        performance.displacement_cm(times)[picked], performance.displacement_cm(times[picked]), atol=1e-5
    )


@pytest.mark.parametrize("seed", range(10))
def test_weights_stay_in_range_and_mouth_close_below_jaw(seed):
    style = MotionStyle(*np.random.default_rng(seed).uniform(0, 2, 3)) if seed else None
    weights = Performance(phones := utterance(seed), end_of(phones), style).weights(np.arange(0, end_of(phones), 0.01))
    assert weights.min() >= 0
    assert weights.max() <= 1
    assert (weights[:, CLOSE] <= weights[:, JAW] + 1e-6).all()
    mirror = [ARKIT_INDEX[mirrored(name)] for name in ARKIT_NAMES]
    np.testing.assert_array_equal(weights, weights[:, mirror])


@pytest.mark.parametrize("fps", [24000 / 1001, 24, 25, 30, 60])
@pytest.mark.parametrize("seed", range(6))
def test_every_bilabial_has_a_frame_with_closed_lips(fps, seed):
    phones = utterance(100 + seed, count=80, shortest=0.005)
    offset = np.random.default_rng(seed).uniform(0, 1 / fps)
    times = offset + np.arange(int(end_of(phones) * fps)) / fps
    gap = gap_mm(Performance(phones, end_of(phones)), times)
    due = [span for span in phones if span.phone in BILABIAL]
    assert due
    for span in due:
        near = (times >= min(span.start_s, span.end_s - 0.05)) & (times <= span.end_s + 1e-9)
        assert gap[near].min() < 0.5


@pytest.mark.parametrize("seed", range(6))
def test_lower_lip_is_at_the_upper_teeth_in_f_and_v(seed):
    phones = utterance(200 + seed, count=80)
    performance = Performance(phones, end_of(phones))
    middles = np.array([(s.start_s + s.end_s) / 2 for s in phones if s.phone in LABIODENTAL])
    lower_lip_mm = 10 * performance.displacement_cm(middles)[:, [14, 87, 317], 1].mean(axis=1)
    assert len(middles)
    np.testing.assert_allclose(lower_lip_mm, -TEETH_BELOW_MM, atol=0.75)


def test_long_silence_is_exactly_rest_and_the_way_there_is_short():
    phones = [*spans("a", "m", "a"), PhoneSpan("sil", 0.8, 1.1), *spans("b", "a", start=1.1)]
    performance = Performance(phones, 2.0)
    inside = np.concatenate([np.linspace(-1, 0.38, 20), np.linspace(0.94, 0.99, 20), np.linspace(1.46, 9, 20)])
    assert not performance.displacement_cm(inside).any()
    assert performance.displacement_cm([0.45, 0.85, 1.09]).any(axis=(1, 2)).all()


def test_short_pause_leaves_the_lips_parted():
    phones = [*spans("a", "t"), PhoneSpan("sil", 0.7, 0.88), *spans("k", "a", start=0.88)]
    gap = gap_mm(Performance(phones, 2.0), np.linspace(0.7, 0.88, 50))
    assert gap.min() > 1.2
    assert gap.max() < 7.5


@pytest.mark.parametrize("seed", range(6))
def test_lips_close_nowhere_else(seed):
    rng = np.random.default_rng(300 + seed)
    others = [p for p in PHONES if p not in BILABIAL | LABIODENTAL | {SILENCE}]
    phones = spans(*map(str, rng.choice(others, 60)), length=float(rng.uniform(0.04, 0.12)))
    gap = gap_mm(Performance(phones, end_of(phones)), np.arange(phones[0].start_s, phones[-1].end_s, 0.01))
    assert gap.min() > 1.9


@pytest.mark.parametrize("vowel", sorted(OPEN_VOWELS))
@pytest.mark.parametrize("length", [0.06, 0.1, 0.2])
def test_open_vowels_open_between_closures(vowel, length):
    phones = spans("m", vowel, "p", vowel, "b", length=length)
    gap = gap_mm(Performance(phones, 2.0), np.arange(0.5 + length, 0.5 + 2 * length, 0.002))
    assert 3.5 < gap.max() < 13


@pytest.mark.parametrize(("phone", "low", "high"), [("ɑ", 9, 13), ("i", 3.5, 6), ("u", 2.5, 5), ("s", 2.5, 4.5)])
@pytest.mark.parametrize("parameters", [phonetic_parameters(), fitted_parameters()], ids=["phonetic", "fitted"])
def test_held_sounds_open_the_lips_as_people_do(phone, low, high, parameters):
    gap = gap_mm(Performance(spans("t", phone, "t", length=0.25), 2.0, parameters=parameters), [0.875])
    assert low < gap[0] < high


def test_rounding_starts_before_its_vowel_and_ignores_tongue_consonants():
    weights = Performance(spans("i", "t", "k", "u", length=0.08), 2.0).weights([0.52, 0.66, 0.73, 0.8])
    pucker = weights[:, ARKIT_INDEX["mouthPucker"]]
    assert (np.diff(pucker) > 0).all()
    assert pucker[2] > 0.5 * pucker[3]


@pytest.mark.parametrize("seed", range(4))
def test_motion_is_smooth(seed):
    phones = utterance(400 + seed, shortest=0.05)
    moved = Performance(phones, end_of(phones)).displacement_cm(np.arange(0, end_of(phones), 0.001))
    speed_cm_s = np.linalg.norm(np.diff(moved[:, 14], axis=0), axis=1) / 0.001
    assert speed_cm_s.max() < 35
    assert np.abs(np.diff(speed_cm_s)).max() < 3


def test_style_gains_act_in_their_direction():
    phones = spans("t", "a", "k", "u", "s", "a", length=0.12)
    times = np.arange(0.5, 1.2, 0.01)
    for gain, blendshape in (("articulation", "jawOpen"), ("jaw", "jawOpen"), ("lips", "mouthPucker")):
        means = [
            Performance(phones, 2.0, MotionStyle(**{gain: value})).weights(times)[:, ARKIT_INDEX[blendshape]].mean()
            for value in (0, 0.5, 1, 1.3)
        ]
        assert (np.diff(means) > 0).all()
    wide = [gap_mm(Performance(phones, 2.0, MotionStyle(a)), times).mean() for a in (0.5, 1, 1.5)]
    assert (np.diff(wide) > 1).all()


@pytest.mark.parametrize("field", ["articulation", "jaw", "lips", "smoothing"])
@pytest.mark.parametrize("value", [0.0, 0.3, 2.5])
def test_no_style_moves_a_contact_or_the_rest(field, value):
    phones = [*spans("a", "b", "a", "f", "o", "m", "i"), *spans("u", "p", "a", start=1.6)]
    moved = Performance(phones, 2.5, MotionStyle(**{field: value})).displacement_cm([0.65, 1.05, 1.74, 1.35, 0.2])
    gap = 10 * lip_gap_cm(canonical_face().neutral_cm + moved)
    assert gap[:3].max() < 0.5
    assert not moved[3:].any()
    teeth = Performance(phones, 2.5, MotionStyle(**{field: value})).displacement_cm([0.85])[:, [14, 87, 317], 1]
    np.testing.assert_allclose(10 * teeth.mean(), -TEETH_BELOW_MM, atol=0.75)


def test_more_smoothing_moves_less_and_slower():
    phones = utterance(7, shortest=0.05)
    times = np.arange(0, end_of(phones), 0.005)
    gaps = [gap_mm(Performance(phones, end_of(phones), MotionStyle(smoothing=s)), times) for s in (0, 0.5, 1, 2, 4)]
    assert (np.diff([gap.std() for gap in gaps]) < 0).all()
    assert (np.diff([np.abs(np.diff(gap)).mean() for gap in gaps]) < 0).all()


def sure_posteriors(phones, duration_s, sureness=0.999):
    """Log posteriors of an ear that hears exactly what is said, with the rest of its belief spread evenly."""
    shares = np.full((int(duration_s * 100) + 1, len(PHONES)), (1 - sureness) / (len(PHONES) - 1))
    label = np.zeros(len(shares), int)
    for span in phones:
        label[round(span.start_s * 100) : round(span.end_s * 100)] = PHONES.index(span.phone)
    shares[np.arange(len(shares)), label] = sureness
    return np.log(shares)


def test_a_sure_ear_moves_as_known_phones_do():
    phones = spans("t", "ɑ", "k", "i", "s", "o", "n", "e", length=0.1)
    likely = Likely(likely_pulls(sure_posteriors(phones, 1.8, 0.99999), fitted_parameters()))
    times = np.arange(0.4, 1.4, 0.01)
    known, heard = (gap_mm(Performance(phones, 1.8, likely=ear), times) for ear in (None, likely))
    np.testing.assert_allclose(heard, known, atol=0.5)


def test_an_unsure_ear_hedges():
    """Half ɑ and half u opens the lips between the two."""
    gaps = []
    for first, second in (("ɑ", "ɑ"), ("ɑ", "u"), ("u", "u")):
        ears = [sure_posteriors(spans("t", p, "t", length=0.2), 1.6) for p in (first, second)]
        likely = Likely(likely_pulls(np.logaddexp(*ears) - np.log(2), fitted_parameters()))
        gaps.append(gap_mm(Performance(spans("t", "ə", "t", length=0.2), 1.6, likely=likely), [0.8])[0])
    assert gaps[0] > gaps[1] + 0.5 > gaps[2] + 1.0


def test_parameters_survive_their_file(tmp_path):
    file = tmp_path / "parameters.json"
    parameters = fitted_parameters()
    file.write_text(json.dumps(parameters_json(parameters, [0.0] * len(PHONES), {})), encoding="utf-8")
    again = read_parameters(file)
    np.testing.assert_allclose(again.targets, parameters.targets, atol=1e-4)
    assert again.timing == parameters.timing
    for text in ("{", "[]", '{"format": "other", "version": 1}', file.read_text("utf-8").replace("0.0", "-1.0", 1)):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(BundleError, match="parameters"):
            read_parameters(file)


def test_nothing_said_is_rest():
    times = np.linspace(0, 3, 20)
    assert not Performance([], 3.0).displacement_cm(times).any()
    assert Performance([], 0.0).displacement_cm([]).shape == (0, 468, 3)


def test_overlapping_unsorted_and_empty_spans_are_taken():
    phones = [PhoneSpan("a", 0.6, 0.8), PhoneSpan("m", 0.5, 0.65), PhoneSpan("b", 0.8, 0.8), PhoneSpan("t", 0.8, 0.9)]
    performance = Performance(phones, 1.5)
    assert np.isfinite(performance.weights(np.arange(0, 1.5, 0.01))).all()
    assert gap_mm(performance, [0.78])[0] < 0.5


@pytest.mark.parametrize(
    "phone", [PhoneSpan("q7", 0, 1), PhoneSpan("a", 1, 0.5), PhoneSpan("a", float("nan"), 1), PhoneSpan("a", 0, np.inf)]
)
def test_impossible_phones_are_refused(phone):
    with pytest.raises(TimingError, match="phone"):
        Performance([phone], 1.0)


@pytest.mark.parametrize(("field", "value"), [("jaw", -1.0), ("articulation", float("nan")), ("smoothing", 11.0)])
def test_impossible_style_is_refused(field, value):
    with pytest.raises(TimingError, match=field):
        Performance([], 1.0, MotionStyle(**{field: value}))


def test_the_ordinary_style_changes_nothing():
    phones = utterance(3)
    times = np.arange(0, end_of(phones), 0.03)
    plain, ordinary = (Performance(phones, end_of(phones), s).weights(times) for s in (None, MotionStyle(1, 1, 1, 1)))
    np.testing.assert_array_equal(plain, ordinary)


def test_an_hour_takes_seconds():
    phones = utterance(0, count=36_000, longest=0.17)
    started = time.process_time()
    Performance(phones, end_of(phones)).weights(np.arange(0, 3600, 1 / 30))
    assert time.process_time() - started < 15
