# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E402 - what the extras bring is imported after the check that they are there
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the training extra (torch)")
pytest.importorskip("espeakng_loader", reason="needs the speech extra (espeakng-loader)")

from backend.audio.normalise import Statistics, mean_sum
from backend.core.types import PhoneSpan
from backend.models.universal import EncoderConfig, SpeechEncoder
from backend.speech.phones import PHONES
from backend.training.universal.crops import CROP_FRAMES, CropSampler, groups_of
from backend.training.universal.data import frame_labels, joined, load_corpus, pack
from backend.training.universal.evaluate import compare
from backend.training.universal.labels import centred
from backend.training.universal.loop import TrainConfig, class_weights, statistics_of, train
from backend.training.universal.relabel import doubtful_frames
from backend.training.universal.synthetic import lines, synthetic_speech, without_joints

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def corpus():
    return pack(synthetic_speech(6, seed=4))


def sampler_of(corpus, seed):
    return CropSampler(corpus, groups_of(corpus, [("synthetic", 1.0)]), statistics_of(corpus), seed)


def test_tiny_network_learns(corpus):
    reports = []
    config = TrainConfig(steps=100, batch=4, learning_rate=4e-3, half=False)
    torch.manual_seed(1)
    start = SpeechEncoder(EncoderConfig(channels=32, dilations=(1, 2), dropout=0.0))
    train(sampler_of(corpus, 1), class_weights(corpus), start, config, reports.append)
    first, last = (float(line.split()[3]) for line in reports)
    assert last < 0.93 * first


def test_same_seed_same_crops(corpus):
    one, two, other = (sampler_of(corpus, seed).batch(2) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one[0], two[0])
    assert one[0].shape == (2, CROP_FRAMES, 80)
    assert np.isfinite(one[0]).all()
    assert (one[0].shape == other[0].shape) and not np.array_equal(one[0], other[0])
    assert list(lines(5, 3)) == list(lines(5, 3))


def test_corpus_survives_its_file(corpus, tmp_path):
    corpus.save(tmp_path / "c.npz")
    again = joined([load_corpus(tmp_path / "c.npz"), corpus])
    assert again.names == corpus.names * 2
    np.testing.assert_array_equal(again.utterance(7)[1], corpus.utterance(1)[1])


def test_labels_lie_at_frame_centres():
    spans = [PhoneSpan("sil", 0.0, 0.02), PhoneSpan("m", 0.02, 0.041), PhoneSpan("a", 0.041, 0.06)]
    assert [PHONES[label] for label in frame_labels(spans, 7)] == ["sil", "sil", "m", "m", "m", "a", "sil"]


def test_joints_are_no_pauses():
    spans = [
        PhoneSpan("a", 0.0, 0.1),
        PhoneSpan("sil", 0.1, 0.11),
        PhoneSpan("f", 0.11, 0.2),
        PhoneSpan("sil", 0.2, 0.4),
    ]
    assert without_joints(spans) == [PhoneSpan("a", 0.0, 0.1), PhoneSpan("f", 0.1, 0.2), PhoneSpan("sil", 0.2, 0.4)]


def test_rates_count_what_is_found():
    truth = [PhoneSpan("a", 0.0, 0.3), PhoneSpan("p", 0.3, 0.4), PhoneSpan("a", 0.4, 0.9), PhoneSpan("m", 0.9, 1.0)]
    said = [PhoneSpan("a", 0.0, 0.43), PhoneSpan("b", 0.43, 0.5), PhoneSpan("a", 0.5, 0.6), PhoneSpan("b", 0.6, 0.7)]
    rates = compare(said, truth)["pbm"]
    assert (rates.recall, rates.precision) == (0.5, 0.5)


def test_mean_is_two_sums():
    statistics = Statistics(np.full(80, -7.0, np.float32), np.ones(80, np.float32))
    mel = np.random.default_rng(0).normal(-6.0, 3.0, (300, 80)).astype(np.float32)
    whole = mean_sum(mel, statistics)
    pieces = mean_sum(mel[:101], statistics) + mean_sum(mel[101:], statistics)
    np.testing.assert_allclose(pieces.mean(statistics), whole.mean(statistics), atol=1e-5)
    silent = mean_sum(np.full((50, 80), -16.1, np.float32), statistics).mean(statistics)
    np.testing.assert_allclose(silent, statistics.prior_mean, atol=1.0)


def test_doubt_needs_a_sure_student_and_no_boundary_nearby():
    labels = np.array([7] * 10 + [26] * 10, np.uint8)
    likely = np.full((20, 43), 0.001)
    likely[np.arange(20), labels] = 0.95
    likely[3, 7], likely[3, 3] = 0.001, 0.95
    likely[10, 26], likely[10, 7] = 0.001, 0.95
    np.testing.assert_array_equal(np.flatnonzero(doubtful_frames(np.log(likely).astype(np.float32), labels)), [3])


def test_teacher_habits_are_taken_out():
    spans = [PhoneSpan("sil", 0.0, 0.3), PhoneSpan("m", 0.3, 0.4), PhoneSpan("a", 0.4, 0.6), PhoneSpan("sil", 0.6, 1.0)]
    times = [(span.phone, round(span.start_s, 3), round(span.end_s, 3)) for span in centred(spans)]
    assert times == [("sil", 0.0, 0.327), ("m", 0.327, 0.41), ("a", 0.41, 0.582), ("sil", 0.582, 1.0)]
    assert centred([]) == []
