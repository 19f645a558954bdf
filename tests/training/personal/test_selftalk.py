# SPDX-License-Identifier: GPL-3.0-or-later
import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch

from backend.core.errors import BundleError, TimingError, VideoError
from backend.core.face import vertices_from_weights
from backend.inference.bundle import SELFTALK, open_bundle
from backend.inference.predict import PredictRequest
from backend.inference.predictors import open_predictor
from backend.models.selftalk import HIDDEN_WIDTH
from backend.speech.phones import PHONE_INDEX
from backend.speech.pronunciation import phrases_of
from backend.training.evaluation.baselines import fit_baselines
from backend.training.evaluation.judge import Judge
from backend.training.evaluation.lip_judges import OTHER_LIPS, TRUE_LIPS, JudgeSchool, teach_judges
from backend.training.evaluation.lip_reader import ReaderSettings
from backend.training.evaluation.report import About, write_figures
from backend.training.evaluation.speech_time import Word
from backend.training.evaluation.truth import spelled, true_clips
from backend.training.personal.geometry import basis_of, predict_clip
from backend.training.personal.lessons import Cut, School, batched, make_lesson
from backend.training.personal.loop import Checkpoint
from backend.training.personal.loop_settings import LoopSettings
from backend.training.personal.recogniser import PhoneRecogniser, steps_of_their_own
from backend.training.personal.selftalk import Diagram, Teacher, _at_steps, _network, train_selftalk
from backend.training.personal.settings import PREDICTED, TRUE, PersonalSettings, SelfTalkSettings, preset
from backend.training.personal.teaching import Teaching, teacher_for, texts_of
from backend.training.personal.train import train
from backend.training.personal.wav2vec import Wav2VecRecogniser, matched_places

from .conftest import SENTENCES, SIZE, bits, gap_correlation

SHORT = SelfTalkSettings(loop=LoopSettings(steps=60, batch=6, validate_every=20, checkpoint_every=10), voices=1)


@pytest.fixture(scope="module")
def teacher():
    return Teacher(PhoneRecogniser(open_bundle()))


@pytest.fixture(scope="module")
def trained(clips, ear, teacher):
    return train_selftalk(clips[0], (ear, teacher), SHORT, clips[1])


def test_sentences_that_were_not_learnt_are_followed(trained, ear, clips):
    assert gap_correlation(trained, ear, clips[1], SHORT.network.latent) > 0.6  # six sentences, seconds of training


def test_a_run_that_was_killed_goes_on_to_the_same_bits_and_another_seed_to_others(clips, ear, teacher, tmp_path):
    settings = replace(SHORT, loop=LoopSettings(steps=8, batch=4, validate_every=4, checkpoint_every=1))
    whole = train_selftalk(clips[0], (ear, teacher), settings, clips[1]).net

    class KilledError(Exception):
        pass

    def kill(share, _line):
        if round(share * 8) == 5:
            raise KilledError

    run = Checkpoint(tmp_path / "run.safetensors", "key")
    with pytest.raises(KilledError):
        train_selftalk(clips[0], (ear, teacher), settings, clips[1], run, kill)
    assert bits(train_selftalk(clips[0], (ear, teacher), settings, clips[1], run).net) == bits(whole)
    other = replace(settings, loop=replace(settings.loop, seed=1))
    assert bits(train_selftalk(clips[0], (ear, teacher), other, clips[1]).net) != bits(whole)


def diagram_step(clips, ear, teacher, learns_from):
    """The network after one backward pass of the diagram's losses, and those losses."""
    settings = replace(SHORT, learns_from=learns_from, latent=1.0, text=1.0)
    rng = np.random.default_rng(0)
    basis = basis_of(clips[0], 12, 3.0)
    lessons = [make_lesson(clip, ear, basis, 0, rng) for clip in clips[0].clips]
    net = _network(lessons, basis, teacher.recogniser, settings).eval()
    torch.nn.init.normal_(net.animator.head.weight, std=0.1)
    pieces = School(lessons, [], lessons[0].wanted[0], Cut(600, 65)).draw(rng, 3, 0.0)
    batch = batched(pieces, "cpu")
    coefficients = net(batch.heard)[1]
    loss = Diagram(teacher.readings(clips[0]), 0, settings).loss(net, coefficients, batch, pieces)
    loss.backward()
    return net, pieces, settings, float(loss.detach())


def test_an_interpreter_that_learns_on_true_lips_still_moves_the_animator(clips, ear, teacher):
    ours, pieces, settings, _ = diagram_step(clips, ear, teacher, TRUE)
    assert ours.animator.head.weight.grad.abs().max() > 0
    learnt = ours.interpreter.sees.weight.grad.clone()
    ours.zero_grad()
    batch = batched(pieces, "cpu")
    true = ours.lips_mm(_at_steps(batch.wanted, pieces, batch.heard.shape[-1]))
    diagram = Diagram(teacher.readings(clips[0]), 0, settings)
    diagram._agreement(ours.interpreter(true), pieces).backward()
    assert torch.allclose(ours.interpreter.sees.weight.grad, learnt, atol=1e-5)
    predicted, *_ = diagram_step(clips, ear, teacher, PREDICTED)
    assert not torch.allclose(predicted.interpreter.sees.weight.grad, learnt, atol=1e-3)


def test_text_that_is_read_rightly_costs_next_to_nothing(clips, ear, teacher):
    _, pieces, settings, loss = diagram_step(clips, ear, teacher, PREDICTED)
    readings = teacher.readings(clips[0])
    assert loss > 3  # nothing is learnt yet: 43 symbols, and latents at unit spread
    steps = max(piece.heard.shape[-1] for piece in pieces)
    certain = torch.full((len(pieces), steps, 43), -30.0)
    certain[..., 0] = 0.0
    for row, piece in zip(certain, pieces, strict=True):
        reading = readings[piece.lesson]
        places = np.round(reading.places - piece.first).astype(int)
        row[places, 0] = -30.0
        row[places, reading.text] = 0.0
    diagram = Diagram(readings, 0, settings)
    right, wrong = (float(diagram._text(one, pieces)) for one in (certain, certain.roll(1, dims=-1)))
    assert right < 0.5
    assert wrong > 20


def test_true_lips_are_taken_between_the_frames(clips, ear):
    lesson = make_lesson(clips[0].clips[0], ear, basis_of(clips[0], 4, 3.0), 0, np.random.default_rng(0))
    (piece,) = School([lesson], [], lesson.wanted[0], Cut(600, 65)).draw(np.random.default_rng(0), 1, 0.0)
    ramp = piece.steps[None, :, None] * 2 + 1
    found = _at_steps(ramp, [piece], piece.heard.shape[-1])[0, :, 0]
    inside = slice(int(piece.steps[0]) + 1, int(piece.steps[-1]))
    assert found[inside].numpy() == pytest.approx(2 * np.arange(len(found))[inside] + 1, abs=1e-3)


def test_the_recogniser_reads_by_itself_and_by_a_transcript(clips, teacher):
    clip = clips[0].clips[0]
    own, given = (teacher.recogniser.read(clip, text) for text in ("", SENTENCES[0]))
    wanted = [PHONE_INDEX[phone] for phrase in phrases_of(SENTENCES[0]) for phone in phrase]
    assert given.text.tolist() == wanted
    assert len(own.text) == pytest.approx(len(wanted), rel=0.4)
    assert own.hidden.shape == (len(clip.log_mel + 1) // 2 + len(clip.log_mel) % 2, HIDDEN_WIDTH)
    for reading in (own, given):
        assert (np.diff(reading.places) > 0).all()
        assert 0 <= reading.places[0] < reading.places[-1] < len(reading.hidden)
    with pytest.raises(TimingError, match="clip take0: the transcript has"):
        teacher.recogniser.read(clip, SENTENCES[0] * 20)


def test_symbols_closer_than_a_step_go_to_the_steps_after():
    close = np.array([-0.25, 2.0, 4.25, 4.4, 4.5, 6.5, 9.75])
    assert steps_of_their_own(close, 12).tolist() == [0, 2, 4, 5, 6, 7, 10]
    assert steps_of_their_own(close, 10).tolist() == [0, 2, 4, 5, 6, 7, 9]
    assert steps_of_their_own(close + 9, 12).tolist() == [5, 6, 7, 8, 9, 10, 11]
    assert steps_of_their_own(close, 4).tolist() == [0, 0.5, 1, 1.5, 2, 2.5, 3]
    assert steps_of_their_own(close[:0], 4).tolist() == []


def test_texts_are_found_by_the_clips_names(clips, tmp_path):
    (tmp_path / "take0.txt").write_text(SENTENCES[0])
    (tmp_path / "take1.align").write_text("0 5000 bin\n5000 9000 a\n")
    texts = texts_of(clips[0], tmp_path)
    assert texts[:3] == (SENTENCES[0], "bin , A,", "")
    assert phrases_of(spelled([Word(0, 1, "at"), Word(1, 2, "a"), Word(2, 3, "zero")]))[1] == ["e", "ɪ"]
    assert texts_of(clips[0], None) == ("",) * 6
    with pytest.raises(VideoError, match=r"no \.align or \.txt file named as any of the clips"):
        texts_of(clips[1], tmp_path)


def test_the_bundle_moves_the_face_as_torch_does(shards, clips, ear, tmp_path):
    geometry = replace(SHORT, loop=replace(SHORT.loop, steps=30))
    settings = PersonalSettings(geometry, None)
    train([shards], tmp_path / "sam-v1", tmp_path / "run", settings)
    config = json.loads((tmp_path / "sam-v1" / "config.json").read_text())
    assert (config["kind"], config["context_steps"]) == (SELFTALK, 65)
    assert "SelfTalk (Peng et al. 2023)" in (tmp_path / "sam-v1" / "MODEL_CARD.md").read_text()
    bundle = open_bundle(tmp_path / "sam-v1")
    clip = clips[1].clips[0]
    soundfile.write(tmp_path / "take.wav", clip.samples, 16000, subtype="PCM_16")
    motion = open_predictor(bundle).prepare(PredictRequest(tmp_path / "take.wav")).performance
    model = train_selftalk(clips[0], (ear, teacher_for(clips[0], Teaching())), geometry, clips[1])
    expected = predict_clip(model, ear, clip)[0]
    found = model.basis.displacement_cm(
        np.stack([np.interp(clip.steps, np.arange(len(track)), track) for track in motion.coefficients.T], axis=1)
    )
    untouched = np.abs(found - expected).max(axis=(1, 2)) < 0.02  # elsewhere the lips are closed by the phones
    assert untouched.mean() > 0.5


def test_an_artists_curves_can_be_learnt(clips, ear, teacher):
    def with_curves(clip):
        phase = np.arange(52) + clip.times_s[:, None]
        weights = (0.3 + 0.1 * np.sin(phase)).astype(np.float32)
        return replace(clip, weights=weights, displacement_cm=vertices_from_weights(weights))

    curves = replace(clips[0], clips=tuple(with_curves(clip) for clip in clips[0].clips[:3]))
    few = replace(SHORT, loop=replace(SHORT.loop, steps=5))
    model = train_selftalk(curves, (ear, teacher), few)
    with torch.inference_mode():
        weights = model.net(torch.from_numpy(ear.hear(curves.clips[0]))[None])[1][0].T.numpy()
    assert weights.shape[1] == 52
    assert weights == pytest.approx(0.3, abs=0.15)  # the head answers the weights themselves


def test_the_texture_follows_the_animators_latent(shards, clips, tmp_path):
    brief = replace(SHORT, loop=replace(SHORT.loop, steps=2))
    painted = preset("fast", kind=SELFTALK).texture
    painted = replace(painted, loop=replace(painted.loop, steps=2, batch=2), frames=4)
    train([shards], tmp_path / "sam-v1", tmp_path / "run", PersonalSettings(brief, painted))
    soundfile.write(tmp_path / "take.wav", clips[1].clips[0].samples, 16000, subtype="PCM_16")
    clip = open_predictor(open_bundle(tmp_path / "sam-v1")).prepare(PredictRequest(tmp_path / "take.wav", fps=25))
    piece = next(iter(clip.chunks()))
    assert piece.atlas.shape == (len(piece.times_s), SIZE, SIZE, 3)


def test_lips_are_read_for_every_predictor_and_the_report_tells(shards, clips, tmp_path):
    settings = PersonalSettings(replace(SHORT, loop=replace(SHORT.loop, steps=2)), None)
    train([shards], tmp_path / "sam-v1", tmp_path / "run", settings)
    loop = LoopSettings(steps=120, batch=6, learning_rate=4e-3, validate_every=60)
    school = JudgeSchool(*clips, {}, reader=ReaderSettings(loop=loop))
    judges = teach_judges(school, tmp_path)
    baseline = fit_baselines(clips[0])[0]
    judge = Judge(open_bundle(tmp_path / "sam-v1"), None, [baseline], judges)
    verdict = judge.verdict(clips[1], true_clips(clips[1], {}), lambda _share: None)
    rates = {name: score.errors.rate for name, score in verdict.reading.items()}
    assert rates.keys() == {*verdict.motion, TRUE_LIPS, OTHER_LIPS}
    assert rates[TRUE_LIPS] < rates[OTHER_LIPS]
    assert rates[TRUE_LIPS] < rates[baseline.name]
    assert verdict.chance == {}  # sentences are not those of the corpus
    again = teach_judges(school, tmp_path)  # from the file
    clip, truth = clips[1].clips[0], true_clips(clips[1], {})[0]
    ours, theirs = (one.reading(clip, truth, clip.displacement_cm) for one in (judges, again))
    assert ours == theirs
    about = About("sam-v1", 2, 6.0, "by level", "")
    told = json.loads(write_figures(tmp_path, about, verdict).read_text())
    assert told["lip_reading"][TRUE_LIPS]["phone_error_rate"] == pytest.approx(rates[TRUE_LIPS], abs=1e-4)
    assert teach_judges(replace(school, train=clips[0].only([0])), tmp_path) is None


def test_the_presets_know_both_kinds():
    assert isinstance(preset("fast", kind=SELFTALK).geometry, SelfTalkSettings)
    assert (preset("fast", kind=SELFTALK).kind, preset("full").kind) == (SELFTALK, "lipsync3d")


@pytest.fixture
def checkpoint(tmp_path):
    """Folder of a tiny random wav2vec 2.0."""
    transformers = pytest.importorskip("transformers", reason="needs lipsync3d[recogniser]")
    torch.manual_seed(0)
    symbols = ["<pad>", "|", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    config = transformers.Wav2Vec2Config(
        vocab_size=len(symbols), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        conv_dim=(8,) * 7, num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2, pad_token_id=0,
    )  # fmt: skip
    folder = tmp_path / "tiny"
    transformers.Wav2Vec2ForCTC(config).save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps({symbol: index for index, symbol in enumerate(symbols)}))
    return folder


def test_a_wav2vec_checkpoint_of_the_users_can_teach(checkpoint, clips, ear):
    recogniser = Wav2VecRecogniser(checkpoint)
    assert (recogniser.symbols, recogniser.blank, recogniser.width) == (28, 0, 16)
    clip = clips[0].clips[0]
    reading = recogniser.read(clip, "Hey, you")
    assert reading.text.tolist() == [9, 6, 26, 1, 26, 16, 22]  # HEY|YOU
    assert reading.hidden.shape == ((len(clip.log_mel) + 1) // 2, 16)
    assert (np.diff(reading.places) > 0).all()
    few = replace(SHORT, loop=replace(SHORT.loop, steps=2))
    model = train_selftalk(clips[0], (ear, Teacher(recogniser)), few)
    assert np.isfinite(predict_clip(model, ear, clip)[0]).all()


def test_a_checkpoint_that_would_be_unpickled_or_is_none_is_refused(checkpoint):
    (checkpoint / "model.safetensors").rename(checkpoint / "pytorch_model.bin")
    with pytest.raises(BundleError, match=r"model\.safetensors is missing"):
        Wav2VecRecogniser(checkpoint)
    (checkpoint / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(BundleError, match=r"no wav2vec 2\.0 CTC checkpoint"):
        Wav2VecRecogniser(checkpoint)


def test_a_known_text_lies_between_what_was_heard_alike():
    places = matched_places(np.array([1, 2, 4]), np.array([10.0, 20.0, 40.0]), np.array([1, 2, 3, 4]), 60.0)
    assert places.tolist() == [10, 20, 30, 40]


def test_what_teaches_selftalk_is_refused_elsewhere(tmp_path):
    from backend.cli import FAILED, main

    assert main(["train", str(tmp_path), "-o", str(tmp_path / "b"), "--transcripts", str(tmp_path)]) == FAILED
