# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from backend.audio import loudness
from backend.audio.loudness import integrated_lufs, normalised, true_peak_dbtp


def tone(level_db, duration_s, sample_rate=48000, hz=997):
    return 10 ** (level_db / 20) * np.sin(2 * np.pi * hz * np.arange(round(duration_s * sample_rate)) / sample_rate)


def joined(*levels_and_times, sample_rate=48000):
    return np.concatenate([tone(*one, sample_rate) for one in levels_and_times]).astype(np.float32)


def test_the_filters_are_those_of_the_standards_table():
    """BS.1770-4 tables 1 and 2 state both filters at 48 kHz."""
    z = np.exp(-2j * np.pi * np.arange(513) / 1024)
    shelf = (1.53512485958697 - 2.69169618940638 * z + 1.19839281085285 * z**2) / (
        1 - 1.69065929318241 * z + 0.73248077421585 * z**2
    )
    high_pass = (1 - 2 * z + z**2) / (1 - 1.99004745483398 * z + 0.99007225036621 * z**2)
    np.testing.assert_allclose(loudness._k_weighting(1024, 48000), shelf * high_pass, atol=1e-9)


@pytest.mark.parametrize("sample_rate", [22050, 44100, 48000])
def test_a_full_scale_tone_is_minus_3_in_one_channel(sample_rate):
    assert integrated_lufs(joined((0.0, 3.0), sample_rate=sample_rate), sample_rate) == pytest.approx(-3.01, abs=0.04)


@pytest.mark.parametrize(
    "parts",
    [
        [(-23.0, 20.0)],
        [(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)],
        [(-72.0, 10.0), (-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0), (-72.0, 10.0)],
        [(-26.0, 20.0), (-20.0, 20.1), (-26.0, 20.0)],
    ],
)
def test_the_gates_by_ebus_test_signals(parts):
    """EBU Tech 3341, cases 1 and 3 to 5: two channels of these are -23.0 LUFS, so one is 3.01 LU less."""
    assert integrated_lufs(joined(*parts), 48000) == pytest.approx(-26.01, abs=0.1)


def test_the_peak_between_samples_is_found():
    """EBU Tech 3341, case 16 and its kin: a quarter of the sample rate at 45 degrees peaks between the samples."""
    sound = (0.5 * np.sin(np.pi / 2 * np.arange(48000) + np.pi / 4)).astype(np.float32)
    assert 20 * np.log10(np.abs(sound).max()) == pytest.approx(-9.03, abs=0.01)
    assert true_peak_dbtp(sound[1000:-1000]) == pytest.approx(-6.0, abs=0.4)


def test_chunks_change_nothing(monkeypatch):
    sound = np.random.default_rng(0).normal(size=100_000).astype(np.float32)
    whole = integrated_lufs(sound, 22050)
    monkeypatch.setattr(loudness, "FILTER_LENGTH", 1 << 15)
    assert integrated_lufs(sound, 22050) == pytest.approx(whole, abs=1e-6)


@pytest.mark.parametrize(("lufs", "peak"), [(-23.0, -1.0), (-16.0, -1.0), (-16.0, -6.0)])
def test_sound_reaches_its_loudness_under_its_peak(lufs, peak):
    rng = np.random.default_rng(1)
    swell = np.repeat(rng.uniform(0.2, 1.0, 40), 2205)
    sound = (0.05 * rng.normal(size=88200) * swell).astype(np.float32)
    made = normalised(sound, 22050, lufs, peak)
    assert integrated_lufs(made, 22050) == pytest.approx(lufs, abs=0.1)
    assert true_peak_dbtp(made) <= peak + 1e-4


def test_without_high_peaks_it_is_a_gain_and_nothing_else():
    sound = joined((-30.0, 2.0))
    made = normalised(sound, 48000, -26.0, -1.0)
    np.testing.assert_allclose(made, sound * (made[100] / sound[100]), rtol=1e-4)


@pytest.mark.parametrize("size", [0, 1, 5000])
def test_silence_stays_silence(size):
    silence = np.zeros(size, np.float32)
    assert integrated_lufs(silence, 22050) == -np.inf
    assert true_peak_dbtp(silence) == -np.inf
    np.testing.assert_array_equal(normalised(silence, 22050, -23.0, -1.0), silence)


def test_a_sound_shorter_than_a_block_is_one_block():
    short = joined((-20.0, 0.2))
    assert integrated_lufs(normalised(short, 48000, -23.0, -1.0), 48000) == pytest.approx(-23.0, abs=0.05)
