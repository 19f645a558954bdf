# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of a rig's names mean which control of one naming map."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .maps import BlendshapeMap, Control
from .names import bone_readings, ending_readings, halves, is_node_prefix, readings, spellings

BY_ENDING = 1000
"""Rank of a name that fits but for its ending, behind all others."""
OWN_GROUP = 3
"""Controls that share a name prefix from which that prefix is one of the rig's, not a stray."""


@dataclass(frozen=True)
class _Entry:
    """What a spelling may mean: control name -> how far the spelling is from its own name, which is 0."""

    ranks: dict[str, int] = field(default_factory=dict[str, int])
    behind_any_prefix: dict[str, int] = field(default_factory=dict[str, int])
    """The same without the controls whose names must stand alone."""


Table = dict[str, _Entry]


def names_by_control(names: Sequence[str], one: BlendshapeMap, kind: str) -> dict[str, tuple[str, ...]]:
    """Return control name -> the rig's names of a kind for it.

    A control's own name wins over its aliases. Names that only differ by a prefix all count where the prefix is one
    of the rig's (`OWN_GROUP` controls have it); a stray (`corrective_jawOpen`) only where nothing better is there.
    An ending (`jawOpen_Mesh`) must be the rig's, and counts only for controls that are not there without it.
    """
    if one.exact:
        return _letter_by_letter(names, one, kind)
    table = _table(one, kind)
    if not table:
        return {}
    found: dict[str, list[tuple[int, str, str]]] = {}
    prefixes: Counter[str] = Counter()
    left: list[str] = []
    for name in names:
        prefix, ranks = _known(bone_readings(name) if kind == "bone" else readings(name), table, kind)
        for control, rank in ranks.items():
            found.setdefault(control, []).append((rank, prefix, name))
        if ranks:
            prefixes[prefix] += 1
        else:
            left.append(name)
    for control, rank, ending, name in _by_ending(left if kind != "bone" else (), table, kind):
        prefixes[ending] += 1
        found.setdefault(control, []).append((rank, ending, name))
    return {control: _best(spelled, prefixes) for control, spelled in found.items()}


def _letter_by_letter(names: Sequence[str], one: BlendshapeMap, kind: str) -> dict[str, tuple[str, ...]]:
    there = set(names)
    found: dict[str, tuple[str, ...]] = {}
    for control in one.controls:
        if control.kind == kind:
            written = control.aliases if control.kind == "bone" and control.aliases else (control.name,)
            if kept := tuple(name for name in written if name in there):
                found[control.name] = kept
    return found


def _known(read: Iterable[tuple[str, str]], table: Table, kind: str) -> tuple[str, Mapping[str, int]]:
    """Return the prefix of the first reading that means something, with the controls that it may mean."""
    for prefix, spelled in read:
        entry = table.get(spelled)
        if entry is None or (kind == "property" and len(spelled) == 1):
            continue
        ranks = entry.ranks if is_node_prefix(prefix) else entry.behind_any_prefix
        if ranks:
            return prefix, ranks
    return "", {}


def _by_ending(names: Iterable[str], table: Table, kind: str) -> Iterator[tuple[str, int, str, str]]:
    """Yield (control, rank, ending, name) of names that mean a control but for an ending that others share."""
    groups: dict[str, list[tuple[str, int, str]]] = {}
    for name in names:
        for ending, read in ending_readings(name):
            _, ranks = _known(read, table, kind)
            if ranks:
                groups.setdefault(ending, []).extend((control, rank, name) for control, rank in ranks.items())
                break
    for ending, group in groups.items():
        if len(group) >= OWN_GROUP:
            yield from ((control, BY_ENDING + rank, ending, name) for control, rank, name in group)


def _best(spelled: Sequence[tuple[int, str, str]], prefixes: Mapping[str, int]) -> tuple[str, ...]:
    own = [entry for entry in spelled if not entry[1] or prefixes[entry[1]] >= OWN_GROUP]
    kept = own or [min(spelled, key=lambda entry: (-prefixes[entry[1]], len(entry[1]), entry[2]))]
    rank = min(entry[0] for entry in kept)
    return tuple(name for r, _, name in kept if r == rank)


def own_names(control: Control) -> tuple[str, ...]:
    """Return how the convention writes a control; a bone's name is only a label where it has aliases."""
    return control.parts if control.kind == "bone" and control.aliases else (control.name, *control.parts)


def _table(one: BlendshapeMap, kind: str) -> Table:
    """Return spelling -> what it may mean: several controls only of one bone's channels.

    The aliases of a bone go by their order, since two of them in one armature are two bones (`jaw_master` and `jaw`).
    """
    table: Table = {}
    for control in one.controls:
        if control.kind != kind and (control.kind, kind) != ("shape", "property"):
            continue
        ranked = [(0, name) for name in own_names(control)]
        ranked += [(1 + place * (kind == "bone"), name) for place, name in enumerate(control.aliases)]
        if not control.extra and kind != "bone":
            ranked += [(2, half) for half in halves(control.name, control.side)]
        for rank, name in ranked:
            for spelled in spellings(name, control.side):
                entry = table.setdefault(spelled, _Entry())
                entry.ranks.setdefault(control.name, rank)
                if not control.whole:
                    entry.behind_any_prefix.setdefault(control.name, rank)
    return table
