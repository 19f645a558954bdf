# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from backend.inference import alignment
from backend.inference.alignment import align_words
from backend.inference.chains import FILLER, Costs, Word, chain_of_words
from backend.inference.reading import Known, asks_words, drawn_to, explained, fit, trust_in
from backend.inference.transcript import english, words_of_text
from backend.inference.words import available, pieces_at
from backend.speech.phones import PHONE_INDEX, PHONES

COSTS = Costs(filler=20.0, filler_frame=1.0, word_skip=15.0, voicing=2.0, weak_vowel=0.5, vowel=1.5)
MAMA, BABY = Word(("m", "a", "m", "a")), Word(("b", "e", "b", "i"))
LONG = Word(("f", "ɔ", "t", "ʃ", "k", "n", "z", "s"))


def posteriors(phones, frames_each=10, sure=0.9):
    """Log posteriors [T, P] of phones that follow each other."""
    path = np.repeat([PHONE_INDEX[phone] for phone in phones], frames_each)
    likely = np.full((len(path), len(PHONES)), (1 - sure) / (len(PHONES) - 1))
    likely[np.arange(len(path)), path] = sure
    return np.log(likely).astype(np.float32)


def said(phones, words):
    aligned = align_words(posteriors(phones), chain_of_words(words, COSTS))
    labels = aligned.labels
    firsts = np.flatnonzero(np.concatenate([[True], labels[1:] != labels[:-1]]))
    return [PHONES[label] if label != FILLER else "?" for label in labels[firsts]]


def test_what_is_said_and_written_is_found():
    assert said(["sil", *MAMA.phones, "sil", *BABY.phones, "sil"], [MAMA, BABY]) == [
        "sil", "m", "a", "m", "a", "sil", "b", "e", "b", "i", "sil",
    ]  # fmt: skip


def test_a_word_that_is_not_said_is_passed_over():
    found = said(["sil", *MAMA.phones, *BABY.phones, "sil"], [MAMA, LONG, BABY])
    assert "f" not in found
    assert [phone for phone in found if phone in "mb"] == ["m", "m", "b", "b"]


def test_what_is_not_written_goes_to_the_filler():
    other = ["s", "ɪ", "k", "s", "t", "i", "θ", "r", "i"]
    found = said(["sil", *MAMA.phones, *other, *BABY.phones, "sil"], [MAMA, BABY])
    assert [*found[:5], "?", *found[-5:]] == ["sil", "m", "a", "m", "a", "?", "b", "e", "b", "i", "sil"]


def test_the_other_voicing_and_a_weak_vowel_will_do():
    assert said(["sil", "p", "ə", "b", "i", "sil"], [BABY]) == ["sil", "b", "e", "b", "i", "sil"]


def test_settling_early_finds_the_same_path(monkeypatch):
    sound = posteriors(["sil", *(MAMA.phones + BABY.phones) * 20, "sil"])
    chain = chain_of_words([MAMA, BABY] * 20, COSTS)
    whole = align_words(sound, chain).path
    monkeypatch.setattr(alignment, "LAG_FRAMES", 120)
    np.testing.assert_array_equal(align_words(sound, chain).path, whole)


def test_words_that_fit_are_trusted_and_draw_the_reading():
    right = posteriors(["sil", *MAMA.phones * 6, "sil"], sure=0.7)
    wrong = posteriors(["sil", *["s", "u", "k", "i"] * 6, "sil"], sure=0.7)
    chain = chain_of_words([MAMA] * 6, Costs())
    trusts = {}
    for name, sound in (("right", right), ("wrong", wrong)):
        aligned = align_words(sound, chain)
        trusts[name] = trust_in(sound, aligned)
        drawn = drawn_to(sound, aligned, trusts[name])
        np.testing.assert_allclose(np.exp(drawn).sum(axis=1), 1.0, atol=1e-5)
    assert trusts["right"][10:-10].min() > 3
    assert trusts["wrong"][10:-10].max() < 0.1
    aligned = align_words(right, chain)
    assert fit(right, aligned).mean() > -0.1
    assert explained(aligned, right.argmax(axis=1).astype(np.uint8)) > 0.9


def test_sounds_that_english_leaves_out_may_be_missing():
    must = english(Word(("m", "ʌ", "s", "t")), "b")
    assert [cost < 100 for cost in must.optional] == [False, False, False, True]
    assert not english(Word(("m", "ʌ", "s", "t")), "a").optional
    assert [cost < 100 for cost in english(Word(("h", "ɪ", "z")), "b").optional] == [True, False, False]


def test_words_are_those_of_the_text():
    pytest.importorskip("espeakng_loader", reason="needs lipsync3d[speech]")
    words = words_of_text("My baby, five!")
    assert [word.text for word in words] == ["My", "baby", "five"]
    assert [word.pause for word in words] == [False, True, True]
    assert words[1].phones == ("b", "e", "ɪ", "b", "i")


def test_pieces_are_cut_at_pauses_and_bounded():
    silent = np.zeros(10_000, np.bool_)
    silent[[*range(2000, 2040), *range(4500, 4590), *range(5000, 5010)]] = True
    pieces = pieces_at(silent, 100)
    assert pieces[0] == (0, 2020)
    assert pieces[1] == (2020, 4545)
    assert [end for _, end in pieces[:-1]] == [first for first, _ in pieces[1:]]
    assert pieces[-1][1] == 10_000
    assert max(end - first for first, end in pieces) <= 3000


def test_words_are_decoded_of_english_without_a_text_alone():
    assert asks_words(Known()) == available()
    assert asks_words(Known(language="en-gb")) == available()
    for known in (Known(language="de"), Known(text="Hello."), Known(quality="fast")):
        assert not asks_words(known)
