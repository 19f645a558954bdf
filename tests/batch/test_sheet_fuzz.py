# SPDX-License-Identifier: GPL-3.0-or-later
"""Sheets of chance: whatever bytes stand in a sheet, it is read, or told why not, and no path leaves its folder."""

import json
from unicodedata import category

import numpy as np
import pytest

pytest.importorskip("espeakng_loader", reason="needs the speech extra (espeakng-loader)")

from backend.batch.columns import COLUMNS
from backend.batch.sheet import read_sheet
from backend.core.errors import LipSyncError

GOOD = """id,text,voice,outputs,path,fps,speed,map
a,Bob made a map.,en-us,json,{id},30,1,AUTO
b,Mum,de,json csv,x/{id},25,1,
"""
CELLS = (
    "", "a", "../..", "/etc/x", "C:\\x", "..", ".", "con", "a/b", "{id}", "{id", "{}", "{0}", "{id.__class__}", "=1+1",
    "-1", "nan", "inf", "1e999", "0x10", "９", "30", "\u202ea", "\u0000", "\ud83d", "e\u0301", "😀", "a" * 6000, "json",
    "glb", "mp4 json", "AUTO", "universal", "..\\..\\x", "~", "$HOME", "%TEMP%", "\ufeff", '"', "'", ",", ";", "\t",
    "a\nb", "\x1b[2J", "NUL", "sounds", "sh {wav}", "piper", "<break/>", "<speak>", "&amp;", "null", "true", "[]",
)  # fmt: skip


def assert_read_or_told(path):
    try:
        sheet = read_sheet(path)
    except LipSyncError as error:
        assert str(error)
        return
    for problem in sheet.problems:
        assert problem.sentence.isprintable() or not any(category(one)[0] == "C" for one in problem.sentence)
        assert problem.number >= 1
    for line in sheet.lines:
        target = (path.parent / "out" / line.path).resolve()
        assert target.is_relative_to((path.parent / "out").resolve())
        assert target != (path.parent / "out").resolve()
        assert line.text or line.sound


@pytest.mark.parametrize("seed", range(4))
def test_bytes_of_chance(tmp_path, seed):
    rng = np.random.default_rng(seed)
    good = np.frombuffer(GOOD.encode(), np.uint8)
    for number in range(150):
        data = good.copy()
        at = rng.integers(0, len(data), int(rng.integers(1, 9)))
        data[at] = rng.integers(0, 256, len(at))
        path = tmp_path / ("a.csv" if number % 3 else "a.jsonl")
        path.write_bytes(data.tobytes() if number % 10 else rng.integers(0, 256, 300).astype(np.uint8).tobytes())
        assert_read_or_told(path)


@pytest.mark.parametrize("seed", range(4))
def test_cells_of_chance(tmp_path, seed):
    rng = np.random.default_rng(seed)
    for _ in range(60):
        rows = [{name: str(rng.choice(CELLS)) for name in COLUMNS if rng.uniform() < 0.4} for _ in range(3)]
        for row, name in zip(rows, "abc", strict=True):
            if rng.uniform() < 0.7:
                row["id"] = name
        path = tmp_path / "a.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        assert_read_or_told(path)


def test_values_of_every_kind_in_json(tmp_path):
    for value in (None, True, 3, 1e400, -0.0, [], ["a", 3], {"a": 1}, "x", [[]], 10**400):
        for name in COLUMNS:
            text = json.dumps({"id": "a", "text": "Bob", name: value})
            (tmp_path / "a.jsonl").write_text(text + "\n" + "[" * 500 + "\n{\n", encoding="utf-8")
            assert_read_or_told(tmp_path / "a.jsonl")
