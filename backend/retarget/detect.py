# SPDX-License-Identifier: GPL-3.0-or-later
"""Which naming convention a rig follows, how much of it is there, and why not where it cannot be animated."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from ..core.errors import RigError
from .effects import opens_mouth
from .map_checks import KINDS
from .maps import BlendshapeMap, Control, load_maps
from .matching import names_by_control
from .names import key, readings
from .plausible import FEW_CONTROLS, alphabet, are_letters, is_of_a_face

MOUTH_REGIONS = ("jaw", "lips")
GOOD_COVERAGE = 0.5
"""Part of a convention's mouth controls from which its priority counts."""
MOST_NAMES = 20_000
"""More shape names than this are not looked at."""
SHOWN = 12
"""Names listed in a message."""


@dataclass(frozen=True)
class RigNames:
    """What a character has that could be keyed; repeats do no harm."""

    shapes: tuple[str, ...] = ()
    """Shape keys of all its meshes."""
    bones: tuple[str, ...] = ()
    """Pose bones of its armature."""
    properties: tuple[str, ...] = ()
    """Custom properties of its armature, bones and meshes that hold a number."""

    @classmethod
    def of(cls, names: "Names") -> "RigNames":
        """Return names of shapes as a character's; no repeats, no `Basis`, nothing beyond `MOST_NAMES` of a kind."""
        rig = names if isinstance(names, RigNames) else cls(tuple(islice(names, MOST_NAMES)))
        kinds = (rig.shapes, rig.bones, rig.properties)
        shapes, bones, properties = (tuple(dict.fromkeys(islice(some, MOST_NAMES))) for some in kinds)
        return cls(tuple(name for name in shapes if name != "Basis"), bones, properties)

    def of_kind(self, kind: str) -> tuple[str, ...]:
        """Return the names of one kind of control."""
        return {"shape": self.shapes, "bone": self.bones, "property": self.properties}[kind]


Names = RigNames | Iterable[str]
"""A character, or the names of its shapes only."""


@dataclass(frozen=True)
class MatchedControl:
    """A control of a convention that the rig has."""

    control: Control
    """Its `kind` is that of what was found."""
    names: tuple[str, ...]
    """The rig's names for it, of that kind, all to be driven alike (e.g. the same shape on head and teeth)."""


@dataclass(frozen=True)
class MapMatch:
    """How a rig fits one map."""

    map: BlendshapeMap
    controls: tuple[MatchedControl, ...]
    """In the map's order."""
    missing: tuple[str, ...]
    """Names of the map's own controls that the rig lacks, those of jaw and lips first."""
    unknown: tuple[str, ...]
    """Names of the rig that mean nothing in this map."""
    refusal: str | None
    """Why the rig cannot be lip-synced by this map; None where it can."""

    @property
    def total(self) -> int:
        """Number of controls that the convention has."""
        return sum(not control.extra for control in self.map.controls)

    @property
    def mouth_coverage(self) -> float:
        """Part of the convention's jaw and lip controls that are there, 0-1."""
        own = [c.name for c in self.map.controls if c.region in MOUTH_REGIONS and not c.extra]
        return 1.0 - len(set(own) & set(self.missing)) / max(len(own), 1)

    @property
    def coverage(self) -> str:
        """In words, e.g. `ARKit 52: 43 of 52 matched, missing tongueOut, …`."""
        there = self.total - len(self.missing)
        led = [name for matched in self.controls if matched.control.follows for name in matched.names]
        extras = sum(matched.control.extra and not matched.control.follows for matched in self.controls)
        text = f"{self.map.title}: {there} of {self.total} matched"
        if extras:
            text += f" and {extras} stand-in{'s' * (extras > 1)}"
        if led:
            text += f", {_listed(led)} goes with them"
        return text + (f", missing {_listed(self.missing)}" if self.missing else "")


def detected(names: Names, maps: Sequence[BlendshapeMap] | None = None) -> list[MapMatch]:
    """Return the maps that know any of a rig's names, the one to use first, those that are refused last.

    Args:
        names: the character's, or those of its shapes only.
        maps: the shipped ones by default.
    """
    rig = RigNames.of(names)
    matches = [match(one, rig) for one in (load_maps() if maps is None else maps)]
    return sorted((found for found in matches if found.controls), key=_rank, reverse=True)


def choose(names: Names, maps: Sequence[BlendshapeMap] | None = None) -> MapMatch:
    """Return the match to animate with.

    Raises:
        RigError: nothing there moves the mouth; says what was found.
    """
    rig = RigNames.of(names)
    given = [name for kind in (rig.shapes, rig.properties, rig.bones) for name in kind]
    if not given:
        raise RigError(
            "the character has no shape keys, so nothing can move its mouth; give it ARKit or viseme shape keys"
        )
    matches = detected(rig, maps)
    if matches and matches[0].refusal is None:
        return matches[0]
    if matches:
        raise RigError(f"{matches[0].refusal}; give the character ARKit or viseme shape keys")
    known = maps[0].title if maps and len(maps) == 1 else "any known convention"
    raise RigError(
        f"nothing moves the mouth: none of the {_counted(rig)} ({_listed(given)}) has a name of "
        f"{known}; rename them, choose a map that knows them, or measure what they do"
    )


def match(one: BlendshapeMap, names: Names) -> MapMatch:
    """Return how a rig fits one map."""
    rig = RigNames.of(names)
    own = _found(rig, one)
    done = {name for control in one.controls if control.name in own and not control.extra for name in control.weights}
    controls = tuple(
        own[control.name]
        for control in one.controls
        if control.name in own and not (control.extra and done & set(control.weights))
    )
    if all(matched.control.extra and matched.control.kind == "bone" for matched in controls):
        controls = ()
    return MapMatch(
        map=one,
        controls=controls,
        missing=_missing(one, own),
        unknown=_unknown(rig, one, controls),
        refusal=_refusal(one, controls, rig),
    )


def _unknown(rig: RigNames, one: BlendshapeMap, controls: Sequence[MatchedControl]) -> tuple[str, ...]:
    """Return the rig's shapes and properties that neither are matched nor belong to the convention all the same."""
    used = {(matched.control.kind, name) for matched in controls for name in matched.names}
    ignored = {key(name) for name in one.ignored}
    return tuple(
        name
        for kind in ("shape", "property")
        for name in rig.of_kind(kind)
        if (kind, name) not in used and not any(spelled in ignored for _, spelled in readings(name))
    )


def _found(rig: RigNames, one: BlendshapeMap) -> dict[str, MatchedControl]:
    """Return control name -> what the rig has for it; a shape before a custom property of the same name."""
    by_kind = {kind: names_by_control(rig.of_kind(kind), one, kind) for kind in KINDS}
    found: dict[str, MatchedControl] = {}
    for control in one.controls:
        for kind in ("shape", "property") if control.kind == "shape" else (control.kind,):
            if control.name in by_kind[kind]:
                found[control.name] = MatchedControl(replace(control, kind=kind), by_kind[kind][control.name])
                break
    return found


def _counted(rig: RigNames) -> str:
    counts = ((rig.shapes, "shape keys"), (rig.properties, "custom properties"), (rig.bones, "bones"))
    return " and ".join(f"{len(some)} {word}" for some, word in counts if some)


def _missing(one: BlendshapeMap, own: Mapping[str, MatchedControl]) -> tuple[str, ...]:
    lacking = [control for control in one.controls if not control.extra and control.name not in own]
    return tuple(control.name for control in sorted(lacking, key=lambda c: c.region not in MOUTH_REGIONS))


def _refusal(one: BlendshapeMap, controls: Sequence[MatchedControl], rig: RigNames) -> str | None:
    used = [name for matched in controls for name in matched.names]
    found = _listed(used)
    if not any(opens_mouth(matched.control) for matched in controls):
        return f"nothing moves the mouth: of {one.title} the character has only {found}, none of which opens the lips"
    names = {matched.control.name for matched in controls if not matched.control.follows}
    if len(names) < one.minimum_controls or (one.needs and not names & set(one.needs)):
        needed = f"at least {one.minimum_controls} are needed" + (f", with {_listed(one.needs)}" if one.needs else "")
        return f"too little to lip-sync: of {one.title} the character has only {len(controls)} ({found}), {needed}"
    if one.exact:
        return None
    if letters := alphabet(used, rig.shapes):
        return (
            f"nothing moves the mouth: {found} look like letters of an alphabet, since {_listed(letters)} are there "
            "too; rename the visemes if they are some"
        )
    of_mouth = sum(matched.control.region in MOUTH_REGIONS for matched in controls)
    told = of_mouth > FEW_CONTROLS and not are_letters(used)
    if not told and not is_of_a_face(used, rig.shapes + rig.properties + rig.bones):
        return f"nothing moves a mouth: {found} may be named so, but no other name is of a face"
    return None


def _rank(match: MapMatch) -> tuple[bool, bool, bool, int, int, bool]:
    """Return what puts a match first; a map of negative priority serves only where no other does."""
    good = match.mouth_coverage >= GOOD_COVERAGE
    priority = match.map.priority
    there = match.total - len(match.missing)
    return match.refusal is None, priority >= 0, good, priority if good else 0, there, not match.missing


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(name[:60] for name in names[:SHOWN])
    return shown + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
