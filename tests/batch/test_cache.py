# SPDX-License-Identifier: GPL-3.0-or-later
import errno
import os

import pytest

from backend.batch.cache import Cache, CacheError
from backend.core.errors import SynthesisError

KEY, OTHER = "ab" * 32, "cd" * 32


def keep(cache, key, data=b"data"):
    with cache.draft(key) as draft:
        (draft.folder / "file").write_bytes(data)
        draft.facts["length"] = len(data)
    return cache.find(key)


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_an_entry_comes_back_as_it_was(tmp_path):
    cache = Cache(tmp_path)
    assert cache.find(KEY) is None
    keep(cache, KEY)
    found = Cache(tmp_path).find(KEY)
    assert (found.file("file").read_bytes(), found.facts) == (b"data", {"length": 4})


def test_what_fails_leaves_nothing(tmp_path):
    cache = Cache(tmp_path)
    with pytest.raises(SynthesisError), cache.draft(KEY) as draft:
        (draft.folder / "file").write_bytes(b"half")
        raise SynthesisError("no")
    assert (cache.find(KEY), files(tmp_path)) == (None, [])


def test_a_damaged_entry_is_taken_away(tmp_path):
    keep(Cache(tmp_path), KEY).file("file").write_bytes(b"date")
    assert (Cache(tmp_path).find(KEY), files(tmp_path)) == (None, [])


def test_an_entry_without_its_list_is_none(tmp_path):
    entry = keep(Cache(tmp_path), KEY)
    (entry.folder / "entry.json").unlink()
    assert Cache(tmp_path).find(KEY) is None
    assert keep(Cache(tmp_path), KEY) is not None


def test_the_first_of_two_makers_wins(tmp_path):
    cache = Cache(tmp_path)
    with cache.draft(KEY) as slow:
        (slow.folder / "file").write_bytes(b"slow")
        keep(cache, KEY, b"quick")
    assert Cache(tmp_path).find(KEY).file("file").read_bytes() == b"quick"
    assert files(tmp_path) == ["entry.json", "file"]


def test_a_full_disk_is_told_apart(tmp_path):
    cache = Cache(tmp_path)
    with pytest.raises(CacheError, match="No space left on device; free some space"), cache.draft(KEY):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(PermissionError), cache.draft(KEY):
        raise PermissionError(errno.EACCES, "Permission denied", "somebody's sound.wav")


def test_entries_travel(tmp_path):
    here, there = Cache(tmp_path / "a"), Cache(tmp_path / "b")
    keep(here, KEY)
    there.adopt(KEY, here.shipped(KEY))
    assert (tmp_path / "a/objects/ab" / KEY / "entry.json").read_bytes() == (
        tmp_path / "b/objects/ab" / KEY / "entry.json"
    ).read_bytes()
    assert there.find(KEY).facts == {"length": 4}


def test_the_oldest_go_first(tmp_path):
    cache = Cache(tmp_path)
    for age, key in enumerate((KEY, OTHER, "ef" * 32)):
        os.utime(keep(cache, key, bytes(1000)).folder / "entry.json", (9000 - age, 9000 - age))
    assert cache.prune(2500, kept={"ef" * 32}) == 1
    assert [Cache(tmp_path).find(key) is None for key in (KEY, OTHER, "ef" * 32)] == [False, True, False]


def test_clean_takes_what_was_left_half_made(tmp_path):
    (tmp_path / "tmp/left").mkdir(parents=True)
    Cache(tmp_path).clean(alone=False)
    assert (tmp_path / "tmp/left").is_dir()
    Cache(tmp_path).clean(alone=True)
    assert not (tmp_path / "tmp/left").exists()
