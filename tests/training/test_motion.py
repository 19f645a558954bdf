# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E402 - what the extras bring is imported after the check that they are there
import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the training extra (torch)")
pytest.importorskip("scipy", reason="needs the training extra (scipy)")

from backend.core.face import canonical_face, lip_gap_cm, mouth_width_cm
from backend.core.types import PhoneSpan
from backend.motion import contacts
from backend.motion.coarticulation import MARGIN_S, STEP_S, phone_shares
from backend.motion.ear import Corrections, Ear
from backend.motion.parameters import phonetic_parameters
from backend.motion.performance import Performance
from backend.motion.spreading import widened, width_rows
from backend.motion.targets import GAP, JAW, PUCKER, SMILE
from backend.motion.timeline import timeline
from backend.speech.phones import PHONE_INDEX, PHONES
from backend.training.motion.ear import inputs, solved, sums_of
from backend.training.motion.fit import fit
from backend.training.motion.lessons import Lesson
from backend.training.motion.model import Coarticulation, batch_of, kinship
from backend.training.motion.takes import Take, support_s

pytestmark = pytest.mark.training

HEARD = ["t", "i", "s", "ə", "n", "ɑ", "k", "u", "b", "l", "ɛ"]
"""Phones of the made-up film; no other is said."""


def spans_of(seed, count=25):
    rng = np.random.default_rng(seed)
    edges = 0.3 + np.concatenate([[0], np.cumsum(rng.uniform(0.06, 0.15, count))])
    return [PhoneSpan(str(p), a, b) for p, a, b in zip(rng.choice(HEARD, count), edges, edges[1:], strict=False)]


def take_of(seed, parameters):
    """A speaker half as large again, who moves by some parameters."""
    spans = spans_of(seed)
    times = np.arange(0, spans[-1].end_s + 0.3, 0.04)
    line = timeline(spans, float(times[-1]))
    performance = Performance(spans, float(times[-1]), parameters=parameters)
    neutral = canonical_face().neutral_cm
    mesh = neutral + performance.displacement_cm(times)
    seen = np.stack(
        [
            15 * lip_gap_cm(mesh),
            -15 * (mesh - neutral)[:, 152, 1],
            15 * (mouth_width_cm(mesh) - mouth_width_cm(neutral)),
        ]
    )
    rules = [contacts.closures(line).amount(times), contacts.tooth_contacts(line).amount(times)]
    shares = phone_shares(line, -MARGIN_S, round((times[-1] + 2 * MARGIN_S) / STEP_S) + 1).astype(np.float32)
    awake = 1 - contacts.rests(line).amount(times)
    return Take(str(seed), shares, times, seen.astype(np.float64), np.ones(len(times)), np.stack([*rules, awake]))


@pytest.fixture(scope="module")
def moved():
    """Phonetics, but the speaker opens i wide and ɑ little, and moves late."""
    parameters = phonetic_parameters()
    parameters.targets[PHONE_INDEX["i"], GAP] *= 1.6
    parameters.targets[PHONE_INDEX["ɑ"], GAP] *= 0.7
    late = dataclasses.replace(parameters.timing[0], lead_s=parameters.timing[0].lead_s - 0.02)
    return dataclasses.replace(parameters, timing=(late, *parameters.timing[1:]))


def test_the_learning_model_moves_as_the_real_one():
    take = take_of(1, phonetic_parameters())
    with torch.no_grad():
        gap = Coarticulation(phonetic_parameters())(batch_of([take]))[0, 0].numpy()
    np.testing.assert_allclose(gap, take.seen[0] / 1.5, atol=0.25)


def test_a_fit_finds_the_speaker_and_leaves_the_rest_to_phonetics(moved):
    takes = [take_of(seed, moved) for seed in range(12)]
    prior = phonetic_parameters()
    found = fit(takes, prior, steps=40).parameters
    ratio = found.targets[:, GAP] / prior.targets[:, GAP]
    assert ratio[PHONE_INDEX["i"]] / ratio[PHONE_INDEX["ɑ"]] > 1.6
    assert found.timing[0].lead_s < prior.timing[0].lead_s - 0.005
    unheard = [PHONE_INDEX[phone] for phone in ("f", "ʃ", "r")]
    np.testing.assert_allclose(found.targets[unheard], prior.targets[unheard], rtol=0.02)
    again = fit(takes, prior, steps=40).parameters
    np.testing.assert_array_equal(found.targets, again.targets)


def test_more_trust_stays_nearer_to_phonetics(moved):
    takes, prior = [take_of(seed, moved) for seed in range(4)], phonetic_parameters()
    far = [np.abs(fit(takes, prior, trust, 25).parameters.targets - prior.targets).max() for trust in (0.5, 5, 500)]
    assert far[0] > far[1] > far[2]
    assert far[2] < 0.6


def test_support_counts_what_is_said():
    takes = [take_of(seed, phonetic_parameters()) for seed in range(3)]
    said = np.zeros(len(PHONES))
    for seed in range(3):
        for span in spans_of(seed):
            said[PHONE_INDEX[span.phone]] += span.end_s - span.start_s
    np.testing.assert_allclose(support_s(takes)[1:], said[1:], atol=0.02)


def test_every_phone_has_kin():
    np.testing.assert_array_equal(kinship().sum(axis=0), 1)


def test_widening_makes_the_mouth_wider_by_so_much():
    tracks = np.zeros((4, 7))
    tracks[:, PUCKER], tracks[:, SMILE] = [0.4, 0.0, 0.1, 0.0], [0.0, 0.2, 0.0, 0.0]
    by_mm = np.array([3.0, -3.0, 5.0, -6.0])
    rows = width_rows()
    np.testing.assert_allclose((widened(tracks, by_mm) - tracks) @ rows, by_mm, atol=1e-9)
    assert rows[GAP] == 0
    assert rows[JAW] < 0
    np.testing.assert_array_equal(widened(tracks, np.zeros(4)), tracks)


def random_ear(seed):
    rng = np.random.default_rng(seed)
    return Ear(rng.normal(0, 0.01, (11, 86, 3)).astype(np.float32), rng.normal(0, 0.1, 3).astype(np.float32))


def random_posteriors(seed, count=300):
    rng = np.random.default_rng(seed)
    scores = 4 * rng.normal(size=(count, len(PHONES)))
    return (scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)).astype(np.float32)


def corrections(ear, pieces):
    gathered = Corrections(ear)
    for piece in pieces:
        gathered.extend(piece)
    return gathered.so_far()


def test_corrections_do_not_depend_on_the_pieces():
    ear, posteriors = random_ear(1), random_posteriors(2)
    whole = corrections(ear, [posteriors])
    assert whole.shape == (300, 3)
    for cuts in ([1, 2, 3], [7, 150], [299]):
        np.testing.assert_allclose(corrections(ear, np.split(posteriors, cuts)), whole, atol=1e-5)


def test_silence_is_corrected_by_the_constant_alone():
    silence = np.full((100, len(PHONES)), -20.0, np.float32)
    silence[:, 0] = 0
    ear = random_ear(3)
    still = corrections(ear, [silence])
    np.testing.assert_allclose(still, np.broadcast_to(still[0], still.shape), atol=1e-6)


def test_what_is_learnt_is_what_is_used():
    """Lessons made by a known ear teach it again, as far as prediction sees."""
    ear = random_ear(4)
    lessons = []
    for seed in range(8):
        posteriors = random_posteriors(10 + seed)
        times = np.arange(0, 3, 0.01)
        missing = corrections(ear, [posteriors]).astype(np.float64)
        lessons.append(Lesson(posteriors, times, np.ones(300), missing, np.ones(300)))
    learnt = solved(sums_of(lessons), penalty=1e-3)
    fresh = random_posteriors(99)
    np.testing.assert_allclose(corrections(learnt, [fresh]), corrections(ear, [fresh]), atol=0.02)
    assert inputs(fresh, np.array([0.5])).shape == (1, 947)
    nothing = solved(sums_of(lessons), penalty=1e12)
    assert np.abs(corrections(nothing, [fresh])).max() < 0.01
