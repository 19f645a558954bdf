# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of textures: laws on small pictures."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from backend.normalise.mouth_window import mouth_window
from backend.training.evaluation.texture_metrics import psnr_db, score_texture, ssim

TIMES = np.arange(6) / 25


def pictures(seed=0, size=64):
    """Smooth noise that changes a little from frame to frame."""
    rng = np.random.default_rng(seed)
    base, change = rng.random((size, size, 3)), rng.random((6, size, size, 3))
    rough = gaussian_filter(base[None] + 0.3 * change, (0, 1, 1, 0))
    return (255 * np.clip(rough / rough.max(), 0, 1)).astype(np.uint8)


def test_the_truth_itself_is_perfect():
    score = score_texture(pictures(), pictures(), TIMES)
    assert score.ssim == pytest.approx(1)
    assert score.ms_ssim == pytest.approx(1)
    assert score.sharpness == score.flicker == pytest.approx(1)
    assert score.psnr_db == 99


def test_a_blurred_mouth_is_less_sharp_and_less_alike():
    blurred = gaussian_filter(pictures(), (0, 2, 2, 0))
    score = score_texture(pictures(), blurred, TIMES)
    assert score.sharpness < 0.5
    assert score.ssim < 0.9


def test_a_still_mouth_does_not_flicker_and_a_noisy_one_does():
    true = pictures()
    assert score_texture(true, np.repeat(true[:1], 6, axis=0), TIMES).flicker == 0
    noise = np.random.default_rng(1).normal(0, 30, true.shape)
    assert score_texture(true, np.clip(true + noise, 0, 255).astype(np.uint8), TIMES).flicker > 1.5


def test_flicker_looks_at_neighbours_in_time_only():
    true = pictures()
    true[3:] = 255 - true[3:]
    cut = np.where(np.arange(6) < 3, TIMES, TIMES + 1)
    steady = np.repeat(true[:1], 6, axis=0)
    steady[1::2] += 1
    assert score_texture(true, steady, cut).flicker > 2 * score_texture(true, steady, TIMES).flicker


def test_only_the_mouth_counts():
    true, changed = pictures(), pictures()
    window = mouth_window(64)
    inside = np.zeros((64, 64), bool)
    inside[window.rows, window.columns] = window.mouth > 0
    changed[:, ~inside] = 0
    assert score_texture(true, changed, TIMES).psnr_db == 99
    changed[:, inside] = 0
    assert score_texture(true, changed, TIMES).psnr_db < 20


def test_psnr_and_ssim_by_hand():
    grey, mask = np.full((16, 16), 0.5), np.ones((16, 16), bool)
    assert psnr_db(grey, grey + 0.1, mask) == pytest.approx(20)
    # without structure SSIM is its brightness factor
    assert ssim(grey, grey + 0.1, mask) == pytest.approx((2 * 0.3 + 1e-4) / (0.25 + 0.36 + 1e-4))


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="predicted atlases"):
        score_texture(pictures(), pictures(size=32), TIMES)
