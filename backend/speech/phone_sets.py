# SPDX-License-Identifier: GPL-3.0-or-later
"""Other people's phone labels, turned into `PHONES`: IPA, ARPABET, TIMIT and the Australian SAMPA of EMU.

A label may stand for several phones (`aɪ`, TIMIT's stop closure and release are two labels of one phone); each
conversion gives `(phone, share of the label's time)` pairs. Diphthongs are split 60/40.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from unicodedata import normalize

from ..core.errors import TimingError
from ..core.types import PhoneSpan
from .phones import PHONES, SILENCE

Shares = tuple[tuple[str, float], ...]
DIPHTHONG_SPLIT = (0.6, 0.4)
VOWELS = frozenset("iyɪeøɛœæaɑɔoʊuʌəɜ")

_IPA_LETTERS: dict[str, str] = {
    "i": "i", "ɪ": "ɪ", "e": "e", "ɛ": "ɛ", "æ": "æ", "a": "a", "ɑ": "ɑ", "ɒ": "ɔ", "ɔ": "ɔ", "o": "o", "ʊ": "ʊ",
    "u": "u", "ʌ": "ʌ", "ə": "ə", "ɜ": "ɜ", "y": "y", "ø": "ø", "œ": "œ", "ɐ": "ə", "ɚ": "ɜ", "ɝ": "ɜ", "ᵻ": "ɪ",
    "ɨ": "ɪ", "ʉ": "u", "ɯ": "ɪ", "ʏ": "y", "ɤ": "ʌ", "ɵ": "ø", "ɘ": "ə", "ɞ": "ɜ", "ɶ": "œ", "ɩ": "ɪ", "ä": "a",
    "p": "p", "b": "b", "m": "m", "f": "f", "v": "v", "w": "w", "t": "t", "d": "d", "n": "n", "k": "k", "g": "ɡ",
    "ɡ": "ɡ", "ŋ": "ŋ", "θ": "θ", "ð": "ð", "s": "s", "z": "z", "ʃ": "ʃ", "ʒ": "ʒ", "x": "x", "h": "h", "l": "l",
    "r": "r", "j": "j", "ɹ": "r", "ɾ": "d", "ɻ": "r", "ʁ": "x", "ʀ": "x", "ɽ": "d", "ɺ": "d", "χ": "x", "ç": "x",
    "ɣ": "x", "ɦ": "h", "ħ": "h", "ʕ": "h", "ɸ": "f", "β": "b", "ʋ": "v", "ɱ": "f", "ɕ": "ʃ", "ʑ": "ʒ", "ʂ": "ʃ",
    "ʐ": "ʒ", "ɬ": "l", "ɮ": "l", "ɭ": "l", "ʎ": "l", "ɫ": "l", "ʟ": "l", "ɲ": "n", "ɳ": "n", "ɴ": "ŋ", "ɟ": "ɡ",
    "c": "k", "q": "k", "ʈ": "t", "ɖ": "d", "ɢ": "ɡ", "ɓ": "b", "ɗ": "d", "ɠ": "ɡ", "ʍ": "w", "ɥ": "y", "ɰ": "ɡ",
    "ʝ": "j",
}  # fmt: skip
"""Each IPA letter and the label whose mouth it shares; letters not listed (length, stress, tone) carry no time."""
_AFFRICATES: dict[str, str] = {
    "tʃ": "tʃ", "dʒ": "dʒ", "tɕ": "tʃ", "dʑ": "dʒ", "tʂ": "tʃ", "dʐ": "dʒ", "cç": "tʃ", "ʈʂ": "tʃ", "ɖʐ": "dʒ",
}  # fmt: skip
_ARPABET: dict[str, str] = {
    "aa": "ɑ", "ae": "æ", "ah": "ʌ", "ao": "ɔ", "aw": "aʊ", "ay": "aɪ", "eh": "ɛ", "er": "ɜ", "ey": "eɪ", "ih": "ɪ",
    "iy": "i", "ow": "oʊ", "oy": "ɔɪ", "uh": "ʊ", "uw": "u", "ax": "ə", "ax-h": "ə", "axr": "ɜ", "ix": "ɪ",
    "ux": "u", "p": "p", "b": "b", "m": "m", "f": "f", "v": "v", "w": "w", "t": "t", "d": "d", "n": "n", "k": "k",
    "g": "ɡ", "ng": "ŋ", "th": "θ", "dh": "ð", "s": "s", "z": "z", "sh": "ʃ", "zh": "ʒ", "ch": "tʃ", "jh": "dʒ",
    "hh": "h", "l": "l", "r": "r", "y": "j", "dx": "d", "nx": "n", "em": "m", "en": "n", "eng": "ŋ", "el": "l",
    "hv": "h", "q": "t", "pt": "p", "wh": "w",
}  # fmt: skip
_CLOSURES: dict[str, str] = {"pcl": "p", "bcl": "b", "tcl": "t", "dcl": "d", "kcl": "k", "gcl": "ɡ"}
_SILENCES = frozenset({"sil", "h#", "pau", "epi", "sp", "spn", "ssil", "#", "", "<p:>", "_", "+spn+", "+nsn+"})
_EMU: dict[str, str] = {
    "@": "ə", "@:": "ɜ", "i:": "i", "I": "ɪ", "E": "ɛ", "A": "æ", "a:": "ɑ", "V": "ʌ", "O": "ɔ", "o:": "ɔ", "U": "ʊ",
    "u:": "u", "ai": "aɪ", "ei": "eɪ", "Ow": "oʊ", "oi": "ɔɪ", "au": "aʊ", "i@": "ɪə", "e@": "ɛə", "S": "ʃ", "Z": "ʒ",
    "T": "θ", "D": "ð", "N": "ŋ", "H": "h", "dH": "d", "NH": "n", "db": "d", "tS": "tʃ", "dZ": "dʒ", "j": "j",
    "g": "ɡ", "r": "r", "w": "w",
}  # fmt: skip


@lru_cache(maxsize=4096)
def from_ipa(label: str) -> Shares:
    """Return the phones of an IPA label with their shares; nothing where it holds no sound (a stress mark)."""
    if label in _SILENCES:
        return ((SILENCE, 1.0),)
    phones: list[str] = []
    index = 0
    while index < len(label):
        pair = label[index : index + 2]
        joined = _AFFRICATES.get(pair) or _AFFRICATES.get(label[index : index + 3].replace("\u0361", ""))
        if joined:
            phones.append(joined)
            index += 2 + (pair[-1:] == "\u0361")
            continue
        phone = _IPA_LETTERS.get(label[index]) or _IPA_LETTERS.get(normalize("NFD", label[index])[0])
        if phone and phones[-1:] != [phone]:
            phones.append(phone)
        index += 1
    return _shared(phones)


def from_arpabet(label: str) -> Shares:
    """Return the phones of an ARPABET or TIMIT label, any case, stress digit ignored; closures are their stops.

    Raises:
        TimingError: a label that neither set knows.
    """
    name = label.lower().rstrip("0123456789")
    if name in _SILENCES:
        return ((SILENCE, 1.0),)
    ipa = _CLOSURES.get(name) or _ARPABET.get(name)
    if ipa is None:
        raise TimingError(f"phone label {label!r} is not ARPABET; use ARPABET, TIMIT or IPA labels")
    return from_ipa(ipa)


def from_any(label: str) -> Shares:
    """Return the phones of a label of unknown set: ARPABET, EMU's SAMPA or IPA, told apart label by label.

    Upper-case two-letter labels and lower-case ones that IPA lacks are ARPABET; a set of labels is better read
    as a whole by `shares_of_set`.
    """
    if label in _EMU:
        return from_ipa(_EMU[label])
    try:
        return from_arpabet(label)
    except TimingError:
        shares = from_ipa(label)
        if not shares:
            raise
        return shares


def shares_of_set(labels: Iterable[str]) -> dict[str, Shares]:
    """Return the conversion of each label of one file, whose set is told by the labels that only it has.

    Raises:
        TimingError: a label that fits no set.
    """
    names = set(labels)
    if names & {"i:", "u:", "o:", "@", "@:"}:
        return {name: from_ipa(_EMU.get(name, name)) for name in names}
    if all(name.lower().rstrip("0123456789") in {*_ARPABET, *_CLOSURES, *_SILENCES} for name in names):
        return {name: from_arpabet(name) for name in names}
    return {name: from_any(name) if not from_ipa(name) else from_ipa(name) for name in names}


def spans_of_labels(rows: Sequence[tuple[float, float, str]]) -> list[PhoneSpan]:
    """Return labelled rows `(start_s, end_s, label)` of one file as spans: closures joined to their release.

    Raises:
        TimingError: a label that fits no set.
    """
    shares = shares_of_set(label for _, _, label in rows)
    spans: list[PhoneSpan] = []
    joinable = False
    for start_s, end_s, label in rows:
        pieces = split_span(shares[label], start_s, end_s)
        same = joinable and pieces and spans and spans[-1].phone in _release_of(pieces[0].phone)
        if same and abs(spans[-1].end_s - start_s) < 0.002:
            pieces[0] = PhoneSpan(pieces[0].phone, spans[-1].start_s, pieces[0].end_s)
            spans.pop()
        spans += pieces
        joinable = label.lower() in _CLOSURES
    return joined_silences(spans)


def _release_of(phone: str) -> frozenset[str]:
    """Return the stops whose closure may run into `phone`'s release."""
    return frozenset({phone, "t"} if phone == "tʃ" else {phone, "d"} if phone == "dʒ" else {phone})


def split_span(shares: Shares, start_s: float, end_s: float) -> list[PhoneSpan]:
    """Return the spans of a label's phones over its time."""
    spans: list[PhoneSpan] = []
    at = start_s
    for phone, share in shares:
        until = at + share * (end_s - start_s)
        spans.append(PhoneSpan(phone, at, until))
        at = until
    return spans


def joined_silences(spans: Sequence[PhoneSpan]) -> list[PhoneSpan]:
    """Return the spans with neighbouring silences as one and empty spans left out."""
    joined: list[PhoneSpan] = []
    for span in spans:
        if span.end_s <= span.start_s:
            continue
        if joined and span.phone == SILENCE == joined[-1].phone:
            joined[-1] = PhoneSpan(SILENCE, joined[-1].start_s, span.end_s)
        else:
            joined.append(span)
    return joined


def _shared(phones: Sequence[str]) -> Shares:
    if any(phone not in PHONES for phone in phones):
        raise TimingError(f"phones {' '.join(phones)}: not all of them are in the shared phone set")
    if len(phones) == 2 and phones[0][0] in VOWELS and phones[1][0] in VOWELS:
        return tuple(zip(phones, DIPHTHONG_SPLIT, strict=True))
    return tuple((phone, 1.0 / len(phones)) for phone in phones)
