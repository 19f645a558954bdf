# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from backend.audio.decode import load_mono
from backend.audio.features import SAMPLE_RATE
from backend.inference.bundle import open_bundle
from backend.inference.live import LiveAnimator, animate_live
from backend.inference.live_ear import LiveEar, LiveSettings
from backend.speech.phones import PHONE_INDEX, SILENCE
from benchmarks.voice import spoiled

pytest.importorskip("onnxruntime", reason="needs lipsync3d[inference]")


@pytest.fixture(scope="module")
def bundle():
    return open_bundle()


@pytest.fixture(scope="module")
def samples(speech):
    return load_mono(speech)[: int(1.5 * SAMPLE_RATE)]


def frames(bundle, blocks):
    return list(animate_live(LiveAnimator(bundle), blocks))


def blocks_of(samples, sizes):
    ends = np.cumsum(sizes)
    return np.split(samples, ends[ends < len(samples)])


def test_any_blocks_give_the_same_frames_bit_for_bit(bundle, samples):
    whole = frames(bundle, [samples])
    assert [frame.time_s for frame in whole] == [index / 30 for index in range(46)]
    draws = np.random.default_rng(3)
    for sizes in ([160] * 200, draws.integers(0, 2000, 100), [1, 7, 12_345, 1, 1]):
        again = frames(bundle, blocks_of(samples, sizes))
        assert [(frame.phone, frame.confidence) for frame in again] == [(f.phone, f.confidence) for f in whole]
        assert all(np.array_equal(a.weights, b.weights) for a, b in zip(again, whole, strict=True))


def test_a_frame_comes_no_later_than_promised_and_hears_no_further(bundle, samples):
    animator = LiveAnimator(bundle)
    assert animator.look_ahead_s <= 0.12
    block = SAMPLE_RATE // 100
    for first in range(0, SAMPLE_RATE, block):
        list(animator.push(samples[first : first + block]))
        due = (first + block) / SAMPLE_RATE - animator.look_ahead_s
        assert animator.frames >= np.floor(due * 30)
    changed = samples.copy()
    changed[SAMPLE_RATE:] = 0
    until = 1.0 - animator.look_ahead_s
    for ours, theirs in zip(frames(bundle, [samples]), frames(bundle, [changed]), strict=True):
        if ours.time_s < until:
            assert np.array_equal(ours.weights, theirs.weights)


def test_memory_does_not_grow_with_the_sound(bundle, samples):
    ear = LiveEar(bundle, LiveSettings())
    held = []
    for _ in range(4):
        list(ear.push(samples))
        held.append(ear.held_frames)
    assert max(held) == held[1]


def test_silence_is_rest(bundle):
    assert not any(frame.weights.any() for frame in frames(bundle, [np.zeros(SAMPLE_RATE, np.float32)]))


def spoken(bundle, samples):
    """Share of 10 ms in which a phone is heard."""
    ear = LiveEar(bundle, LiveSettings())
    return np.mean([settled.phone != PHONE_INDEX[SILENCE] for settled in [*ear.push(samples), *ear.finish()]])


def test_music_alone_hardly_moves_the_mouth_and_speech_over_music_does(speech):
    bundle = open_bundle("universal-live")
    music = spoiled.music(8 * SAMPLE_RATE, np.random.default_rng(21))
    voice = load_mono(speech)[: 2 * SAMPLE_RATE]
    over = voice + 0.3 * music[: len(voice)] * voice.std() / music.std()
    assert spoken(bundle, music) < 0.05
    assert spoken(bundle, over.astype(np.float32)) > 0.9 * spoken(bundle, voice) > 0.3
