# SPDX-License-Identifier: GPL-3.0-or-later
import itertools

import numpy as np
import pytest

from backend.core.errors import BundleError, TimingError
from backend.inference import alignment, decoder
from backend.inference.alignment import align, chain_of
from backend.inference.decoder import DecoderSettings, decode_spans, read_settings, settled_path
from backend.speech.phones import PHONE_INDEX, PHONES


def posteriors_of(spans, sure=0.8, seed=0):
    """Noisy log posteriors [T, P] that favour the spans' labels."""
    frames = round(spans[-1].end_s * 100) + 1
    raw = np.random.default_rng(seed).dirichlet(np.full(len(PHONES), 0.3), frames) * (1 - sure)
    for span in spans:
        first, end = (round(time * 100 + 0.5) for time in (span.start_s, span.end_s))
        raw[max(0, first) : end + 1, PHONE_INDEX[span.phone]] += sure
    return np.log(raw / raw.sum(axis=1, keepdims=True) + 1e-8).astype(np.float32)


def assert_same(found, spans, within_s=0.0151):
    assert [span.phone for span in found] == [span.phone for span in spans]
    for ours, truth in zip(found[:-1], spans[:-1], strict=True):
        assert ours.end_s == pytest.approx(truth.end_s, abs=within_s)


def test_decoding_recovers_the_phones(spans):
    found = decode_spans([posteriors_of(spans)])
    assert_same(found, spans)
    assert all(0.6 < span.confidence <= 1 for span in found)
    assert found[0].start_s == 0
    assert all(a.end_s == b.start_s for a, b in itertools.pairwise(found))


def test_a_settled_stream_equals_one_search(spans, monkeypatch):
    whole = np.tile(posteriors_of(spans, sure=0.3), (40, 1))
    settings = DecoderSettings()
    monkeypatch.setattr(decoder, "LAG_FRAMES", 10**9)
    at_once = np.concatenate([path for path, _ in settled_path([whole], settings)])
    monkeypatch.setattr(decoder, "LAG_FRAMES", 300)
    pieces = list(settled_path(np.array_split(whole, 30), settings))
    assert len(pieces) > 5
    assert np.array_equal(np.concatenate([path for path, _ in pieces]), at_once)
    np.testing.assert_array_equal(np.concatenate([part for _, part in pieces]), whole)


def test_single_frames_of_another_phone_do_not_flicker():
    path = np.zeros(50, np.uint8)
    path[[0, 10, 20, 21]] = 5
    spans = decoder.spans_of_path(path, np.ones(50, np.float32), 2)
    assert [span.phone for span in spans] == ["sil", PHONES[5], "sil"]


def test_calibration_changes_confidence_alone(spans):
    posteriors = posteriors_of(spans)
    plain, humble = (
        decode_spans([posteriors], DecoderSettings(calibration=pair)) for pair in ((1.0, 0.0), (0.5, -0.5))
    )
    assert [(span.phone, span.start_s) for span in plain] == [(span.phone, span.start_s) for span in humble]
    assert all(b.confidence < a.confidence for a, b in zip(plain, humble, strict=True))
    assert decoder.calibrated(np.float32([0.8]), (2.0, 0.0))[0] == pytest.approx(16 / 17)


def test_bad_decoder_settings_are_refused():
    for bad in (
        {"switch_penalty": "x"},
        {"switch_penalty": -1},
        {"bias": {"?": 1}},
        {"bias": 3},
        {"calibration": 1},
        {"calibration": [0, 1]},
        {"calibration": [1, 2, 3]},
    ):
        with pytest.raises(BundleError, match="decoder"):
            read_settings(bad)


def test_alignment_finds_the_times_and_the_pause(spans):
    phrases = [["h", "ɛ", "l", "o", "ʊ", "m", "a", "m", "a"]]
    assert_same(align(posteriors_of(spans), chain_of(phrases)), spans)


def test_alignment_of_a_long_text_moves_its_window(spans, monkeypatch):
    monkeypatch.setattr(alignment, "WINDOW_STATES", 64)
    phrase = [span.phone for span in spans if span.phone != "sil"]
    found = align(np.tile(posteriors_of(spans), (12, 1)), chain_of([phrase] * 12))
    assert [span.phone for span in found if span.phone != "sil"] == phrase * 12


@pytest.mark.parametrize("phrases", [[], [[]], [["a"] * 1000]])
def test_texts_that_cannot_fit_are_refused(spans, phrases):
    with pytest.raises(TimingError, match="transcript"):
        align(posteriors_of(spans), chain_of(phrases))
