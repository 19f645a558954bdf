# SPDX-License-Identifier: GPL-3.0-or-later
"""Baselines on a made-up speaker whose face follows the sound by a known law."""

from pathlib import Path

import numpy as np
import pytest

from backend.core.blendshapes import ARKIT_NAMES
from backend.core.face import canonical_face, lip_gap_cm, vertices_from_weights
from backend.training.evaluation.baselines import fit_baselines, loudness, nearest, one_length, ridge
from backend.training.evaluation.metrics import correlation
from backend.training.personal.clips import Clips, TrainClip

LENGTH_S = 3.0


def clip(seed, length_s=LENGTH_S):
    """Sound whose low bands say how wide the jaw is open, and whose high bands how much the lips are pushed forward."""
    rng = np.random.default_rng(seed)
    moments, times = np.arange(round(length_s * 100)) / 100, np.arange(round(length_s * 25)) / 25
    phases, rates = rng.uniform(0, 6, 2), rng.uniform(4, 9, 2)
    log_mel = np.full((len(moments), 80), -8.0, np.float32)
    low, high = (np.sin(rate * moments + phase) for rate, phase in zip(rates, phases, strict=True))
    log_mel[:, :40] += 2 * low[:, None]
    log_mel[:, 40:] += 2 * high[:, None]
    log_mel += rng.normal(0, 0.1, log_mel.shape).astype(np.float32)
    weights = np.zeros((len(times), 52), np.float32)
    weights[:, ARKIT_NAMES.index("jawOpen")] = 0.5 + 0.5 * np.interp(times, moments, low)
    weights[:, ARKIT_NAMES.index("mouthPucker")] = 0.5 + 0.5 * np.interp(times, moments, high)
    none = np.zeros(len(times), np.int32)
    moved = vertices_from_weights(weights)
    return TrainClip(f"clip{seed}", Path("none"), times, none, moved, log_mel, np.zeros(0, np.int16))


def clips(seeds, lengths_s=(LENGTH_S,)):
    made = tuple(clip(seed, lengths_s[seed % len(lengths_s)]) for seed in seeds)
    return Clips(Path("none"), canonical_face().neutral_cm, made, "")


def likeness(predict, judge):
    neutral = canonical_face().neutral_cm
    return correlation(lip_gap_cm(neutral + judge.displacement_cm), lip_gap_cm(neutral + predict(judge)))


def test_ridge_finds_a_linear_law_and_neighbours_nearly():
    known, judge = clips(range(8)), clip(99)
    assert likeness(ridge(known), judge) > 0.95
    assert likeness(nearest(known), judge) > 0.8
    assert np.abs(ridge(known)(judge) - judge.displacement_cm).mean() < 0.3 * np.abs(judge.displacement_cm).mean()


def test_a_neighbour_of_a_known_clip_is_itself():
    known = clips(range(3))
    assert nearest(known)(known.clips[1]) == pytest.approx(known.clips[1].displacement_cm, abs=1e-6)


def test_loudness_follows_the_jaw_where_the_jaw_is_the_sound():
    assert likeness(loudness(clips(range(8))), clip(99)) > 0.5


def test_all_baselines_give_a_face_a_frame_whatever_the_length():
    fitted = fit_baselines(clips(range(4)))
    assert [b.name for b in fitted] == [
        "mean face",
        "average course, no sound",
        "loudness",
        "nearest neighbour",
        "ridge regression",
    ]
    judge = clip(99, 4.0)
    for baseline in fitted:
        predicted = baseline.predict(judge)
        assert predicted.shape == judge.displacement_cm.shape, baseline.name
        assert np.isfinite(predicted).all(), baseline.name


def test_the_average_course_is_the_mean_at_each_time_and_needs_one_length():
    known = clips(range(3))
    course = fit_baselines(known)[1].predict(known.clips[0])
    assert course == pytest.approx(np.mean([one.displacement_cm for one in known.clips], axis=0), abs=1e-5)
    uneven = clips(range(4), (2.0, 3.0))
    assert not one_length(uneven)
    assert "average course, no sound" not in [b.name for b in fit_baselines(uneven)]


def test_one_clip_is_enough():
    assert np.isfinite(ridge(clips([0]))(clip(99))).all()
