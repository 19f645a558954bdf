# SPDX-License-Identifier: GPL-3.0-or-later
import pytest

from backend.core.errors import TimingError
from backend.inference.known_phones import fit_phones, read_phones, write_phones


def written(tmp_path, text):
    path = tmp_path / "phones.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_written_phones_come_back(tmp_path, spans):
    write_phones(tmp_path / "a.json", spans)
    for ours, theirs in zip(read_phones(tmp_path / "a.json"), spans, strict=True):
        assert ours.phone == theirs.phone
        assert ours.confidence == pytest.approx(0.9)
        assert (ours.start_s, ours.end_s) == pytest.approx((theirs.start_s, theirs.end_s), abs=1e-4)


def test_csv_with_diphthongs_and_arpabet(tmp_path):
    ipa = read_phones(written(tmp_path, "start_s,end_s,phone\n0,0.1,m\n0.1,0.3,aɪ\n"))
    assert [span.phone for span in ipa] == ["m", "a", "ɪ"]
    assert ipa[1].end_s == pytest.approx(0.22)
    arpabet = read_phones(written(tmp_path, "start_s, end_s, phone\n0, 0.1, M\n0.1, 0.3, AY1\n"))
    assert [span.phone for span in arpabet] == ["m", "a", "ɪ"]


def test_gaps_become_silence_and_the_sound_bounds_the_phones(tmp_path):
    spans = read_phones(written(tmp_path, "start_s,end_s,phone\n0.2,0.4,m\n0.6,1.2,a\n"))
    fitted = fit_phones(spans, 1.0, "x")
    assert [span.phone for span in fitted] == ["sil", "m", "sil", "a"]
    assert fitted[-1].end_s == 1.0
    with pytest.raises(TimingError, match=r"sound ends at 0\.500"):
        fit_phones(spans, 0.5, "x")


HEAD = "start_s,end_s,phone\n0,0.1,m\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "columns"),
        ("start_s,end_s,phone\n", "no phones"),
        ("a,b\n1,2\n", "line 1"),
        (HEAD + "0.1,x,a\n", "line 3.*seconds"),
        (HEAD + "0.1,0.2," + "a" * 200_000, "line 3.*limit"),
        ('[{"phone": "a", "start_s": 0, "end_s": 1' + "0" * 400 + "}]", "entry 1.*seconds"),
        (HEAD + "0.1,0.1,a\n", "line 3.*not after"),
        (HEAD + "0.05,0.2,a\n", "line 3.*before"),
        (HEAD + "0.1,nan,a\n", "line 3.*finite"),
        (HEAD + "0.1,0.2,?!\n", r"\?!"),
        (HEAD.replace("0,", "-1,"), "line 2.*before 0"),
        ('[{"phone": "m", "start_s": 0}]', "entry 1"),
        ("[3]", "entry 1"),
        ('{"fps": 3}', "list of phones"),
        ("[", "not valid JSON"),
    ],
)
def test_mistakes_are_named_by_their_line(tmp_path, text, words):
    with pytest.raises(TimingError, match=words):
        read_phones(written(tmp_path, text))


def test_a_missing_phones_file_is_named(tmp_path):
    with pytest.raises(TimingError, match=r"none\.csv"):
        read_phones(tmp_path / "none.csv")
