# SPDX-License-Identifier: GPL-3.0-or-later
import contextlib
import subprocess
import sys
import unicodedata
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("espeakng_loader", reason="needs the speech extra (espeakng-loader)")

from backend.core.errors import SynthesisError
from backend.speech.engines import Delivery, open_engine
from backend.speech.espeak import engine
from backend.speech.markup import stretches_of
from backend.speech.phones import PHONES, SILENCE
from backend.speech.plain_text import spoken_text
from backend.speech.synthesis import shares_of_event
from backend.speech.voices import find_voice, language_of

BREATHY = "en-us+whisper"
PROGRAM = """
import hashlib, sys
from backend.speech.espeak import engine
for text in sys.argv[1:]:
    print(hashlib.sha256(engine().speak(text, "en-us+whisper", 160, 50).samples.tobytes()).hexdigest())
"""

WITHOUT_NUMBERS = {
    "trk/cv": "Пӗр иккӗ виҫҫӗ тӑваттӑ пиллӗк улттӑ ҫиччӗ саккӑр.",
    "iro/chr": "Osiyo, tohitsu, wado, tsalagi gawonihisdi, agwaduliha ama.",
    "art/sjn": "Mae govannen, mellon nin, i menel na anor.",
}
"""Voices that know no words for numbers."""


def say(text, **delivery):
    return open_engine().say(stretches_of(text), Delivery(**delivery))


def labels(said):
    return "".join(span.phone for span in said.spans if span.phone != SILENCE)


def test_a_text_sounds_the_same_whatever_came_before_and_wherever():
    first = engine().speak("Mum made five.", BREATHY, 160, 50)
    engine().speak("Der Apfel ist rot.", "de", 300, 20)
    np.testing.assert_array_equal(engine().speak("Mum made five.", BREATHY, 160, 50).samples, first.samples)
    digests = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM, *texts], capture_output=True, text=True, check=True
        ).stdout.split()
        for texts in (["Mum made five."], ["Bob", "Mum made five."])
    ]
    assert digests[0][-1] == digests[1][-1]


def test_a_text_that_ends_the_library_is_an_error_and_no_more():
    """Greenlandic's 8 ends the process of eSpeak NG 1.52; a later version may read it."""
    with contextlib.suppress(SynthesisError):
        assert labels(say("8", voice="kl"))
    assert labels(say("Bob", voice="en-us")) == "bɑb"
    engine()._process.kill()
    with pytest.raises(SynthesisError, match="breaks down at 'Mum'"):
        engine().speak("Mum", "en-us", 160, 50)
    assert labels(say("Bob", voice="en-us")) == "bɑb"


def test_a_text_without_end_is_ended(monkeypatch):
    monkeypatch.setattr("backend.speech.espeak.PATIENCE_S", 0.05)
    monkeypatch.setattr("backend.speech.espeak.PATIENCE_A_CHARACTER_S", 0.0)
    with pytest.raises(SynthesisError, match="breaks down"):
        engine().speak("many words " * 20_000, "en-us", 160, 50)


@pytest.mark.parametrize("voice", engine().voices, ids=lambda voice: voice.identifier)
def test_every_voice_speaks_and_its_phones_are_known(voice):
    """Numbers are words in every language; what is no letter of IPA leaves no gap in the speech."""
    text = WITHOUT_NUMBERS.get(voice.identifier, "1 2 3 4 5 6 7 9 11 12 13 71 1111.")
    spoken = engine().speak(text, voice.identifier, 160, 50)
    unknown = {
        (letter, label)
        for _, label in spoken.events
        if not label.startswith("(") and label.strip("-_:;|'") and not shares_of_event(label, voice.identifier)
        for letter in label
        if unicodedata.category(letter) in ("Lu", "Ll", "Lo") and letter not in "ʔ"
    }
    assert unknown == set()
    said = say(text, voice=voice.identifier)
    assert len(labels(said)) > 25
    assert {span.phone for span in said.spans} <= set(PHONES)


@pytest.mark.parametrize(
    ("label", "phones"),
    [
        ("ʔ", []), ("ʲ", []), ("(en)", []), ("ˈS", ["ʃ"]), ("dZ", ["dʒ"]), ("ᵐ", ["m"]), ("ʦ", ["t", "s"]),
        ("ũ", ["u"]), ("ç", ["x"]), ("ŋ̩", ["ŋ"]), ("d͡zʲ", ["d", "z"]), ("t`", ["t"]), ("", ["sil"]), ("_:", ["sil"]),
        ("onɡ", ["o", "ŋ"]),
    ],
)  # fmt: skip
def test_labels_of_rare_voices(label, phones):
    assert [phone for phone, _ in shares_of_event(label, "trk/ky")] == phones


@pytest.mark.parametrize(
    ("code", "identifier"),
    [
        ("en-us", "gmw/en-US"), ("EN_us", "gmw/en-US"), ("en", "gmw/en"), ("en-GB", "gmw/en"), ("German", "gmw/de"),
        ("de-AT", "gmw/de"), ("zh-CN", "sit/cmn"), ("no", "gmq/nb"), ("fr-fr", "roa/fr"), ("fr-CA", "roa/fr"),
        ("pt-BR+f2", "roa/pt-BR+f2"), ("ru", "zle/ru"),
    ],
)  # fmt: skip
def test_codes_that_people_write(code, identifier):
    assert find_voice(code) == identifier


@pytest.mark.parametrize(
    "code", ["", "xx", "klingonese", "../../etc/passwd", "+f3", "en\0us", "\udcff", "jp", "de-elvish"]
)
def test_unknown_voices_are_told(code):
    with pytest.raises(SynthesisError, match="unknown to eSpeak NG"):
        find_voice(code)
    assert "unknown" in open_engine().fingerprint(Delivery(code or "none"))


def test_an_unknown_speaker_is_told():
    with pytest.raises(SynthesisError, match=r"no speaker 'nobody'.*\+f1"):
        find_voice("en-us+nobody")


def test_the_language_of_a_voice():
    assert [language_of(code) for code in ("German+f2", "en-us", "cmn", "pt-br")] == ["de", "en", "cmn", "pt"]


def test_a_pause_is_as_long_as_written():
    for speed in (1.0, 2.0):
        said = say('My mum <break time="700ms"/> made pie.', speed=speed)
        longest = max((s for s in said.spans[1:-1] if s.phone == SILENCE), key=lambda s: s.end_s - s.start_s)
        assert longest.end_s - longest.start_s == pytest.approx(0.7, abs=0.05)
        assert labels(said) == labels(say("My mum, made pie."))


def test_pace_changes_only_its_words():
    plain, slow = say("Bob, Mum, Pam"), say('Bob, <prosody rate="0.6">Mum,</prosody> Pam')

    def length(said, phone):
        return sum(span.end_s - span.start_s for span in said.spans if span.phone == phone)

    assert length(slow, "ʌ") > 1.3 * length(plain, "ʌ")
    assert length(slow, "æ") == pytest.approx(length(plain, "æ"), rel=0.1)


@pytest.mark.parametrize("pitch", [-12.0, -6.0, 5.0, 12.0])
def test_pitch_rises_and_falls_without_changing_the_pace(pitch):
    text = "Our many men rely on melons all the morning."
    plain, moved = say(text), say(text, pitch=pitch)
    assert fundamental_hz(moved) / fundamental_hz(plain) == pytest.approx(2 ** (pitch / 12), rel=0.12)
    assert len(moved.samples) == pytest.approx(len(plain.samples), rel=0.06)
    assert moved.spans[-1].end_s == pytest.approx(len(moved.samples) / moved.sample_rate, abs=1e-3)


def fundamental_hz(said):
    """Median over voiced frames of the strongest lag of the autocorrelation."""
    lags = []
    for first in range(0, len(said.samples) - 2048, 512):
        frame = said.samples[first : first + 2048]
        if np.sqrt(np.square(frame).mean()) > 0.03:
            product = np.correlate(frame, frame, "full")[2047:]
            low, high = said.sample_rate // 450, said.sample_rate // 45
            lags.append(low + int(product[low:high].argmax()))
    return said.sample_rate / float(np.median(lags))


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("hel\u200blo \ufeffthere", "hello there"), ("\u202ehello\u202c there", "hello there"),
        ("hello 🎉🎉 there 👩‍🚀", "hello there"), ("hello\x07 there\x1b[2J", "hello there[2J"),
        ("hello\r\n\tthere", "hello  there"), ("cafe\u0301", "café"), ("map \ud800", "map"),
    ],
)  # fmt: skip
def test_what_is_not_seen_is_not_said(text, same):
    assert labels(say(text)) == labels(say(same))


@pytest.mark.parametrize(
    "text", ["", " \n", "😀", "...?!", "\u200b\u200e", "\ud800", "👨‍👩‍👧‍👦🇩🇪", "— … «»", "<break/>"]
)
def test_nothing_to_say_is_told(text):
    with pytest.raises(SynthesisError, match="nothing to say"):
        say(text)


def test_joiners_stay_where_letters_need_them():
    assert spoken_text("می\u200cخواهم") == "می\u200cخواهم"
    assert spoken_text("ab\u200ccd") == "abcd"


@pytest.mark.parametrize(
    ("text", "voice", "word"),
    [
        ("مرحبا بالعالم", "en-us", "Arabic"), ("שלום", "de", "he"), ("привет", "fr", "Cyrillic"),
        ("東京", "ja", "Cjk"), ("नमस्ते", "ta", "hi"),
    ],
)  # fmt: skip
def test_letters_of_another_language_are_told(text, voice, word):
    with pytest.raises(SynthesisError, match=f"does not read.*{word}"):
        say(text, voice=voice)


def test_a_foreign_word_among_others_is_spelled_and_told():
    assert "spells 3 Cyrillic letters" in say("The word is мир, as they say.").notes[0]


@pytest.mark.parametrize(
    ("text", "voice"), [("Hello world", "ru"), ("مرحبا", "ar"), ("こんにちは", "ja"), ("Привет", "uk")]
)
def test_letters_a_voice_knows_are_read(text, voice):
    assert len(labels(say(text, voice=voice))) > 3


def test_what_is_out_of_range_is_told_at_once():
    delivery = Delivery("qq", speed=float("nan"), pitch=13)
    assert [one.split()[0] for one in open_engine().problems(delivery)] == ["speed", "pitch", "voice"]
    assert "speaks de, but the language is fr" in open_engine().problems(Delivery("de", "fr"))[0]
    assert open_engine().problems(Delivery("en-us", "en-gb")) == []
    with pytest.raises(SynthesisError, match="espeak-ng, piper, or a command"):
        open_engine("festival")


def test_ten_thousand_characters():
    text = "The quick brown fox bumps a lazy puppy, and Bob maps it. " * 176
    said = say(text[:10_000])
    assert sum(span.phone in {"b", "p", "m"} for span in said.spans) == pytest.approx(10 * 10_000 / 57, abs=5)
    assert all(after.start_s == pytest.approx(before.end_s, abs=1e-6) for before, after in pairwise(said.spans))
    with pytest.raises(SynthesisError, match="at most 100000"):
        spoken_text("a" * 100_001)
