# SPDX-License-Identifier: GPL-3.0-or-later
import zipfile

from build_words import INSIDE, MODEL_FOLDER, share_model


def test_the_model_is_taken_out_of_the_wheels_once(tmp_path):
    files = {
        "pocketsphinx/__init__.py": b"code",
        f"{INSIDE}en-us.lm.bin": b"words",
        f"{INSIDE}en-us/mdef": b"sounds",
        f"{INSIDE}en-us-phone.lm.bin": b"phones",
        "pocketsphinx-5.1.dist-info/RECORD": f"pocketsphinx/__init__.py,,\n{INSIDE}en-us.lm.bin,,\n".encode(),
    }
    for tag in ("cp311", "cp313"):
        with zipfile.ZipFile(tmp_path / f"pocketsphinx-5.1-{tag}-any.whl", "w") as wheel:
            for name, data in files.items():
                wheel.writestr(name, data)
    share_model(tmp_path)
    model = tmp_path / MODEL_FOLDER
    kept = sorted(path.relative_to(model).as_posix() for path in model.rglob("*") if path.is_file())
    assert kept == ["en-us.lm.bin", "en-us/mdef"]
    for wheel in tmp_path.glob("*.whl"):
        with zipfile.ZipFile(wheel) as slim:
            assert sorted(slim.namelist()) == ["pocketsphinx-5.1.dist-info/RECORD", "pocketsphinx/__init__.py"]
            assert slim.read("pocketsphinx-5.1.dist-info/RECORD") == b"pocketsphinx/__init__.py,,\n"
