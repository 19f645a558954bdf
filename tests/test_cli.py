# SPDX-License-Identifier: GPL-3.0-or-later
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from backend.core.blendshapes import ARKIT_INDEX
from backend.inference.bundle import find_bundle

CHECKOUT = Path(__file__).resolve().parents[1]
soundfile = pytest.importorskip("soundfile", reason="needs lipsync3d[inference]")
pytest.importorskip("onnxruntime", reason="needs lipsync3d[inference]")


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "backend", *map(str, arguments)],
        cwd=CHECKOUT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        **options,
    )


@pytest.fixture
def sound(tmp_path):
    path = tmp_path / "in" / "sound.flac"
    path.parent.mkdir()
    samples = 0.1 * np.random.default_rng(3).normal(size=48000 * 3) * np.hanning(48000 * 3)
    soundfile.write(path, samples, 48000)
    return path


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def assert_refused(done, out, *words):
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert all(word in done.stderr for word in words), done.stderr
    assert list(out.iterdir()) == []


def test_animate_writes_each_kind(sound, out):
    for ending in ("json", "csv", "npz"):
        done = run("animate", sound, "-o", out / f"a.{ending}", "--fps", "25")
        assert (done.returncode, done.stderr) == (0, "")
        assert "76 frames, 3.00 s" in done.stdout
    curves = json.loads((out / "a.json").read_text(encoding="utf-8"))
    assert np.shape(curves["weights"]) == (76, 52)
    assert curves["phones"][-1]["end_s"] == 3.0
    assert len((out / "a.csv").read_text(encoding="utf-8").splitlines()) == 77
    with np.load(out / "a.npz", allow_pickle=False) as data:
        assert data["vertices_cm"].shape == (76, 468, 3)
    assert sorted(path.name for path in out.iterdir()) == ["a.csv", "a.json", "a.npz"]


def test_style_is_heard_and_checked(sound, out):
    phones = out.parent / "phones.csv"
    phones.write_text("start_s,end_s,phone\n0.5,0.8,a\n0.8,0.9,m\n0.9,1.2,u\n", encoding="utf-8")
    jaws = []
    for value in ("0", "1", "1.5"):
        run("animate", sound, "-o", out / "a.json", "--phones", phones, "--articulation", value, "--smoothing", "0.8")
        weights = np.array(json.loads((out / "a.json").read_text(encoding="utf-8"))["weights"])
        jaws.append(weights[:, ARKIT_INDEX["jawOpen"]].max())
    assert jaws[0] == 0 < jaws[1] < jaws[2]
    (out / "a.json").unlink()
    assert_refused(run("animate", sound, "-o", out / "a.json", "--jaw", "-1"), out, "jaw", "0 to 10")


def test_progress_for_machines_and_none_when_quiet(sound, out):
    lines = run("animate", sound, "-o", out / "a.json", "--json-progress").stdout.splitlines()
    fractions = [json.loads(line)["fraction"] for line in lines]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    done = run("animate", sound, "-o", out / "a.json", "-q")
    assert (done.stdout, done.stderr) == ("", "")


def test_what_is_spoken_can_be_animated_with_its_phones(out):
    pytest.importorskip("espeakng_loader", reason="needs lipsync3d[speech]")
    assert run("speak", "My baby.", "-o", out / "a.wav", "--phones", out / "a.json").returncode == 0
    done = run("animate", out / "a.wav", "--phones", out / "a.json", "-o", out / "b.json")
    assert done.returncode == 0, done.stderr
    spoken, animated = (json.loads((out / name).read_text(encoding="utf-8")) for name in ("a.json", "b.json"))
    assert [span["phone"] for span in animated["phones"]] == [span["phone"] for span in spoken]


def test_bad_sounds_are_one_line_and_nothing_written(sound, out):
    bad = sound.parent
    (bad / "empty.wav").write_bytes(b"")
    (bad / "text.wav").write_text("No sound at all. " * 50)
    (bad / "cut.flac").write_bytes(sound.read_bytes()[:-20000])
    soundfile.write(bad / "zero.wav", np.zeros(0), 16000)
    soundfile.write(bad / "nan.wav", np.full(16000, np.nan), 16000, subtype="FLOAT")
    for name in ("none.wav", "empty.wav", "text.wav", "cut.flac", "zero.wav", "nan.wav", "."):
        for ending in ("json", "csv", "npz"):
            assert_refused(run("animate", bad / name, "-o", out / f"a.{ending}"), out, str(bad))


def test_telephone_and_cinema_sound_work(sound, out):
    tone = 0.3 * np.sin(np.arange(192000) / 50)
    soundfile.write(sound.parent / "8k.wav", tone[:8000], 8000)
    soundfile.write(sound.parent / "7.1.wav", np.repeat(tone[:, None], 8, axis=1), 192000, subtype="PCM_24")
    for name in ("8k.wav", "7.1.wav"):
        assert "31 frames, 1.00 s" in run("animate", sound.parent / name, "-o", out / "a.json").stdout


def test_other_mistakes_are_one_line(sound, out, tmp_path):
    bundle = shutil.copytree(find_bundle("universal"), tmp_path / "bundle")
    with (bundle / "model.onnx").open("ab") as file:
        file.write(b"x")
    curves = out / "a.json"
    assert_refused(run("animate", sound, "-o", curves, "--bundle", bundle), out, "checksum")
    assert_refused(run("animate", sound, "-o", curves, "--bundle", "nobody"), out, "nobody")
    assert_refused(run("animate", sound, "-o", curves, "--fps", "0"), out, "frame rate")
    assert_refused(run("animate", sound, "-o", curves, "--phones", tmp_path / "none.csv"), out, "none.csv")
    assert_refused(run("animate", sound, "-o", curves, "--transcript", "none.txt"), out, "none.txt")
    assert_refused(run("animate", sound, "-o", out / "a.mp4"), out, ".mp4")
    assert_refused(run("animate", sound, "-o", out / "none" / "a.json"), out, "none")
    assert_refused(run("speak", " ", "-o", out / "a.wav"), out, "empty")
    assert_refused(run("speak", "hello", "-o", out / "a.wav", "--voice", "klingonese"), out, "klingonese")


@pytest.mark.parametrize(
    "arguments", [[], ["animate"], ["animate", "a.wav"], ["sing"], ["animate", "a", "-o", "b", "--fps", "x"]]
)
def test_wrong_usage_ends_with_two(arguments):
    assert run(*arguments).returncode == 2


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file sizes are POSIX")
@pytest.mark.parametrize("ending", ["json", "csv", "npz"])
def test_a_full_disk_leaves_nothing(sound, out, ending):
    import resource

    done = run(
        "animate", sound, "-o", out / f"a.{ending}",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
    )  # fmt: skip
    assert_refused(done, out, "cannot write")


def test_a_read_only_folder_is_named(sound, out):
    out.chmod(0o555)
    if os.access(out, os.W_OK):
        pytest.skip("the superuser may write anywhere")
    assert_refused(run("animate", sound, "-o", out / "a.json"), out, "cannot write")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(tmp_path, out, number):
    with soundfile.SoundFile(tmp_path / "long.flac", "w", 8000, 1) as file:
        for _ in range(240):
            file.write(np.zeros(8000 * 60, np.float32))
    command = [
        sys.executable,
        "-m",
        "backend",
        "animate",
        tmp_path / "long.flac",
        "-o",
        out / "a.npz",
        "--json-progress",
    ]
    # a suite run in a shell's background passes on that SIGINT is ignored; the command is to be tried as in a terminal
    with subprocess.Popen(
        command,
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no thread runs here
    ) as process:
        process.stdout.readline()
        time.sleep(0.2)
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors.decode() == "interrupted; nothing was written\n"
    assert list(out.iterdir()) == []


def test_an_input_is_never_overwritten(sound, out):
    phones = out / "phones.csv"
    phones.write_text("start_s,end_s,phone\n0,1,m\n", encoding="utf-8")
    done = run("animate", sound, "--phones", phones, "-o", phones)
    assert (done.returncode, "read as an input" in done.stderr) == (1, True)
    assert phones.read_text(encoding="utf-8").startswith("start_s")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes that break are POSIX")
def test_a_reader_that_has_gone_does_not_lose_the_work(sound, out):
    command = [sys.executable, "-m", "backend", "animate", sound, "-o", out / "a.json", "--json-progress"]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        errors = process.stderr.read()
    assert (process.returncode, errors) == (0, b"")
    assert [path.name for path in out.iterdir()] == ["a.json"]


def test_help_is_quick_and_imports_nothing_heavy():
    program = "import sys, backend.cli; print(sorted({'numpy', 'onnxruntime', 'soundfile'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout.strip() == "[]"
    assert "animate" in run("--help").stdout


def test_a_command_whose_packages_are_missing_says_which(tmp_path):
    hide = "import sys; sys.modules['cv2'] = None; from backend.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", hide, "prepare", str(tmp_path / "video.mp4"), "-o", str(tmp_path / "shards")]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: cv2 is missing;")
    assert "lipsync3d[tracking,inference]" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_live_frames_come_as_lines_from_a_file_and_from_raw_sound(sound):
    told = [json.loads(line) for line in run("animate", sound, "--live").stdout.splitlines()]
    assert told[0]["format"] == "lipsync3d.live"
    assert told[0]["look_ahead_s"] <= 0.12
    assert [frame["time_s"] for frame in told[1:]] == [round(index / 30, 6) for index in range(91)]
    assert {len(frame["weights"]) for frame in told[1:]} == {len(told[0]["names"])}
    pcm = np.zeros(8000, "<i2").tobytes()
    done = subprocess.run(
        [sys.executable, "-m", "backend", "animate", "-", "--live", "--fps", "25"],
        cwd=CHECKOUT, input=pcm, capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    assert len(done.stdout.splitlines()) == 1 + 13


def test_live_and_a_file_to_write_exclude_each_other(sound, out):
    for wrong in ([], ["--live", "-o", out / "a.json"]):
        assert run("animate", sound, *wrong).returncode == 2
