# SPDX-License-Identifier: GPL-3.0-or-later
"""Spellings of one control's name: case, separators, prefixes, and where the side of the face is written.

A spelling is compared by its key: compatibility-normalised, case-folded, without separators. `eyeBlink_L`,
`EyeBlinkLeft`, `eye_blink_left` and `Left Eye Blink` all have a key in `spellings("eyeBlinkLeft", side="left")`.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

MAX_NAME = 256
"""Longer names of a rig are cut before they are compared; no naming convention comes near."""
MOST_WORDS = 16
"""Words at the end of a name that a control may be called by; what stands before is a prefix."""
MOST_ENDINGS = 2
"""Words after separators that may be an ending of a rig's own."""
SHORT_KEY = 3
"""Keys up to this length (`aa`, `PP`) must be the whole name but for a node prefix: `MTH_E` is not the viseme `E`."""

_SEPARATOR = re.compile(r"[\W_]+")
_COPY_NUMBER = re.compile(r"\.\d{3,}$")
_NODE_PREFIX = re.compile(r"^.*[|:]|^[A-Za-z]*[Ss]hapes?\d*\.")
_NAMESPACE = re.compile(r"^.*[|:]")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
_SIDES = {"left": ("left", "l"), "right": ("right", "r")}


def key(text: str) -> str:
    """Return what two spellings of one name have in common."""
    return _SEPARATOR.sub("", unicodedata.normalize("NFKC", text)).casefold()


def words(name: str) -> list[str]:
    """Return the words of a camelCase or separated name, lower-case."""
    return [word.casefold() for word in _WORD.findall(unicodedata.normalize("NFKC", name))]


@lru_cache(maxsize=1 << 14)
def spellings(name: str, side: str | None = None) -> frozenset[str]:
    """Return the keys that mean `name`.

    Args:
        name: a control's name or alias, e.g. `mouthLowerDownLeft`.
        side: `left` or `right` where the name is of one side of the face: then the side may be written in full or by
            its letter, at the end, in front or between the words. None keeps the name whole (`mouthLeft` is a
            direction, not a side).
    """
    parts = words(name)
    if side is None or not parts or parts[-1] not in _SIDES[side]:
        return frozenset({key(name)})
    stem = parts[:-1]
    return frozenset(
        "".join([*stem[:place], mark, *stem[place:]]) for mark in _SIDES[side] for place in range(len(stem) + 1)
    )


@lru_cache(maxsize=1 << 15)
def ending_readings(name: str) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Return (ending, readings without it) of a name, the shortest ending first: `jawOpen_Teeth` less `_Teeth`.

    A side is no ending, and neither is a copy number; what is left must be longer than `SHORT_KEY`.
    """
    text = _COPY_NUMBER.sub("", unicodedata.normalize("NFKC", name)[:MAX_NAME])
    marks = {mark for marks in _SIDES.values() for mark in marks}
    found: list[tuple[str, tuple[tuple[str, str], ...]]] = []
    for separator in reversed(list(_SEPARATOR.finditer(text))[-MOST_ENDINGS:]):
        stem, ending = text[: separator.start()], text[separator.start() :]
        if len(key(stem)) > SHORT_KEY and key(ending) and key(ending) not in marks:
            found.append((ending, readings(stem)))
    return tuple(found)


def is_node_prefix(prefix: str) -> bool:
    """Return whether what stands before a name is empty or says where it lies (`face|`, `rig:`, `blendShape1.`)."""
    found = _NODE_PREFIX.match(prefix)
    return not prefix or (found is not None and found.end() == len(prefix))


def halves(name: str, side: str | None = None) -> tuple[str, ...]:
    """Return names of the two halves of a movement that has no side: `mouthFunnel_l`, `mouthFunnel_right`.

    None of names that already end in a direction (`mouthLeft`), and none of short ones (`aa_L`).
    """
    parts = words(name)
    ends = [mark for marks in _SIDES.values() for mark in marks]
    if side is not None or not parts or parts[-1] in ends or len(key(name)) <= SHORT_KEY:
        return ()
    return tuple(f"{name}_{mark}" for mark in ends)


def bone_readings(name: str) -> Iterator[tuple[str, str]]:
    """Yield (prefix, key) readings of a bone's name: whole, or behind a namespace (`mixamorig:Jaw`).

    Numbers at the end tell bones apart (`lip.T.L.001`), and a prefix is another bone (`DEF-jaw`).
    """
    text = unicodedata.normalize("NFKC", name)[:MAX_NAME]
    namespace = _NAMESPACE.match(text)
    for start in sorted({0, namespace.end() if namespace else 0}):
        if found := key(text[start:]):
            yield text[:start], found


@lru_cache(maxsize=1 << 15)
def readings(name: str) -> tuple[tuple[str, str], ...]:
    """Return the (prefix, key) readings of a rig's shape name, the one with the least prefix first.

    `blendShape2.eyeBlink_L` reads as (``, blendshape2eyeblinkl), (`blendShape2.`, eyeblinkl), …; a trailing copy number
    (`.001`) is dropped. A key of at most `SHORT_KEY` letters is only read behind a node prefix (`face|`, `rig:`,
    `blendShape1.`).
    """
    text = _COPY_NUMBER.sub("", unicodedata.normalize("NFKC", name)[:MAX_NAME])
    node = _NODE_PREFIX.match(text)
    found: list[tuple[str, str]] = []
    ends = [separator.end() for separator in _SEPARATOR.finditer(text)]
    for start in (0, *ends[-MOST_WORDS:]):
        spelled = key(text[start:])
        whole = start == 0 or (node is not None and start == node.end())
        if spelled and (whole or len(spelled) > SHORT_KEY):
            found.append((text[:start], spelled))
    return tuple(found)
