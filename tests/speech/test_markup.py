# SPDX-License-Identifier: GPL-3.0-or-later
import pytest

from backend.core.errors import SynthesisError
from backend.speech.markup import Stretch, stretches_of


@pytest.mark.parametrize("text", ["Hello.", "a < b & c > d", "3 <5", "<i>no tag of ours</i>", "breaks > prosody"])
def test_plain_text_is_untouched(text):
    assert stretches_of(text) == [Stretch(text)]


def test_pauses():
    assert stretches_of('Wait.<break time="300ms"/>Go <break time=".5s"/><break strength="weak"/>now') == [
        Stretch("Wait.", pause_s=0.3), Stretch("Go ", pause_s=0.65), Stretch("now"),
    ]  # fmt: skip
    assert stretches_of("<speak><s>One</s><s>two</s></speak>") == [
        Stretch("One", pause_s=0.25),
        Stretch("two", pause_s=0.25),
    ]


def test_pace_and_pitch_nest():
    text = (
        '<prosody rate="80%">a<prosody rate="fast" pitch="+2st">b</prosody></prosody> <prosody pitch="-50%">c</prosody>'
    )
    slow, both, low = stretches_of(text)
    assert (slow.text, slow.speed, slow.pitch) == ("a", 0.8, 0.0)
    assert (both.text, both.speed, both.pitch) == ("b ", pytest.approx(0.8 * 1.33), 2.0)
    assert (low.text, low.speed, low.pitch) == ("c", 1.0, -12.0)
    assert stretches_of('<prosody rate="+20%">x</prosody>')[0].speed == pytest.approx(1.2)


def test_words_broken_by_a_tag_stay_words():
    assert "".join(s.text for s in stretches_of('un<prosody rate="slow">believ</prosody>able')) == "unbelievable"


def test_what_is_written_as_an_entity_is_a_character():
    assert stretches_of('<speak>Tom &amp; I <sub alias="doctor">Dr.</sub></speak>') == [Stretch("Tom & I doctor")]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('<!DOCTYPE s [<!ENTITY a "b">]><speak>&a;</speak>', "refused"),
        ('<!DOCTYPE s SYSTEM "file:///etc/passwd"><speak>a</speak>', "refused"),
        ("<speak><![CDATA[a]]></speak>", "refused"),
        ("<?xml version='1.0'?><speak>a</speak>", "refused"),
        ("<speak>&lol;</speak>", "not well-formed"),
        ("Hello <prosody>there", "not well-formed"),
        ("Hello <break/> AT&T", "&amp;"),
        ("<speak>a</speak><break/>", "not well-formed"),
        ("<speak><audio src='http://x'/></speak>", "<audio> is unknown"),
        ("<break time='soon'/>", "300ms"),
        ("<break time='11s'/>", "0 to 10"),
        ("<break strength='huge'/>", "strong"),
        ("<prosody rate='9'>a</prosody>", "0.5 to 2.5"),
        ("<prosody rate='slow'><prosody rate='0.6'>a</prosody></prosody>", "0.5 to 2.5"),
        ("<prosody pitch='+99st'>a</prosody>", "-12 to 12"),
        ("<prosody pitch='-100%'>a</prosody>", "0.5 to 2"),
        ("<prosody volume='loud'>a</prosody>", "it takes pitch, rate"),
        ("<prosody>" * 40 + "a" + "</prosody>" * 40, "nested"),
        ("<prosody>" * 50_000 + "a" + "</prosody>" * 50_000, "nested"),
        ("\0<break/>", "not well-formed"),
        ("\ud800<break/>", "not well-formed"),
    ],
)  # fmt: skip
def test_bad_markup_is_told(text, word):
    with pytest.raises(SynthesisError, match=word):
        stretches_of(text)
