# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from backend.core.errors import TimingError
from backend.core.face import canonical_face, lip_gap_cm
from backend.inference.bundle import open_bundle
from backend.inference.known_phones import write_phones
from backend.inference.predict import CancelledError, Predictor, PredictRequest, known_of
from backend.speech.phones import BILABIAL, LABIODENTAL
from backend.speech.synthesis import synthesise

pytest.importorskip("onnxruntime", reason="needs lipsync3d[inference]")

SPOKEN = "Hello my baby, five funny poems."


@pytest.fixture(scope="module")
def predictor():
    return Predictor(open_bundle())


def test_a_clip_covers_its_sound_whatever_the_chunks(predictor, speech):
    clip = predictor.prepare(PredictRequest(speech, fps=29.97))
    assert clip.duration_s == pytest.approx(4.0)
    assert clip.phones[0].start_s == 0
    assert clip.phones[-1].end_s == pytest.approx(4.0)
    whole, pieces = list(clip.chunks(1e6)), list(clip.chunks(0.5))
    assert len(whole) == 1
    assert len(pieces) > 7
    assert whole[0].times_s[-1] >= 4.0
    for name in ("times_s", "displacement_cm", "confidence"):
        joined = np.concatenate([getattr(piece, name) for piece in pieces])
        np.testing.assert_allclose(joined, getattr(whole[0], name), atol=1e-6)
    assert 0 <= whole[0].confidence.min() <= whole[0].confidence.max() <= 1


def test_known_phones_are_used_as_they_are(predictor, speech, spans, tmp_path):
    write_phones(tmp_path / "phones.json", spans)
    clip = predictor.prepare(PredictRequest(speech, phones=tmp_path / "phones.json"))
    assert [span.phone for span in clip.phones] == [span.phone for span in spans] + ["sil"]
    (m,) = [span for span in spans if span.phone == "m"][:1]
    times = np.array([(m.start_s + m.end_s) / 2, 3.0])
    displacement = clip.performance.displacement_cm(times)
    assert lip_gap_cm(canonical_face().neutral_cm + displacement)[0] < 0.1
    assert not displacement[1].any()
    assert clip.confidence(times).tolist() == pytest.approx([0.9, 1.0])


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    """A synthetic voice that says a sentence, with the phones that it said."""
    pytest.importorskip("espeakng_loader", reason="needs lipsync3d[speech]")
    import soundfile

    samples, sample_rate, phones = synthesise(SPOKEN)
    path = tmp_path_factory.mktemp("spoken") / "spoken.wav"
    soundfile.write(path, samples, sample_rate)
    return path, phones


def lip_sounds(spans):
    return [(span.phone, span.start_s) for span in spans if span.phone in BILABIAL | LABIODENTAL]


def test_a_transcript_gives_its_phones_in_order_and_time(predictor, spoken):
    sound, phones = spoken
    clip = predictor.prepare(PredictRequest(sound, transcript=SPOKEN))
    assert not clip.note
    assert [phone for phone, _ in lip_sounds(clip.phones)] == [phone for phone, _ in lip_sounds(phones)]
    for (_, ours), (_, true) in zip(lip_sounds(clip.phones), lip_sounds(phones), strict=True):
        assert ours == pytest.approx(true, abs=0.06)


@pytest.mark.parametrize("text", ["Wrong.", "Nobody likes the weather in October, but everybody talks about it."])
def test_another_text_is_not_forced_on_the_sound(predictor, spoken, text):
    clip = predictor.prepare(PredictRequest(spoken[0], transcript=text, quality="fast"))
    alone = predictor.prepare(PredictRequest(spoken[0], quality="fast"))
    assert "transcript" in clip.note
    assert clip.phones == alone.phones


def test_what_a_text_leaves_out_is_recognised(predictor, spoken):
    sound, phones = spoken
    clip = predictor.prepare(PredictRequest(sound, transcript="five funny poems"))
    assert "not in the transcript" in clip.note
    assert [phone for phone, _ in lip_sounds(clip.phones)][-4:] == [phone for phone, _ in lip_sounds(phones)][-4:]


@pytest.mark.parametrize(
    ("asked", "usual", "quality"), [("auto", "best", "best"), ("auto", "fast", "fast"), ("best", "fast", "best")]
)
def test_the_bundle_chooses_the_quality_unless_asked(speech, asked, usual, quality):
    assert known_of(PredictRequest(speech, quality=asked), usual).quality == quality


def test_an_unknown_quality_is_refused(predictor, speech):
    with pytest.raises(TimingError, match="fast, best"):
        predictor.prepare(PredictRequest(speech, quality="worst"))


def test_cancelling_stops_at_once(predictor, speech):
    with pytest.raises(CancelledError):
        predictor.prepare(PredictRequest(speech), cancelled=lambda: True)
