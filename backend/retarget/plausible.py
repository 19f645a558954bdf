# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether names that fit a convention are those of a face: an alphabet is no row of visemes, a vice has a jaw too."""

from collections.abc import Collection

from .names import key, words

FEW_CONTROLS = 4
"""Up to so many controls of jaw and lips may be there by chance; then other names must speak of a face."""
FEW_NAMES = 3
"""Fewer other names than this tell nothing, so that a lone `jawOpen` is believed."""
FEW_LETTERS = 3
"""So many other single letters make the matched ones an alphabet."""
AMBIGUOUS_NEEDED = 2

FACE_WORDS = frozenset({
    "eye", "eyes", "eyelid", "eyelids", "lid", "lids", "brow", "brows", "eyebrow", "eyebrows", "nose", "nostril",
    "cheek", "cheeks", "tongue", "smile", "grin", "blink", "wink", "frown", "squint", "sneer", "face", "facial",
    "skull", "mandible", "viseme", "visemes", "phoneme", "happy", "sad", "angry", "surprised", "joy", "sorrow", "fun",
    "relaxed", "emotion", "expression", "expressions",
    "目", "眉", "口", "舌", "歯", "顔", "笑い", "怒り", "まばたき", "ウィンク",
})  # fmt: skip
"""Words that hardly anything but a face has."""
AMBIGUOUS_WORDS = frozenset({
    "jaw", "mouth", "lip", "lips", "teeth", "tooth", "chin", "head", "neck", "ear", "ears", "throat", "beard", "spine",
    "shoulder", "hips", "頭", "首",
})  # fmt: skip
"""Words that tools, bags and bottles have as well; a face has two of them."""


def alphabet(used: Collection[str], names: Collection[str]) -> tuple[str, ...]:
    """Return the single letters that show the matched ones to be letters, not visemes; none where there are few.

    Args:
        used: the rig's names that were matched.
        names: all the rig's names.
    """
    if not any(_is_letter(name) for name in used):
        return ()
    others = tuple(name for name in names if _is_letter(name) and name not in used)
    return others if len(others) >= FEW_LETTERS else ()


def is_of_a_face(used: Collection[str], names: Collection[str]) -> bool:
    """Return whether the names that were not matched leave it likely that the matched ones are of a face."""
    others = [name for name in names if name not in used]
    if len(others) < (1 if are_letters(used) else FEW_NAMES):
        return True
    own = {word for name in used for word in words(name)}
    found = {word for name in others for word in words(name)} - own
    return bool(found & FACE_WORDS) or len(found & AMBIGUOUS_WORDS) >= AMBIGUOUS_NEEDED


def are_letters(used: Collection[str]) -> bool:
    """Return whether most of the matched names are single letters, which mean anything."""
    return 2 * sum(_is_letter(name) for name in used) > len(used)


def _is_letter(name: str) -> bool:
    found = key(name)
    return len(found) == 1 and found.isalpha()
