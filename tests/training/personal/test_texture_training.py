# SPDX-License-Identifier: GPL-3.0-or-later
"""The texture's training, on a made-up speaker whose mouth's colour follows the latent."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from backend.core.face import canonical_face
from backend.dataset.shards import SHARD_VERSION, write_tensors
from backend.models.texture import TextureConfig
from backend.normalise.layout import atlas_layout
from backend.normalise.light_field import EPS
from backend.normalise.mouth_window import mouth_window
from backend.training.personal.clips import Clips, TrainClip
from backend.training.personal.loop import Checkpoint
from backend.training.personal.loop_settings import LoopSettings
from backend.training.personal.rim import grown_over
from backend.training.personal.texture import TrainedTexture, predict_texture, train_texture
from backend.training.personal.texture_basis import fit_pictures
from backend.training.personal.texture_clips import reference_atlas, texture_clips
from backend.training.personal.texture_settings import TextureSettings, texture_preset

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


def test_a_rim_that_is_seldom_seen_continues_the_skin_and_not_the_wall():
    face = atlas_layout(128).picture(np.ones(len(atlas_layout(128).texels), np.float32)) > 0
    rows = np.arange(128)[:, None]
    skin = np.where(face[..., None], [120, 90, 60] + rows[..., None] // 2, 0).astype(np.uint8)
    seen = np.where(np.arange(128) < 100, face, 0).astype(np.float32)
    seen[60:64, 58:70] = 0  # nostrils
    filmed = np.where((seen < 0.5)[..., None] & face[..., None], [0, 60, 255], skin).astype(np.uint8)
    mended = grown_over(filmed, seen)
    beyond = face & (np.arange(128) >= 100)
    assert np.abs(mended[beyond].astype(int) - skin[beyond]).max() <= 8
    kept = face & (np.arange(128) < 96)
    assert (mended[kept] == filmed[kept]).all()
    assert (mended[~face] == filmed[~face]).all()
    assert (grown_over(filmed, np.zeros_like(seen)) == filmed).all()
    assert (grown_over(skin, face.astype(np.float32)) == skin).all()


def test_the_basis_finds_the_pictures_that_all_others_are_made_of():
    rng = np.random.default_rng(4)
    parts = rng.normal(0, 30, (3, 3, 16, 16))
    made = 128 + np.einsum("tk,kcij->tcij", rng.uniform(-1, 1, (90, 3)), parts)
    pictures = np.clip(made, 0, 255).round().astype(np.uint8)
    seen = np.full((90, 16, 16), 255, np.uint8)
    mouth = np.zeros((16, 16), np.float32)
    mouth[4:12, 4:12] = 1
    basis = fit_pictures([pictures], [seen], np.full((3, 16, 16), 128, np.uint8), mouth, 5)
    coefficients = basis.coefficients(pictures)
    off = (pictures.reshape(90, -1).astype(np.float32) - 128) / 255
    assert np.abs(off - basis.mean - coefficients[:, :3] @ basis.components[:3]).mean() < 0.004
    assert np.allclose((coefficients**2).mean(axis=0), 1, atol=0.02)


def test_errors_of_coefficients_are_errors_of_pictures_where_they_are_seen():
    rng = np.random.default_rng(6)
    pictures = rng.integers(0, 256, (40, 3, 16, 16)).astype(np.uint8)
    seen = np.zeros((40, 16, 16), np.uint8)
    seen[:, :, :8] = 255
    mouth = np.ones((16, 16), np.float32)
    mouth[12:] = 0
    basis = fit_pictures([pictures], [seen], np.full((3, 16, 16), 128, np.uint8), mouth, 8)
    left, right, below = (
        basis.weights.reshape(3, 16, 16)[0, row, column] ** 2 for row, column in ((2, 2), (2, 12), (14, 2))
    )
    assert (left, right, below) == pytest.approx((1.1 * 1.1, 0.1 * 1.1, 1.1 * 0.1), rel=1e-5)
    one, other = rng.normal(0, 1, (2, 8)).astype(np.float32)
    drawn = ((one - other) @ basis.components * basis.weights) ** 2
    assert np.sqrt(drawn.sum() / (basis.weights**2).sum()) == pytest.approx(
        np.sqrt((((one - other) * basis.strengths) ** 2).sum()), rel=1e-3
    )


def test_fewer_pictures_than_components_leave_empty_ones():
    pictures = np.random.default_rng(7).integers(0, 256, (4, 3, 16, 16)).astype(np.uint8)
    seen, whole = np.full((4, 16, 16), 255, np.uint8), np.ones((16, 16), np.float32)
    basis = fit_pictures([pictures], [seen], pictures[0], whole, 9)
    assert (basis.strengths[:3] > 0).all()
    assert (basis.strengths[3:] == 0).all()
    assert (basis.coefficients(pictures)[:, 3:] == 0).all()


def test_presets():
    assert texture_preset("full").network.components > texture_preset("fast").network.components
    assert texture_preset("fast", seed=7, device="cuda").loop.seed == 7
