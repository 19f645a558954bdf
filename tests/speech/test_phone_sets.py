# SPDX-License-Identifier: GPL-3.0-or-later
import csv

import pytest

from backend.core.errors import TimingError
from backend.core.types import PhoneSpan
from backend.speech.phone_sets import from_arpabet, from_ipa, shares_of_set, spans_of_labels
from backend.speech.phones import PHONES


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("ˈɑː", ["ɑ"]), ("aɪ", ["a", "ɪ"]), ("tʃ", ["tʃ"]), ("t͡ʃ", ["tʃ"]), ("ts", ["t", "s"]), ("pf", ["p", "f"]),
        ("ɔ̃", ["ɔ"]), ("pʰ", ["p"]), ("ɹ", ["r"]), ("ɐ", ["ə"]), ("ɕ", ["ʃ"]), ("ˈ", []), ("", ["sil"]),
        ("aɪɚ", ["a", "ɪ", "ɜ"]),
    ],
)  # fmt: skip
def test_ipa(label, expected):
    shares = from_ipa(label)
    assert [phone for phone, _ in shares] == expected
    assert sum(share for _, share in shares) == pytest.approx(1.0 if expected else 0.0)


def test_diphthongs_split_60_40():
    assert from_arpabet("AY1") == (("a", 0.6), ("ɪ", 0.4))
    assert from_arpabet("ow") == (("o", 0.6), ("ʊ", 0.4))


def test_unknown_arpabet_is_refused():
    with pytest.raises(TimingError, match="qq"):
        from_arpabet("qq")


def test_timit_closure_joins_its_release():
    rows = [
        (0.0, 0.1, "h#"),
        (0.1, 0.16, "pcl"),
        (0.16, 0.18, "p"),
        (0.18, 0.3, "iy"),
        (0.3, 0.4, "tcl"),
        (0.4, 0.45, "ch"),
    ]
    assert spans_of_labels(rows) == [
        PhoneSpan("sil", 0.0, 0.1), PhoneSpan("p", 0.1, 0.18), PhoneSpan("i", 0.18, 0.3), PhoneSpan("tʃ", 0.3, 0.45),
    ]  # fmt: skip


def test_two_stops_in_a_row_stay_two():
    rows = [(0.0, 0.1, "pcl"), (0.1, 0.12, "p"), (0.12, 0.2, "pcl"), (0.2, 0.22, "p")]
    assert [span.phone for span in spans_of_labels(rows)] == ["p", "p"]


def test_sets_are_told_apart():
    assert shares_of_set(["@", "i:", "dH", "S"])["S"] == (("ʃ", 1.0),)
    assert shares_of_set(["DH", "S", "SIL"])["DH"] == (("ð", 1.0),)
    assert shares_of_set(["ə", "r", "œ"])["œ"] == (("œ", 1.0),)


def test_every_measured_label_is_known(shared_data):
    for table in sorted((shared_data / "speech").glob("*/*.phones.csv")):
        with table.open(encoding="utf-8", newline="") as lines:
            rows = [(float(r["start_s"]), float(r["end_s"]), r["phone"]) for r in csv.DictReader(lines)]
        spans = spans_of_labels(rows)
        assert {span.phone for span in spans} <= set(PHONES)
        assert len(spans) > 5
