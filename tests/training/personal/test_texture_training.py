# SPDX-License-Identifier: GPL-3.0-or-later
"""The texture's training, on a made-up speaker whose mouth's colour follows the latent."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from backend.core.face import canonical_face
from backend.dataset.shards import SHARD_VERSION, write_tensors
from backend.models.texture import TextureConfig
from backend.normalise.light_field import EPS
from backend.normalise.mouth_window import mouth_window
from backend.training.personal.clips import Clips, TrainClip
from backend.training.personal.loop import Checkpoint
from backend.training.personal.loop_settings import LoopSettings
from backend.training.personal.texture import TrainedTexture, predict_texture, train_texture
from backend.training.personal.texture_basis import fit_pictures
from backend.training.personal.texture_clips import reference_atlas, texture_clips
from backend.training.personal.texture_losses import PictureLoss, structure
from backend.training.personal.texture_settings import TextureLosses, TextureSettings, texture_preset

SIZE, FRAMES, GAIN = 64, 30, 0.4
SETTINGS = TextureSettings(
    network=TextureConfig(hidden=32, components=6, dropout=0.0),
    loop=LoopSettings(steps=60, batch=4, learning_rate=1e-2, averaging=0.9, validate_every=20, checkpoint_every=7),
    frames=4,
)


def speaker(folder, count=4, seed=0):
    """Clips and latents [T, 5]: the first number makes the mouth redder, the second its lower half brighter."""
    rng = np.random.default_rng(seed)
    mouth = mouth_window(SIZE)
    skin = rng.integers(90, 160, (SIZE, SIZE, 3)).astype(np.float32)
    skin = np.repeat(np.repeat(skin[::4, ::4], 4, axis=0), 4, axis=1)
    clips, latents = [], []
    for index in range(count):
        heard = np.cumsum(rng.normal(0, 0.4, (FRAMES, 5)), axis=0).astype(np.float32)
        heard = np.tanh(heard)
        atlases = np.repeat(skin[None], FRAMES, axis=0)
        window = atlases[:, mouth.rows, mouth.columns]
        window[..., 0] += 40 * heard[:, :1, None] * mouth.mouth
        window[:, mouth.height // 2 :] += (40 * heard[:, 1, None, None] * mouth.mouth[mouth.height // 2 :])[..., None]
        path = folder / f"clip{index}.safetensors"
        arrays = {
            "atlas": np.clip(atlases, 0, 255).round().astype(np.uint8),
            "visibility": np.full((FRAMES, 16, 16), 255, np.uint8),
            "gain": np.full((FRAMES, 16, 16, 3), GAIN, np.float16),
        }
        write_tensors(path, arrays, {"version": SHARD_VERSION})
        times_s = np.arange(FRAMES) / 25
        still = np.zeros((FRAMES, 468, 3), np.float32)
        shot = np.zeros(FRAMES, np.int32)
        empty = np.zeros((0, 80), np.float32), np.zeros(0, np.int16)
        clips.append(TrainClip(f"clip{index}", path, times_s, shot, still, *empty))
        latents.append(heard)
    return Clips(folder, canonical_face().neutral_cm, tuple(clips), "digest"), latents


def mean_error(predicted, clip):
    return float(np.abs(predicted.astype(float) - texture_clips(clip)[0].pictures.transpose(0, 2, 3, 1)).mean())


def test_it_learns_how_the_mouth_follows_the_sound_and_predicts_from_its_own_answers(tmp_path):
    clips, latents = speaker(tmp_path)
    model = train_texture(clips.only(range(3)), latents[:3], SETTINGS, (clips.only([3]), latents[3:]))
    still = np.repeat(model.reference_atlas[mouth_window(SIZE).rows, mouth_window(SIZE).columns][None], FRAMES, axis=0)
    learnt = mean_error(predict_texture(model, latents[3]), clips.only([3]))
    assert learnt < 0.35 * mean_error(still, clips.only([3]))
    assert learnt < 1.5
    long = predict_texture(model, np.tile(latents[3], (40, 1))).reshape(40, FRAMES, -1).astype(int)
    assert np.abs(long[-1] - long[1]).max() <= 1, "the same sound again looks the same again, however late"


def test_a_run_that_was_killed_goes_on_to_the_same_bits(tmp_path):
    clips, latents = speaker(tmp_path, 2)
    settings = replace(SETTINGS, loop=replace(SETTINGS.loop, steps=24))
    whole = train_texture(clips, latents, settings)
    for killed_at in (5, 8, 17):
        run = Checkpoint(tmp_path / f"run{killed_at}.safetensors", "key")

        def kill(share, _line, at=killed_at):
            if round(share * 24) == at:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train_texture(clips, latents, settings, None, run, kill)
        again = train_texture(clips, latents, settings, None, run)
        for name, value in whole.net.state_dict().items():
            assert torch.equal(value, again.net.state_dict()[name]), name


@pytest.mark.parametrize("autoregressive", [True, False])
def test_the_switches_of_the_ablations_reach_the_network(tmp_path, autoregressive):
    clips, latents = speaker(tmp_path, 2)
    settings = replace(SETTINGS, loop=replace(SETTINGS.loop, steps=2), autoregressive=autoregressive)
    model = train_texture(clips, latents, settings)
    assert model.net.config.code == (2 if autoregressive else 0)
    assert model.net.config.latent == 5
    assert isinstance(model, TrainedTexture)
    assert len(model.graph()) > 1000


def test_light_put_back_is_the_light_that_was_taken_out(tmp_path):
    clips, _ = speaker(tmp_path, 1)
    out, filmed = texture_clips(clips)[0].pictures / 255, texture_clips(clips, light_out=False)[0].pictures / 255
    assert np.abs(filmed - np.clip(np.exp(np.log(out + EPS) - GAIN) - EPS, 0, 1)).max() <= 0.51 / 255 + 1e-4
    assert reference_atlas(clips, light_out=False).mean() < reference_atlas(clips).mean() - 20


def test_the_reference_is_the_median_of_closed_frames_where_they_are_seen(tmp_path):
    clips, _ = speaker(tmp_path, 1)
    (clip,) = clips.clips
    lower = np.zeros((FRAMES, 468, 3), np.float32)
    lower[20:, canonical_face().landmarks["lip_inner_lower"], 1] = -1.0
    atlas = np.full((FRAMES, SIZE, SIZE, 3), 100, np.uint8)
    atlas[20:] = 200
    atlas[:5] = 7
    visibility = np.full((FRAMES, 16, 16), 255, np.uint8)
    visibility[:5, :8] = 0
    visibility[:, 15] = 0
    write_tensors(clip.path, {"atlas": atlas, "visibility": visibility}, {"version": SHARD_VERSION})
    moved = Clips(clips.folder, clips.neutral_cm, (replace(clip, displacement_cm=lower),), "digest")
    assert (reference_atlas(moved) == 100).all()


def test_the_basis_finds_the_pictures_that_all_others_are_made_of():
    rng = np.random.default_rng(4)
    parts = rng.normal(0, 30, (3, 3, 16, 16))
    made = 128 + np.einsum("tk,kcij->tcij", rng.uniform(-1, 1, (90, 3)), parts)
    pictures = np.clip(made, 0, 255).round().astype(np.uint8)
    seen = np.full((90, 16, 16), 255, np.uint8)
    mean, components = fit_pictures([pictures], [seen], np.full((3, 16, 16), 128, np.uint8), np.ones((16, 16)), 5)
    off = (pictures.reshape(90, -1).astype(np.float32) - 128) / 255 - mean
    coefficients, *_ = np.linalg.lstsq(components[:3].T, off.T, rcond=None)
    assert np.abs(off - coefficients.T @ components[:3]).mean() < 0.004
    assert np.allclose((coefficients**2).mean(axis=1), 1, atol=0.02)


def test_losses_are_nothing_for_the_truth_and_heed_what_is_seen():
    mouth = torch.zeros(16, 16)
    mouth[4:12, 4:12] = 1
    measure = PictureLoss(torch.full((3, 16, 16), 0.5), mouth, TextureLosses())
    wanted = torch.rand(1, 2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) - 0.5
    seen = torch.zeros(1, 2, 16, 16)
    seen[..., :8] = 1
    assert float(measure(wanted, wanted, seen)) == pytest.approx(0, abs=1e-6)
    left, right, outside = wanted.clone(), wanted.clone(), wanted.clone()
    left[..., 6:10, 5:7] += 0.2
    right[..., 6:10, 9:11] += 0.2
    outside[..., 13:15, 5:9] += 0.2
    assert float(measure(left, wanted, seen)) > 2 * float(measure(right, wanted, seen))
    assert float(measure(left, wanted, seen)) > 4 * float(measure(outside, wanted, seen))


def test_structural_similarity_agrees_with_an_independent_implementation():
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(5)
    a, b = rng.random((2, 24, 24))

    def blur(picture):
        return gaussian_filter(picture, 1.5, truncate=2.0)[3:-3, 3:-3]

    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b, both = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2, blur(a * b) - mean_a * mean_b
    expected = (2 * mean_a * mean_b + 1e-4) * (2 * both + 9e-4)
    expected /= (mean_a**2 + mean_b**2 + 1e-4) * (var_a + var_b + 9e-4)
    found = structure(torch.from_numpy(a)[None], torch.from_numpy(b)[None])[0].numpy()
    assert np.allclose(found, expected, atol=1e-6)


def test_losses_stay_in_full_precision_where_networks_compute_in_half():
    measure = PictureLoss(torch.full((3, 16, 16), 0.5), torch.ones(16, 16), TextureLosses())
    found, wanted = torch.rand(2, 1, 2, 3, 16, 16, generator=torch.Generator().manual_seed(1)) - 0.5
    seen = torch.ones(1, 2, 16, 16)
    plain = measure(found, wanted, seen)
    with torch.autocast("cpu", torch.bfloat16):
        assert float(measure(found, wanted, seen)) == float(plain)


def test_presets():
    assert texture_preset("full").network.components > texture_preset("fast").network.components
    assert texture_preset("fast", seed=7, device="cuda").loop.seed == 7
