# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate's laws: a good line passes, and each fault put into it is named, and nothing else."""

import json
import struct
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("espeakng_loader", reason="needs the speech extra (espeakng-loader)")
pytest.importorskip("soundfile", reason="needs lipsync3d[inference]")

import soundfile

from backend.batch.gate import LineOutputs, check_line, judge
from backend.core.blendshapes import ARKIT_INDEX
from backend.core.face import canonical_face
from backend.core.puppet.gltf import ARRAY_BUFFER, Document
from backend.inference.animate import animate
from backend.inference.bundle import DEFAULT_BUNDLE, open_bundle
from backend.inference.predict import Predictor, PredictRequest
from backend.inference.speak import SpeakRequest, speak_line

TEXT = "Bob, put the big map by the pump before Mum comes back. Hurry, please!"
FPS = 30


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The files of a good line."""
    folder = tmp_path_factory.mktemp("line")
    speak_line(SpeakRequest(TEXT), folder / "a.wav", folder / "a.phones.json")
    request = PredictRequest(folder / "a.wav", phones=folder / "a.phones.json")
    animate(Predictor(open_bundle(DEFAULT_BUNDLE)), request, folder / "a.json")
    curves = json.loads((folder / "a.json").read_text(encoding="utf-8"))
    (folder / "a.glb").write_bytes(glb(np.array(curves["weights"])))
    (folder / "a.mp4").write_bytes(film(soundfile.info(folder / "a.wav").duration))
    values = np.array(curves["weights"])[:, :3]
    np.savez(folder / "a.npz", names=["jaw", "lips", "brow"], values=values, limits=np.tile([0.0, 1.0], (3, 1)))
    return folder


@pytest.fixture
def line(made):
    return LineOutputs(
        made / "a.wav", made / "a.json", made / "a.phones.json", made / "a.glb", made / "a.mp4", made / "a.npz"
    )


def glb(weights, **changed):
    """A face with its first two blendshapes, animated."""
    document, face = Document(), canonical_face()
    position = document.accessor(face.neutral_cm, ARRAY_BUFFER, bounds=True)
    targets = [{"POSITION": document.accessor(face.basis_cm[k], ARRAY_BUFFER, bounds=True)} for k in (0, 1)]
    times = np.arange(len(weights)) / FPS + 1 / FPS
    sampler = {
        "input": document.accessor(changed.get("times", times), bounds=True),
        "output": document.accessor(changed.get("output", weights[:, :2].ravel())),
    }
    document.root |= {
        "meshes": [{"primitives": [{"attributes": {"POSITION": position}, "targets": targets}]}],
        "nodes": [{"mesh": 0}],
        "animations": [{"samplers": [sampler], "channels": [{"sampler": 0, "target": {"node": 0, "path": "weights"}}]}],
    }
    return document.to_bytes()


def film(duration_s):
    """The frame of an MP4: type, header with the length, and no pictures."""
    header = struct.pack(">IIIII", 0, 0, 0, 1000, round(1000 * duration_s)) + bytes(80)
    movie = struct.pack(">I4s", 8 + len(header), b"mvhd") + header
    boxes = [(b"ftyp", b"isom" + bytes(4)), (b"moov", movie), (b"mdat", bytes(8))]
    return b"".join(struct.pack(">I4s", 8 + len(content), name) + content for name, content in boxes)


def names(outputs):
    return [finding.name for finding in check_line(outputs)]


def changed_curves(line, tmp_path, change):
    data = json.loads(line.curves.read_text(encoding="utf-8"))
    weights = np.array(data["weights"])
    data["weights"] = change(weights, data).tolist()
    data["confidence"] = (data["confidence"] * 9)[: len(data["weights"])]
    (tmp_path / "b.json").write_text(json.dumps(data), encoding="utf-8")
    return replace(line, curves=tmp_path / "b.json")


def changed_sound(line, tmp_path, change):
    samples, rate = soundfile.read(line.sound)
    soundfile.write(tmp_path / "b.wav", change(samples), rate)
    return replace(line, sound=tmp_path / "b.wav")


def test_a_good_line_passes(line):
    verdict = judge(line)
    assert verdict.findings == ()
    assert (verdict.measured.closures, verdict.measured.closed, verdict.measured.confidence_mean) == (16, 16, 1.0)
    assert judge(replace(line, phones=None, glb=None, mp4=None, tracks=None)).findings == ()


def jaw(weights, frames, value):
    changed = weights.copy()
    changed[frames, ARKIT_INDEX["jawOpen"]] = value
    changed[frames, ARKIT_INDEX["mouthClose"]] = 0.0
    return changed


def test_an_open_closure_is_named_with_its_time(line, tmp_path):
    phones = json.loads(line.phones.read_text(encoding="utf-8"))
    closures = [one for one in phones if one["phone"] in "pbm"]
    near_s = [
        max(a["end_s"] - b["start_s"] for a, b in pairwise(three))
        for three in zip(closures, closures[1:], closures[2:], strict=False)
    ]
    lone = closures[1 + int(np.argmin(near_s))]
    near = slice(int((lone["start_s"] - 0.13) * FPS), int((lone["end_s"] + 0.06) * FPS) + 1)
    (finding,) = check_line(changed_curves(line, tmp_path, lambda weights, _: jaw(weights, near, 0.6)))
    assert finding.name == "open-closure"
    assert finding.sentence == f"1 of 16 closures stay open, first the {lone['phone']} at {lone['start_s']:.2f} s"
    assert finding.severity == "error"  # one of sixteen is more than one of twenty


def test_a_still_mouth_is_named(line, tmp_path):
    def frozen(frames):
        def freeze(weights, _):
            changed = jaw(weights, [61, 62 + frames], 0.5)  # it moves right before and right after
            changed[62 : 62 + frames] = 0.0  # closed, so that closures keep
            return changed

        return check_line(changed_curves(line, tmp_path, freeze))

    (finding,) = frozen(45)
    assert finding.name == "still-mouth"
    assert "stands still for 1.5 s from 2.1 s on" in finding.sentence
    assert frozen(44) == []


def test_a_flapping_mouth_is_named(line, tmp_path):
    def flap(weights, _):
        return jaw(weights, slice(0, None, 3), 0.9)  # ten times a second; the frames between keep their closures

    assert "flapping" in names(changed_curves(line, tmp_path, flap))

    def flap_in_the_pause(weights, data):
        data["phones"] = []
        return jaw(0 * weights, slice(0, 90, 3), 0.9)

    flapped = changed_curves(line, tmp_path, flap_in_the_pause)
    assert names(replace(flapped, sound=line.sound)) == ["still-mouth", "flapping"]


@pytest.mark.parametrize(("value", "shown"), [(1.2, "1.2"), (-0.3, "-0.3"), (float("nan"), "nan"), (1e300, "1e+300")])
def test_keys_out_of_range_are_named(line, tmp_path, value, shown):
    def push(weights, _):
        weights[5, ARKIT_INDEX["browInnerUp"]] = value
        return weights

    (finding,) = check_line(changed_curves(line, tmp_path, push))
    assert (finding.name, finding.sentence) == ("range", f"browInnerUp is {shown} in frame 5, beyond 0 to 1")


@pytest.mark.parametrize("value", [1.5, -0.2, np.inf, np.nan])
def test_keys_of_the_rig_out_of_range_are_named(line, tmp_path, value):
    with np.load(line.tracks) as data:
        arrays = {name: data[name] for name in data.files}
    arrays["values"][7, 1] = value
    np.savez(tmp_path / "b.npz", **arrays)
    (finding,) = check_line(replace(line, tracks=tmp_path / "b.npz"))
    assert (finding.name, finding.sentence.startswith("lips is"), "key 7" in finding.sentence) == ("range", True, True)


@pytest.mark.parametrize(("frames", "word"), [(-10, "shorter"), (2, "longer"), (30, "longer")])
def test_another_length_is_named(line, tmp_path, frames, word):
    def cut(weights, _):
        return weights[:frames] if frames < 0 else np.concatenate([weights, np.repeat(weights[-1:], frames, 0)])

    found = check_line(changed_curves(line, tmp_path, cut))
    assert ([one.name for one in found], word in found[0].sentence) == (["length"], True)


def test_silence_is_named(line, tmp_path):
    assert names(changed_sound(line, tmp_path, lambda samples: 0.0 * samples)) == ["silence"]
    assert names(changed_sound(line, tmp_path, lambda samples: 1e-4 * samples)) == ["silence"]


def test_clipping_is_named(line, tmp_path):
    (finding,) = check_line(changed_sound(line, tmp_path, lambda samples: np.clip(20 * samples, -1, 1)))
    assert (finding.name, finding.severity) == ("clipping", "warning")
    assert names(changed_sound(line, tmp_path, lambda samples: samples / np.abs(samples).max())) == []


def test_low_confidence_is_named(line, tmp_path):
    def doubt(weights, data):
        data["confidence"] = [0.2] * len(weights)
        return weights

    assert names(changed_curves(line, tmp_path, doubt)) == ["low-confidence"]


@pytest.mark.parametrize("field", ["sound", "curves", "phones"])
def test_files_that_cannot_be_read_are_named(line, tmp_path, field):
    for content in (b"", b"{}", b"[1]", b'{"weights": 3}', b"RIFF\0\0\0\0WAVE", bytes(300)):
        (tmp_path / "x.json").write_bytes(content)
        assert names(replace(line, **{field: tmp_path / "x.json"})) == ["unreadable"]
    assert names(replace(line, **{field: tmp_path / "none.json"})) == ["unreadable"]


def test_faults_of_a_glb_are_named(line, tmp_path):
    weights = np.array(json.loads(line.curves.read_text(encoding="utf-8"))["weights"])
    times = np.arange(len(weights)) / FPS
    good = line.glb.read_bytes()
    output = weights[:, :2].ravel()
    cases = {
        "says": good + b"\0\0\0\0",
        "is no GLB": b"OBJ " + good[4:],
        "holds no JSON": good[:20] + b"x" + good[21:],
        "reaches beyond": good.replace(b'"count":468', b'"count":999', 1),
        "do not rise": glb(weights, times=times[::-1]),
        "not finite": glb(weights, output=np.where(np.arange(len(output)) == 8, np.nan, output)),
        "values for": glb(weights, output=output[:-2]),
        "lasts": glb(weights, times=1.1 * times),
        "different lengths": good.replace(b'"count":468,"type":"VEC3"', b'"count":467,"type":"VEC3"', 1),
        "no animation": good.replace(b'"animations"', b'"animationz"'),
        "glTF 2.0": good.replace(b'"componentType":5126', b'"componentType":5999', 1),
    }
    for word, data in cases.items():
        (tmp_path / "b.glb").write_bytes(data)
        (finding,) = check_line(replace(line, glb=tmp_path / "b.glb"))
        assert (finding.name, word in finding.sentence) == ("glb", True), finding.sentence
    assert names(replace(line, glb=tmp_path / "none.glb")) == ["glb"]


def test_faults_of_a_film_are_named(line, tmp_path):
    good = line.mp4.read_bytes()
    for word, data in {"ftyp": b"", "cut off": good[:-4], "mdat": good[:-16], "lasts 1.00 s": film(1.0)}.items():
        (tmp_path / "b.mp4").write_bytes(data)
        (finding,) = check_line(replace(line, mp4=tmp_path / "b.mp4"))
        assert (finding.name, word in finding.sentence) == ("mp4", True), finding.sentence


def test_damage_of_any_kind_is_a_finding_or_nothing(line, tmp_path):
    """Random bytes in every file: the gate never fails itself."""
    rng = np.random.default_rng(11)
    for field in ("sound", "curves", "phones", "glb", "mp4", "tracks"):
        path = getattr(line, field)
        good = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(15):
            data = good.copy()
            at = rng.integers(0, min(len(data), int(rng.choice([64, 2000, 10**9]))), 6)
            data[at] = rng.integers(0, 256, 6)
            cut = int(rng.integers(1, len(data) + 1)) if rng.uniform() < 0.3 else len(data)
            target = tmp_path / f"x{path.suffix}"
            target.write_bytes(data[:cut].tobytes())
            for finding in check_line(replace(line, **{field: target})):
                assert finding.sentence
