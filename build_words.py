# SPDX-License-Identifier: GPL-3.0-or-later
"""The English model of pocketsphinx, shipped once: its wheels carry a copy of 29 MB each, one for every Python.

`share_model` takes the model out of the wheels and lays it beside them, where the extension's word decoder finds it.
Standard library only.
"""

import zipfile
from pathlib import Path

PACKAGE = "pocketsphinx"
INSIDE = f"{PACKAGE}/model/en-us/"
MODEL_FOLDER = "words_model"
"""Of the shared model, beside the wheels and in the extension's `backend/inference`."""
WHEEL_TIME = (1980, 1, 1, 0, 0, 0)


def share_model(folder: Path) -> None:
    """Take the model out of the pocketsphinx wheels of a folder, and lay one copy into `MODEL_FOLDER`."""
    for wheel in sorted(folder.glob(f"{PACKAGE}-*.whl")):
        slim = wheel.with_suffix(".slim")
        with zipfile.ZipFile(wheel) as full, zipfile.ZipFile(slim, "w", zipfile.ZIP_DEFLATED) as rest:
            for name in full.namelist():
                data = full.read(name)
                if name.endswith("/"):
                    continue
                if name.startswith(INSIDE):
                    _lay(folder / MODEL_FOLDER / name.removeprefix(INSIDE), data)
                    continue
                if name.endswith(".dist-info/RECORD"):
                    data = _without_model(data)
                entry = zipfile.ZipInfo(name, WHEEL_TIME)
                entry.external_attr = full.getinfo(name).external_attr
                entry.compress_type = zipfile.ZIP_DEFLATED
                rest.writestr(entry, data)
        slim.replace(wheel)


def _lay(path: Path, data: bytes) -> None:
    if path.name.endswith("phone.lm.bin"):
        return  # the phone loop's model, which the word decoder does not use
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _without_model(record: bytes) -> bytes:
    """Return a wheel's list of files without those of the model."""
    return b"".join(line for line in record.splitlines(keepends=True) if not line.startswith(INSIDE.encode()))
