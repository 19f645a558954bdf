# SPDX-License-Identifier: GPL-3.0-or-later
"""Sheets as people write them."""

import json

import pytest

from backend.batch.columns import COLUMNS
from backend.batch.sheet import read_sheet
from backend.core.errors import SheetError


def sheet(tmp_path, text, name="a.csv", **given):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_sheet(path, **given)


def reasons(tmp_path, text, name="a.csv", **given):
    return [one.sentence for one in sheet(tmp_path, text, name, **given).problems]


def test_a_line_as_it_is_written(tmp_path):
    (tmp_path / "hero.glb").write_bytes(b"")
    text = 'id;text;language;character;outputs;speed;x_mood;pitch\nl1;"Hallo; du";de;hero.glb;GLB, .json;1.2;gut;-2\n'
    (line,) = sheet(tmp_path, "\ufeff" + text, defaults={"fps": "24"}, template="{language}/{character}/{id}").lines
    assert (line.id, line.text, line.language, line.number) == ("l1", "Hallo; du", "de", 2)
    assert (line.outputs, line.speed, line.pitch, line.fps) == (("json", "glb"), 1.2, -2.0, 24.0)
    assert (line.character, line.path, line.file_of("glb")) == (tmp_path / "hero.glb", "de/hero/l1", "de/hero/l1.glb")


def test_csv_and_jsonl_give_the_same(tmp_path):
    rows = [
        {"id": "a", "text": "one", "outputs": ["json", "csv"], "fps": 25},
        {"id": "ü", "text": 'he said "two",\nthen', "intensity": 0.5, "expression": "sad"},
    ]
    lines = "\n".join(json.dumps(row) for row in rows)
    table = 'id,text,outputs,fps,intensity,expression\na,one,json csv,25,,\nü,"he said ""two"",\nthen",,,0.5,sad\n'
    ours = sheet(tmp_path, table).lines
    theirs = sheet(tmp_path, lines, "a.jsonl").lines
    assert [(o.id, o.text, o.outputs, o.fps, o.intensity, o.expression) for o in ours] == [
        (t.id, t.text, t.outputs, t.fps, t.intensity, t.expression) for t in theirs
    ]
    assert [one.number for one in ours] == [2, 3]


BAD = {
    ",hello": "id: is empty",
    "a,": "text: is empty, and there is no sound",
    "a,🙂🙂": "has nothing that can be spoken",
    f"a,{'word ' * 2000}": "more than 5000",
    "a,=cmd|' /C calc'!A0": "a spreadsheet's formula",
    "a,+HYPERLINK(1)": "a spreadsheet's formula",
    "../a,hello": "holds /",
    "con.txt,hello": "device on Windows",
    "a\u202eb,hello": "cannot be seen",
    "a.,hello": "ends with a dot",
    f"{'ä' * 90},hello": "longer than 150 bytes",
    "a,hello,more,cells": "has 4 cells for 2 columns",
}


@pytest.mark.parametrize("row", BAD)
def test_bad_rows_are_told_apart(row, tmp_path):
    (told,) = reasons(tmp_path, f"id,text\nok,fine\n{row}\n")
    assert told.startswith("line 3")
    assert BAD[row] in told


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [
        ("sound", "none.wav", "no file none.wav"),
        ("character", "a.csv", "unknown kind of character"),
        ("map", "none", "no map 'none' ships"),
        ("map", "a.csv.json", "no file"),
        ("bundle", "none", "no bundle 'none'"),
        ("outputs", "glb doc", "unknown kind 'doc'"),
        ("outputs", "glb", "character: is empty"),
        ("fps", "fast", "'fast' is no number from 0.1 to 1000"),
        ("speed", "nan", "no number from 0.5 to 2"),
        ("start_frame", "1.5", "no whole number"),
        ("expression", "furious", "there are neutral, happy"),
        ("path", "../{id}", "climbs out of the output folder"),
        ("path", "/tmp/{id}", "no path within"),
        ("path", "C:{id}", "no path within"),
        ("path", ".LIPSYNC3D/{id}", "keeps its own files"),
        ("path", "{id.__class__}", "{id.__class__} is none of"),
        ("path", "{id", "mend the template"),
        ("transcript", "hello", "goes with a sound"),
    ],
)
def test_bad_cells_are_told_with_their_column(column, cell, words, tmp_path):
    told = reasons(tmp_path, f"id,text,{column}\na,hello,{cell}\n")
    assert any(words in one and one.startswith("line 2 (a): ") for one in told), told


@pytest.mark.parametrize("text", ["- Hello (she said).", "-5 degrees", "+1 (more)", "@everyone: look", "a = b"])
def test_speech_that_is_no_formula(text, tmp_path):
    assert reasons(tmp_path, f'id,text\na,"{text}"\n') == []


def test_every_problem_is_told_at_once(tmp_path):
    told = reasons(tmp_path, "id,text,fps,speed\nA,x,0,9\nb,,,\na,y,,\n")
    assert [one.partition(": ")[2].partition(":")[0] for one in told] == ["speed", "fps", "text", "id"]
    assert "line 2 has this id" in told[-1]


def test_two_lines_never_write_one_file(tmp_path):
    (told,) = reasons(tmp_path, "id,text\na,x\nb,y\n", template="same")
    assert "line 2 writes 'same' already" in told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("text\nhello\n", "the column 'id' is missing"),
        ("id,text,tetx,tetx\na,b,c,d\n", "no column 'tetx' is known; column"),
        ("id,text\n", "has no lines"),
        ('id,text\na,"open', "close the quotes"),
    ],
)
def test_sheets_that_are_none(text, words, tmp_path):
    with pytest.raises(SheetError, match=words):
        sheet(tmp_path, text)


def test_json_lines_that_are_none(tmp_path):
    told = reasons(tmp_path, '{"id": "a", "text": "x"}\nnonsense\n[1]\n{"id": "b", "text": {"x": 1}}\n', "a.jsonl")
    assert [words in one for words, one in zip(("is not JSON", "no JSON object", "is a dict"), told, strict=False)]
    assert len(told) == 4  # the last line has no text either


def test_columns_are_fields_of_a_line():
    assert len(set(COLUMNS)) == len(COLUMNS)


def test_defaults_of_the_default_character_are_its_own(tmp_path):
    for name in ("a.glb", "b.glb"):
        (tmp_path / name).write_bytes(b"")
    given = {"character": str(tmp_path / "a.glb"), "object": "Head"}
    lines = sheet(tmp_path, "id,text,character\n1,x,\n2,x,b.glb\n", defaults=given).lines
    assert [(line.character.name, line.object) for line in lines] == [("a.glb", "Head"), ("b.glb", "")]


def test_a_shipped_bundle_is_named_with_its_version(tmp_path):
    from backend.inference.bundle import find_bundle

    own = tmp_path / "mine"
    own.mkdir()
    lines = sheet(tmp_path, "id,text,bundle\na,x,\nb,x,universal\nc,x,mine\n").lines
    newest = find_bundle("universal").name
    assert [line.bundle for line in lines] == [newest, newest, str(own)]
