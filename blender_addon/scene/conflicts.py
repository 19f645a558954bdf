# SPDX-License-Identifier: GPL-3.0-or-later
"""What more than one thing wants to drive on a character: told before the bake."""

from collections.abc import Iterator
from functools import lru_cache

from ..backend.retarget import detect
from ..backend.retarget.detect import MapMatch, RigNames
from ..backend.retarget.maps import BlendshapeMap
from .character import Character

SHOWN = 6
"""Names told of one kind of conflict."""
WELL = 0.5
"""Part of another map's mouth controls from which it is worth telling."""


def conflicts(character: Character, match: MapMatch) -> tuple[str, ...]:
    """Return what the map and something else both drive, in words.

    Args:
        character: the selected one.
        match: how it fits the chosen map.
    """
    return (
        *_driven(character, match.map),
        *_claimed_twice(character, match),
        *_fixed(character, match),
        *_other_maps(character.names, match),
    )


def _driven(character: Character, one: BlendshapeMap) -> Iterator[str]:
    """Yield shapes that the map would move and that drivers keep."""
    for face in character.faces:
        if face.driven:
            wanted = detect.match(one, RigNames(face.driven)).controls
            names = [name for matched in wanted for name in matched.names]
            if names:
                yield f"drivers keep {_listed(names)} of {face.object_name}; the map cannot move them"


def _claimed_twice(character: Character, match: MapMatch) -> Iterator[str]:
    """Yield controls that are keyed in the same place."""
    claimed: dict[tuple[object, ...], str] = {}
    for matched in match.controls:
        for name in matched.names:
            for place in character.places.get((matched.control.kind, name), ()):
                if place.table is not None:  # shapes on one slider are solved together
                    continue
                what = (place.owner, place.path, place.index, matched.control.bone)
                first = claimed.setdefault(what, matched.control.name)
                if first != matched.control.name:
                    yield f"{first} and {matched.control.name} of the map both drive {name}; mute one of them"


def _fixed(character: Character, match: MapMatch) -> Iterator[str]:
    """Yield bones whose location the map moves and that hang on their parent's end, where it has no effect."""
    for name in sorted({name for one in match.controls if one.control.channel == "location" for name in one.names}):
        for place in character.places.get(("bone", name), ()):
            if place.owner.find().pose.bones[name].bone.use_connect:
                yield f"{name} is connected to its parent, so that its location has no effect; disconnect it"


def _other_maps(names: RigNames, match: MapMatch) -> Iterator[str]:
    for title, there, total, shared in _also(names, match.map.id):
        also = f"also fits {title} ({there} of {total})"
        yield f"{also}; {_listed(shared)} are in both maps" if shared else f"{also}, whose controls stay as they are"


@lru_cache(maxsize=8)
def _also(names: RigNames, used: str) -> tuple[tuple[str, int, int, tuple[str, ...]], ...]:
    """Return other maps that fit well: title, controls that are there, of how many, and the names both use."""
    found = detect.detected(names)
    own = {name for match in found if match.map.id == used for one in match.controls for name in one.names}
    return tuple(
        (match.map.title, match.total - len(match.missing), match.total, _shared(match, own))
        for match in found
        if match.map.id != used and match.refusal is None and match.mouth_coverage >= WELL and match.map.priority >= 0
    )


def _shared(match: MapMatch, own: set[str]) -> tuple[str, ...]:
    return tuple(name for matched in match.controls for name in matched.names if name in own)


def _listed(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
