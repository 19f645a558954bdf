# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E402 - what the extras bring is imported after the check that they are there
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the training extra (torch)")
pytest.importorskip("espeakng_loader", reason="needs the speech extra (espeakng-loader)")

import json
import shutil
from dataclasses import replace

from backend.audio.normalise import Statistics, mean_sum, running_mean
from backend.core.errors import BundleError
from backend.core.types import PhoneSpan
from backend.inference.bundle import find_bundle, open_bundle
from backend.inference.decoder import DecoderSettings, calibrated
from backend.models.universal import EncoderConfig, SpeechEncoder
from backend.speech.phones import PHONES
from backend.training.universal import augment, hard_cases, loop
from backend.training.universal.__main__ import HELD_OUT, main
from backend.training.universal.articulation import feature_loss
from backend.training.universal.calibrate import calibration_error, with_calibration
from backend.training.universal.crops import CROP_FRAMES, IGNORED, CropSampler, Guide, Normaliser, groups_of
from backend.training.universal.data import (
    HELD_OUT_LIST,
    HELD_OUT_TEXTS_LIST,
    REAL_LIST,
    frame_labels,
    joined,
    listed,
    load_corpus,
    pack,
    without,
)
from backend.training.universal.evaluate import Rates, compare
from backend.training.universal.flite import spans_of_durations
from backend.training.universal.labels import centred
from backend.training.universal.loop import TrainConfig, batch_loss, class_weights, statistics_of, train
from backend.training.universal.relabel import doubtful_frames, misheard_frames
from backend.training.universal.rounds import load_checkpoint, save_checkpoint
from backend.training.universal.synthetic import lines, synthetic_speech, without_joints

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def corpus():
    return pack(synthetic_speech(6, seed=4))


def sampler_of(corpus, seed):
    return CropSampler(corpus, groups_of(corpus, [("synthetic", 1.0)]), Normaliser(statistics_of(corpus)), seed)


def test_tiny_network_learns(corpus, monkeypatch):
    reports = []
    monkeypatch.setattr(loop, "REPORT_EVERY", 50)
    config = TrainConfig(steps=100, batch=4, learning_rate=4e-3, half=False)
    torch.manual_seed(1)
    start = SpeechEncoder(EncoderConfig(channels=32, dilations=(1, 2), dropout=0.0))
    train(sampler_of(corpus, 1), class_weights(corpus), start, config, lambda _, line: reports.append(line))
    first, last = (float(line.split()[3]) for line in reports)
    assert last < 0.93 * first


def test_same_seed_same_crops(corpus):
    one, two, other = (sampler_of(corpus, seed).batch(2).inputs for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert one.shape == (2, CROP_FRAMES, 80)
    assert np.isfinite(one).all()
    assert (one.shape == other.shape) and not np.array_equal(one, other)
    assert list(lines(5, 3)) == list(lines(5, 3))


def test_a_guide_speaks_where_no_label_is(corpus):
    labels = corpus.labels.copy()
    labels[: corpus.offsets[3]] = IGNORED
    heard = np.log(np.eye(43, dtype=np.float16)[corpus.labels] + np.float16(1e-3))
    guide = Guide(heard, np.full(len(labels), 0.25, np.float32))
    batch = sampler_of(replace(corpus, labels=labels), 5).guided(guide).batch(12)
    spoken = batch.share > 0
    np.testing.assert_array_equal(batch.share[spoken & (batch.labels == IGNORED)], 1.0)
    known = spoken & (batch.labels != IGNORED)
    np.testing.assert_array_equal(batch.share[known], 0.25)
    np.testing.assert_array_equal(batch.posteriors.argmax(-1)[known], batch.labels[known])
    said = torch.from_numpy(np.log(batch.posteriors + 1e-3)).log_softmax(-1)
    weights, config = class_weights(corpus), TrainConfig()
    wrong = torch.roll(said, 5, dims=-1)
    assert batch_loss(said, batch, weights, config) < batch_loss(wrong, batch, weights, config)


def test_features_forgive_p_for_b_but_not_m_for_n():
    said = torch.full((3, 43), -9.0)
    said[range(3), [PHONES.index(phone) for phone in "bmn"]] = 5.0
    said = said.log_softmax(-1)
    every, none = torch.ones(1), torch.zeros(1)
    lost = {
        phones: float(feature_loss(said["bmn".index(phones[0])][None], torch.tensor([PHONES.index(phones[1])]), every))
        for phones in ("bp", "nm", "mm")
    }
    assert lost["mm"] < 0.01 < lost["bp"] < lost["nm"]
    assert float(feature_loss(said[:1], torch.tensor([IGNORED]), none)) == 0.0


@pytest.mark.parametrize("change", [hard_cases.whispered, hard_cases.overdriven, augment.with_reverb])
def test_changed_recordings_keep_their_times(corpus, change):
    mel, labels = corpus.utterance(0)
    changed = change(mel, np.random.default_rng(2))
    assert changed.shape == mel.shape
    assert np.isfinite(changed).all()
    loudness = changed.mean(axis=1)
    assert loudness[labels != 0].mean() > loudness[labels == 0].mean() + 0.5


def test_music_fills_the_crop_with_lines():
    noise = hard_cases.music(300, np.random.default_rng(1))
    assert noise.shape == (300, 80)
    assert np.isfinite(noise).all()
    assert noise.mean(axis=0).std() > 0.3
    np.testing.assert_array_equal(hard_cases.bands_of(np.array([1.0, 7900.0])), [0, 79])


def test_a_running_mean_ends_as_the_whole_mean(corpus):
    mel, statistics = corpus.utterance(0)[0], statistics_of(corpus)
    so_far = running_mean(mel, statistics)
    np.testing.assert_allclose(so_far[-1], mean_sum(mel, statistics).mean(statistics), atol=1e-4)
    np.testing.assert_allclose(so_far[40], running_mean(mel[:41], statistics)[-1], atol=1e-5)
    second = running_mean(mel[50:], statistics, mean_sum(mel[:50], statistics))
    np.testing.assert_allclose(second, so_far[50:], atol=1e-4)


def test_words_not_heard_are_not_learnt_but_missed_sounds_are():
    labels = np.repeat(np.array([26, 7, 34, 9, 20, 12, 30, 3], np.uint8), 12)
    likely = np.full((len(labels), 43), 1e-3)
    likely[np.arange(len(labels)), labels] = 0.9
    likely[24:36, 34], likely[24:36, 35] = 1e-3, 0.9
    assert not misheard_frames(np.log(likely).astype(np.float32), labels).any()
    likely[48:, :] = 1e-3
    likely[48:, 41] = 0.9
    wrong = misheard_frames(np.log(likely).astype(np.float32), labels)
    assert wrong[60:].all()
    assert not wrong[:40].any()


def test_flite_tells_its_times():
    told = "pau:0.200 p:0.300 ay:0.500 pau:0.600 \n2 m:0.700 pau:0.750 pau:0.900 "
    times = [(span.phone, round(span.end_s, 3)) for span in spans_of_durations(told)]
    assert times == [("sil", 0.2), ("p", 0.3), ("a", 0.42), ("ɪ", 0.5), ("sil", 0.6), ("m", 0.7), ("sil", 0.9)]


def test_what_is_held_out_is_not_trained_on(corpus):
    texts = {"a/x/1.opus": "one", "a/x/2.opus": "two", "a/y/1.opus": "three"}
    rest = without(corpus, corpus.names[1:3])
    assert rest.names == (corpus.names[0], *corpus.names[3:])
    np.testing.assert_array_equal(rest.utterance(1)[0], corpus.utterance(3)[0])
    held, real = listed(HELD_OUT_TEXTS_LIST, texts), listed(REAL_LIST, texts)
    assert held
    assert not set(held) & set(real)
    assert not set(listed(HELD_OUT_LIST)) & set(real)


def test_a_checkpoint_brings_its_size(tmp_path):
    encoder = SpeechEncoder(EncoderConfig(channels=16, dilations=(1, 2), ahead=(1, 0))).eval()
    save_checkpoint(tmp_path / "x.pt", encoder, TrainConfig(steps=7))
    again, config = load_checkpoint(tmp_path / "x.pt")
    assert (again.config, config["steps"]) == (encoder.config, 7)
    mel = torch.randn(1, 20, 80)
    with torch.inference_mode():
        torch.testing.assert_close(again(mel), encoder(mel))
    with pytest.raises(BundleError, match="train that round first"):
        load_checkpoint(tmp_path / "y.pt")


def test_confidence_is_learnt_from_what_is_right():
    draw = np.random.default_rng(3)
    said = draw.uniform(0.05, 0.99, 20_000).astype(np.float32)
    right = draw.random(20_000) < calibrated(said, (0.7, -0.4))
    settings = with_calibration(DecoderSettings(), [(said, right)])
    np.testing.assert_allclose(settings.calibration, (0.7, -0.4), atol=0.05)
    assert calibration_error((said, right), settings.calibration) < 0.02 < calibration_error((said, right), (1.0, 0.0))


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


def test_the_f_score_leans_to_recall():
    rates = Rates(found=9, labelled=10, true=9, predicted=18)
    assert rates.f_score(1.0) == rates.f1 == pytest.approx(2 * 0.9 * 0.5 / 1.4)
    assert rates.f_score(2.0) == pytest.approx(5 * 9 / (5 * 9 + 4 * 1 + 9))  # (1+β²)·TP / ((1+β²)·TP + β²·FN + FP)
    assert rates.f_score(1e3) == pytest.approx(rates.recall, abs=1e-5)


def test_tuning_again_sets_the_decoder_and_leaves_the_network(corpus, tmp_path, monkeypatch):
    shipped, bundle = find_bundle("universal"), tmp_path / "mine"
    shutil.copytree(shipped, bundle)
    for name in HELD_OUT:
        corpus.save(tmp_path / f"{name}.npz")
    monkeypatch.setattr("sys.argv", ["universal", "tune", "--run", str(tmp_path), "--bundle", str(bundle)])
    assert main() == 0
    assert (bundle / "model.onnx").read_bytes() == (shipped / "model.onnx").read_bytes()
    before, after = (json.loads((folder / "config.json").read_text()) for folder in (shipped, bundle))
    assert after["provenance"]["training"] == before["provenance"]["training"]
    assert after["decoder"]["calibration"] != before["decoder"]["calibration"]
    assert after["provenance"]["held_out"]["held_out"].keys() == {"pbm", "fv", "sil"}
    assert open_bundle(bundle).name == "mine"


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
