# SPDX-License-Identifier: GPL-3.0-or-later
import pytest

from backend.inference.words import WordDecoder, available

pytestmark = pytest.mark.skipif(not available(), reason="needs pocketsphinx")


def test_what_was_heard_before_changes_nothing():
    """Down to the times: a batch is the same in any order and process."""
    from backend.speech.synthesis import synthesise

    sounds = [synthesise(text)[0] for text in ("My brother Bob.", "Mama and papa bought a boat.", "Five boxes.")]
    decoder = WordDecoder()

    def heard(sound):
        words = decoder.words(sound)
        return words, [(one.word, one.start_frame, one.end_frame, one.ascore) for one in decoder._decoder.seg()]

    alone = [WordDecoder().words(sound) for sound in sounds]
    first = [heard(sound) for sound in sounds]
    for index in (2, 0, 1, 1, 2, 0):
        assert heard(sounds[index]) == first[index]
    assert [words for words, _ in first] == alone
