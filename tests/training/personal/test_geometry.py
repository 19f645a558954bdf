# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import numpy as np
import pytest
import torch

from backend.core.errors import VideoError
from backend.core.face import lip_gap_cm, mouth_width_cm
from backend.core.lips import gap_weights, width_weights
from backend.inference.bundle import open_bundle
from backend.models.lipsync3d import GeometryConfig, GeometryNet, at_times
from backend.training.personal.clips import load_clips
from backend.training.personal.ear import Ear, changed_voice, quiet
from backend.training.personal.geometry import predict_clip, train_geometry
from backend.training.personal.loop import Checkpoint, train
from backend.training.personal.loop_settings import LoopSettings
from backend.training.personal.targets import fit_basis, rest_cm

from .conftest import SHORT, bits, gap_correlation


@pytest.fixture(scope="module")
def trained(clips, ear):
    return train_geometry(*clips[:1], ear, SHORT, clips[1])


def test_values_lie_linearly_between_the_steps_and_are_held_at_the_ends():
    track = torch.arange(10.0).reshape(1, 1, 10)
    assert at_times(track, torch.tensor([[0.5, 3.25, -1.0, 20.0]]))[0, :, 0].tolist() == [0.5, 3.25, 0.0, 9.0]


def test_the_basis_gives_back_what_it_was_made_of(clips):
    moves = [clip.displacement_cm for clip in clips[0].clips]
    basis = fit_basis(moves, 40, 3.0)
    move = moves[0]
    again = basis.displacement_cm(basis.coefficients(move))
    assert np.abs(again - move).max() < 0.05
    neutral = clips[0].neutral_cm
    gap_mm = basis.coefficients(move) @ basis.readout(gap_weights()) + basis.mean_mm @ gap_weights()
    assert gap_mm == pytest.approx((lip_gap_cm(again + neutral) - lip_gap_cm(neutral)) * 10, abs=1e-3)
    width_mm = basis.coefficients(move) @ basis.readout(width_weights()) + basis.mean_mm @ width_weights()
    assert width_mm == pytest.approx((mouth_width_cm(again + neutral) - mouth_width_cm(neutral)) * 10, abs=0.5)
    assert lip_gap_cm(neutral + rest_cm(moves, neutral)) < 0.05


def test_sentences_that_were_not_learnt_are_followed(trained, ear, clips):
    assert gap_correlation(trained, ear, clips[1], SHORT.network.latent) > 0.7  # five sentences, seconds of training


def test_silence_rests(trained, ear, clips):
    clip = replace(clips[1].clips[0], log_mel=quiet(300, np.random.default_rng(9)), times_s=np.arange(50) / 25)
    found, _ = predict_clip(trained, ear, clip)
    rest = rest_cm([one.displacement_cm for one in clips[0].clips], trained.neutral_cm)
    assert np.abs(found - rest).mean() < 0.05
    assert np.ptp(lip_gap_cm(found + trained.neutral_cm)) < 0.3


def test_the_same_seed_gives_the_same_network_and_another_another(clips, ear):
    few = replace(SHORT, loop=replace(SHORT.loop, steps=6))
    first, second = (train_geometry(clips[0], ear, few).net for _ in range(2))
    assert bits(first) == bits(second)
    other = train_geometry(clips[0], ear, replace(few, loop=replace(few.loop, seed=1))).net
    assert bits(first) != bits(other)


@pytest.mark.parametrize("stops", [(3, 11), (1, 8), (10, 12)])
def test_a_run_that_was_killed_goes_on_to_the_same_bits(clips, ear, tmp_path, stops):
    settings = replace(SHORT, loop=LoopSettings(steps=15, batch=4, validate_every=5, checkpoint_every=1))
    whole = train_geometry(*clips[:1], ear, settings, clips[1]).net

    class KilledError(Exception):
        pass

    for stop in stops:

        def kill(share, _line, stop=stop):
            if round(share * 15) == stop:
                raise KilledError

        with pytest.raises(KilledError):
            train_geometry(*clips[:1], ear, settings, clips[1], Checkpoint(tmp_path / "run.safetensors", "key"), kill)
    again = train_geometry(*clips[:1], ear, settings, clips[1], Checkpoint(tmp_path / "run.safetensors", "key")).net
    assert bits(whole) == bits(again)


def test_a_checkpoint_of_another_run_or_a_damaged_one_is_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    net = torch.nn.Linear(2, 1)

    def loss(module, rng):
        return (module(torch.from_numpy(rng.normal(size=(4, 2))).float()) ** 2).mean()

    train(net, loss, None, LoopSettings(steps=2), Checkpoint(path, "one"))
    with pytest.raises(VideoError, match="other data or settings"):
        train(net, loss, None, LoopSettings(steps=2), Checkpoint(path, "two"))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(VideoError, match="damaged checkpoint"):
        train(net, loss, None, LoopSettings(steps=2), Checkpoint(path, "one"))


def test_training_stops_where_held_out_clips_no_longer_gain():
    net, values = torch.nn.Linear(1, 1), iter([3.0, 2.0, 2.5, 2.5, 1.0])
    lines = []
    train(
        net,
        lambda module, _rng: (module(torch.ones(1, 1)) ** 2).mean(),
        lambda _module: next(values),
        LoopSettings(steps=50, validate_every=1, patience=2),
        report=lambda _share, line: lines.append(line),
    )
    assert len(lines) == 4


def test_every_front_answers_at_50_hz(clips):
    clip = clips[0].clips[0]
    for front in ("speech", "mel", "spectrogram"):
        heard = Ear(open_bundle(), front).hear(clip)
        latent, coefficients = GeometryNet(GeometryConfig(front=front))(torch.from_numpy(heard)[None])
        steps = heard.shape[-1] // (2 if front == "spectrogram" else 1)
        assert latent.shape == (1, 128, steps)
        assert coefficients.shape == (1, 40, steps)
        assert abs(steps * 0.02 - clip.times_s[-1]) < 0.2


def test_a_changed_voice_keeps_time_and_changes_colour(clips):
    mel = clips[0].clips[0].log_mel
    changed = changed_voice(mel, np.random.default_rng(0))
    assert changed.shape == mel.shape
    assert np.abs(changed - mel).mean() > 0.1
    loud = mel.mean(axis=1) > np.quantile(mel.mean(axis=1), 0.3)
    assert np.corrcoef(changed.mean(axis=1)[loud], mel.mean(axis=1)[loud])[0, 1] > 0.75  # noise fills the valleys


def test_a_folder_without_training_data_is_told(tmp_path):
    with pytest.raises(VideoError, match="run `python -m backend prepare`"):
        load_clips(tmp_path)
