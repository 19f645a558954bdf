# SPDX-License-Identifier: GPL-3.0-or-later
import pytest

from backend.core.errors import TimingError
from backend.core.files import read_bounded_text


def test_a_text_is_read_without_its_byte_order_mark(tmp_path):
    (tmp_path / "a.txt").write_bytes("\ufeffmüde".encode())
    assert read_bounded_text(tmp_path / "a.txt", "text file", 1 << 20, TimingError) == "müde"


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"a" * (2 << 20), "is larger than 1 MB"), (b"\xff\xfe\x00", "is not UTF-8"), (None, "cannot read")],
)
def test_what_cannot_be_read_is_told(tmp_path, content, said):
    path = tmp_path / "a.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TimingError, match=said):
        read_bounded_text(path, "text file", 1 << 20, TimingError)
