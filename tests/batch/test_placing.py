# SPDX-License-Identifier: GPL-3.0-or-later
import os

import pytest

from backend.batch.cache import Cache
from backend.batch.lines import Line, Outcome, Piece
from backend.batch.placing import OutputFolder
from backend.core.errors import OutputError

KEY = "ab" * 32
LINE = Line(2, "a", "de/a", text="x", outputs=("json",))


@pytest.fixture
def made(tmp_path):
    """A folder, a cache that has a line's curves and strip, and the line's outcome."""
    folder, cache = OutputFolder(tmp_path / "out"), Cache(tmp_path / "cache")
    folder.open()
    with cache.draft(KEY) as draft:
        (draft.folder / "curves.json").write_text("{}")
        (draft.folder / "strip.png").write_bytes(b"png")
    pieces = {"json": Piece(KEY, "curves.json"), "strip": Piece(KEY, "strip.png")}
    return folder, cache, Outcome("a", pieces, {"confidence": 0.5})


def test_what_was_placed_is_known_until_anything_changes(made):
    folder, cache, outcome = made
    assert folder.current(LINE, "key") is None
    record = folder.place(LINE, "key", outcome, cache)
    assert folder.current(LINE, "key") == record
    assert (record.outputs, record.facts) == (
        {"json": "de/a.json", "strip": "report_files/de/a.png"}, {"confidence": 0.5}
    )  # fmt: skip
    assert folder.current(LINE, "other key") is None
    assert folder.current(Line(2, "a", "fr/a", text="x"), "key") is None  # the template changed
    path = folder.root / "de/a.json"
    os.utime(path, (1, 1))
    assert folder.current(LINE, "key") == record  # the same content at another time
    path.unlink()
    path.write_text("{")
    assert folder.current(LINE, "key") is None


def test_a_link_out_of_the_folder_is_not_followed(made, tmp_path):
    folder, cache, outcome = made
    (tmp_path / "elsewhere").mkdir()
    try:
        (folder.root / "de").symlink_to(tmp_path / "elsewhere")
    except OSError:
        pytest.skip("links need a right here")
    with pytest.raises(OutputError, match="leads out of the output folder"):
        folder.place(LINE, "key", outcome, cache)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_folder_in_the_way_is_the_lines_own_error(made):
    folder, cache, outcome = made
    (folder.root / "de/a.json").mkdir(parents=True)
    with pytest.raises(OutputError, match="cannot write"):
        folder.place(LINE, "key", outcome, cache)
    assert list((folder.own / "tmp").iterdir()) == []


def test_a_link_in_place_of_an_output_is_replaced(made, tmp_path):
    folder, cache, outcome = made
    (tmp_path / "precious").write_text("mine")
    (folder.root / "de").mkdir()
    try:
        (folder.root / "de/a.json").symlink_to(tmp_path / "precious")
    except OSError:
        pytest.skip("links need a right here")
    folder.place(LINE, "key", outcome, cache)
    assert (tmp_path / "precious").read_text() == "mine"
    assert (folder.root / "de/a.json").read_text() == "{}"
