# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs lipsync3d[training]")

from backend.core.blendshapes import ARKIT_INDEX, ARKIT_NAMES
from backend.core.blendshapes import mirrored as other_side
from backend.core.face import vertices_from_weights
from backend.core.lips import lip_vertices
from backend.core.types import PhoneSpan
from backend.motion.performance import Performance
from backend.speech.phones import PHONE_INDEX
from backend.training.evaluation.lip_motion import at_50_hz, lips_mm, mirrored
from backend.training.evaluation.lip_reader import PhoneErrors, ReaderSettings, changed, edits, read_clip, train_reader
from backend.training.evaluation.speech_time import Word
from backend.training.evaluation.word_reader import SLOTS, WordReader, chances, shares, spoken

SAID = ("m", "a", "f", "u", "i", "w")
PHONE_S = 0.15


def spoken_clip(seed):
    """A face that says eight of a few phones that look different, and their times."""
    rng = np.random.default_rng(seed)
    names = ["sil", *(SAID[index] for index in rng.integers(0, len(SAID), 8)), "sil"]
    names = [name for index, name in enumerate(names) if index == 0 or name != names[index - 1]]
    spans = [PhoneSpan(name, PHONE_S * i, PHONE_S * (i + 1)) for i, name in enumerate(names)]
    times = np.arange(0, PHONE_S * len(names), 0.04)
    return Performance(spans, PHONE_S * len(names)).displacement_cm(times), times, spans


@pytest.fixture(scope="module")
def reader():
    clips = [read_clip(*spoken_clip(seed)) for seed in range(40)]
    settings = ReaderSettings()
    return train_reader(clips, (), replace(settings, loop=replace(settings.loop, steps=150)))


@pytest.mark.parametrize(
    ("found", "said", "count"),
    [([1, 2, 3], [1, 2, 3], 0), ([], [1, 2], 2), ([1, 2], [], 2), ([1, 3], [1, 2, 3], 1), ([2, 1], [1, 2], 2),
     ([5, 1, 2, 3, 9], [1, 7, 3], 3)],
)  # fmt: skip
def test_edits_are_the_fewest(found, said, count):
    assert edits(np.array(found, int), np.array(said, int)) == count


def test_errors_add_up_over_clips():
    assert (PhoneErrors(3, 10) + PhoneErrors(1, 10)).rate == pytest.approx(0.2)
    assert np.isnan(PhoneErrors().rate)


def test_lips_are_brought_to_50_hz_from_any_rate():
    for fps in (24, 25, 60):
        times = 0.3 + np.arange(2 * fps) / fps
        found = at_50_hz((10 * times)[:, None].astype(np.float32), times, 0.3)
        assert found[:, 0] == pytest.approx(3 + 0.2 * np.arange(len(found)), abs=1e-4)
        assert len(found) == pytest.approx(100, abs=3)


def test_the_mirror_image_of_a_smile_to_the_left_is_one_to_the_right():
    weights = np.zeros((1, len(ARKIT_NAMES)), np.float32)
    weights[0, ARKIT_INDEX["mouthSmileLeft"]] = 1
    right = np.zeros_like(weights)
    right[0, ARKIT_INDEX[other_side("mouthSmileLeft")]] = 1
    left, right = (lips_mm(vertices_from_weights(one)) for one in (weights, right))
    assert np.abs(mirrored(left) - right).max() < 0.05
    assert np.abs(left - right).max() > 3
    assert mirrored(mirrored(left)) == pytest.approx(left)
    assert left.shape == (1, 3 * len(lip_vertices()))


def test_a_clip_that_is_changed_says_the_same():
    clip = read_clip(*spoken_clip(3))
    for seed in range(5):
        other = changed(clip, ReaderSettings(), np.random.default_rng(seed))
        assert other.text is clip.text
        kept = other.labels[np.flatnonzero(np.diff(other.labels, prepend=-1))]
        assert kept[kept != 0].tolist() == clip.text.tolist()
        assert len(other.lips_mm) == len(other.labels) == pytest.approx(len(clip.labels), rel=0.2)


def test_what_is_said_is_read_from_lips_that_say_it_and_not_from_others(reader):
    own, others, still = PhoneErrors(), PhoneErrors(), PhoneErrors()
    for seed in range(100, 110):
        face, times, spans = spoken_clip(seed)
        said = np.array([PHONE_INDEX[span.phone] for span in spans if span.phone != "sil"])
        own += reader.errors(face, times, said)
        others += reader.errors(*spoken_clip(seed + 50)[:2], said)
        still += reader.errors(np.zeros_like(face), times, said)
    assert own.rate < 0.35
    assert others.rate > own.rate + 0.3
    assert still.rate > 0.8


def sentence(words, rng):
    """Lips that move on an axis and with a course of their own for each word, noise on top."""
    times = np.arange(0, 0.4 * len(words), 0.04)
    face = 0.02 * rng.standard_normal((len(times), 468, 3))
    said = []
    for index, word in enumerate(words):
        start, end = 0.4 * index, 0.4 * (index + 1)
        inside = (times >= start) & (times < end)
        number = int(word[1:])
        bump = np.sin(np.pi * (times[inside] - start) / 0.4)
        face[inside, lip_vertices()[number] :, number % 3] += bump[:, None]
        said.append(Word(start, end, word))
    return spoken(face.astype(np.float32), times, said)


def test_words_are_told_from_their_lips_and_not_from_anothers():
    rng = np.random.default_rng(0)

    def sentences(count):
        return [sentence([f"{slot[0]}{rng.integers(4)}" for slot in SLOTS], rng) for _ in range(count)]

    reader, judged = WordReader(known := sentences(60)), sentences(30)
    assert min(shares([reader.right(clip) for clip in judged]).values()) > 0.9
    swapped = [replace(a, lips_mm=b.lips_mm) for a, b in zip(judged, judged[1:] + judged[:1], strict=True)]
    assert np.mean(list(shares([reader.right(clip) for clip in swapped]).values())) < 0.4
    assert set(chances(known).values()) == {0.25}
    assert reader.right(replace(judged[0], words=judged[0].words[:3])) == {}
    assert shares([{}, {}]) == {}
