# SPDX-License-Identifier: GPL-3.0-or-later
"""A speaker whose motion is known: sentences spoken by the synthesiser, the face moved by their exact phones."""

import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs lipsync3d[training]")
pytest.importorskip("soxr", reason="needs lipsync3d[inference]")

import soxr

from backend.audio.features import SAMPLE_RATE, log_mel
from backend.core.face import canonical_face, lip_gap_cm
from backend.dataset.manifest import MANIFEST
from backend.dataset.shards import SHARD_VERSION, Shard, write_shard, write_tensors
from backend.inference.bundle import open_bundle
from backend.motion.performance import Performance
from backend.speech.synthesis import synthesise
from backend.training.personal.clips import load_clips
from backend.training.personal.ear import Ear
from backend.training.personal.geometry import predict_clip
from backend.training.personal.settings import GeometrySettings, LoopSettings

SENTENCES = (
    "Five wooden boats were moved before the summer fog.",
    "Please bring both umbrellas, the weather often changes.",
    "My mother bought a big blue map of the moon.",
    "How many people may push the heavy piano up?",
    "The fox jumped over a wall and over the moor.",
    "Both of them believe that plums make the best jam.",
    "Papa made a huge loaf, and we ate it by the fire.",
    "You may leave the box open, but move the vase.",
)
SIZE, FPS = 64, 25
SHORT = GeometrySettings(loop=LoopSettings(steps=60, batch=6, validate_every=20, checkpoint_every=10), voices=1)


def spoken_shard(text, seed):
    """Return a shard of one sentence; its atlas darkens between the lips as the mouth opens."""
    sound, rate, phones = synthesise(text)
    samples = soxr.resample(sound, rate, SAMPLE_RATE).astype(np.float32)
    duration_s = len(samples) / SAMPLE_RATE
    times = np.arange(int(duration_s * FPS)) / FPS
    displacement = Performance(phones, duration_s).displacement_cm(times)
    neutral, count = canonical_face().neutral_cm, len(times)
    opening = displacement[:, 13, 1] - displacement[:, 14, 1]
    rng = np.random.default_rng(seed)
    atlas = np.full((count, SIZE, SIZE, 3), 150, np.uint8) + rng.integers(0, 4, (count, SIZE, SIZE, 3), np.uint8)
    atlas[:, 44:50, 26:38] -= (np.clip(opening, 0, 1) * 100).astype(np.uint8)[:, None, None, None]
    return Shard(
        times_s=times,
        frame_index=np.arange(count, dtype=np.int32),
        frame_status=np.zeros(count, np.uint8),
        shot=np.zeros(count, np.int32),
        displacement_cm=displacement.astype(np.float32),
        neutral_cm=neutral.copy(),
        pose_scale=np.ones(count),
        pose_rotation=np.broadcast_to(np.eye(3), (count, 3, 3)).copy(),
        pose_translation=np.zeros((count, 3)),
        lens=np.array([0.0, 0.0, np.inf, 1.0]),
        atlas=atlas,
        visibility=np.full((count, SIZE // 4, SIZE // 4), 255, np.uint8),
        gain=np.zeros((count, SIZE // 4, SIZE // 4, 3), np.float16),
        samples=np.round(samples * 32767).astype(np.int16),
        sound_start_s=np.zeros(1),
        log_mel=log_mel(samples),
    )


def bits(net):
    """Return the weights of a network."""
    return b"".join(value.numpy().tobytes() for value in net.state_dict().values())


def gap_correlation(trained, ear, clips, latent):
    """Return how the opening of the lips follows the true one, over clips; the latent is so many values a frame."""
    gaps = []
    for clip in clips.clips:
        found, latents = predict_clip(trained, ear, clip)
        assert latents.shape == (len(clip.times_s), latent)
        true, guess = (lip_gap_cm(move + trained.neutral_cm) for move in (clip.displacement_cm, found))
        gaps.append(np.corrcoef(true, guess)[0, 1])
    return np.mean(gaps)


@pytest.fixture(scope="session")
def ear():
    return Ear(open_bundle(), "speech")


@pytest.fixture(scope="session")
def shards(tmp_path_factory):
    """Folder of eight clips, the last two to validate on."""
    folder = tmp_path_factory.mktemp("shards")
    entries = []
    for index, text in enumerate(SENTENCES):
        shard = spoken_shard(text, index)
        header = {"version": SHARD_VERSION, "source": f"take{index}.mp4", "frames": {"ok": len(shard.times_s)}}
        write_shard(folder / f"take{index}.safetensors", shard, header)
        side = "validate" if index >= 6 else "train"
        entries.append({"shard": f"take{index}.safetensors", "split": side, "source": f"take{index}.mp4"})
    write_tensors(folder / "speaker.safetensors", {"neutral_cm": canonical_face().neutral_cm.copy()}, {"version": 1})
    manifest = {"format": "lipsync3d.shards", "version": 1, "clips": entries, "frames": {}, "refused": []}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return folder


@pytest.fixture(scope="session")
def clips(shards):
    """Clips to train on and clips held out."""
    return load_clips(shards, "train"), load_clips(shards, "validate")
