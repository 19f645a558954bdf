# SPDX-License-Identifier: GPL-3.0-or-later
"""Blendshape maps: what the controls of one naming convention are called and what they do, read from JSON.

The format is described in `blendshape_maps/README.md`; `map_checks` holds its rules.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.blendshapes import ARKIT_INDEX
from ..core.errors import MapError
from ..core.types import Floats
from .map_checks import MAX_BYTES, problems_of

AXES = {"x": 0, "y": 1, "z": 2}


@dataclass(frozen=True)
class BoneChannel:
    """What of a pose bone is keyed."""

    channel: str
    """`location` or `rotation`."""
    axis: int
    """0-2. A rotation is right-handed about it."""
    space: str = "bone"
    """`bone`: the axes are the bone's own. `face`: those of the canonical face (0 to the subject's left, 1 up, 2 out of
    the face), to be turned into the bone's own on the rig; there a jaw opens by rotating above zero about 0."""


@dataclass(frozen=True)
class Control:
    """One control of a naming convention."""

    name: str
    """As the convention writes it."""
    weights: Mapping[str, float]
    """What it does when fully on, as weights of the canonical blendshapes; empty for a control that rests the face."""
    region: str
    """One of `map_checks.REGIONS`: which gain applies."""
    aliases: tuple[str, ...] = ()
    """Other names of it."""
    parts: tuple[str, ...] = ()
    """Names of what together does it with `name` (a shape cut in quarters): all that are there are driven alike."""
    side: str | None = None
    """`left` or `right` where the name's Left or Right is a side of the face; None also for directions."""
    full: float = 1.0
    """The value at which it is fully on: of a bone in radians, or in centimetres of the canonical face."""
    signed: bool = False
    """Whether values below zero mean the opposite movement."""
    whole: bool = False
    """Whether its names mean it only by themselves (`Open`), not behind a prefix (`door_open`)."""
    extra: bool = False
    """Used only where no other matched control does any of the same; not counted in the coverage."""
    kind: str = "shape"
    """`shape`: a shape key, or a custom property where no shape key has the name; `property`: a custom property;
    `bone`: a pose bone. Of a matched control: what was found."""
    follows: Mapping[str, float] = field(default_factory=dict[str, float])
    """Other controls of the map that take it along, with how much of it, at their being fully on; it is not solved."""
    bone: BoneChannel | None = None
    """What of the bone is keyed; None for other kinds."""
    gain: float = 1.0
    """How strongly it is keyed, over what the solve gives: the user's own taste."""
    limits: tuple[float, float] | None = None
    """Lowest and highest value that the user allows; None for those of the rig alone."""
    confidence: float = 1.0
    """How sure it is that the control does what `weights` say, 0-1; below 1 for measured ones."""
    effect_cm: Floats | None = field(default=None, compare=False)
    """[468, 3] what it was measured to do to the canonical face when fully on; then `weights` are only a summary."""

    @property
    def channel(self) -> str:
        """`location` or `rotation` of a bone, else empty."""
        return self.bone.channel if self.bone else ""

    @property
    def axis(self) -> int:
        """Axis of a bone's channel, 0-2; 0 for other kinds."""
        return self.bone.axis if self.bone else 0


@dataclass(frozen=True)
class BlendshapeMap:
    """One naming convention."""

    id: str
    title: str
    controls: tuple[Control, ...]
    minimum_controls: int
    """A rig with fewer matched controls is not taken for this convention."""
    priority: int
    """Where a rig has two conventions that both move the mouth well, the higher one is used."""
    cancel: tuple[tuple[str, str], ...] = ()
    """Controls that undo each other: at most one of each pair is on."""
    ordered: tuple[tuple[str, str], ...] = ()
    """Pairs (small, big): the first never exceeds the second."""
    needs: tuple[str, ...] = ()
    """Controls of which a rig must have one to be taken for this convention."""
    ignored: tuple[str, ...] = ()
    """Names that belong to the convention and are not keyed."""
    exact: bool = False
    """Names are compared letter by letter: those of one rig that was measured, where `Key.001` is not `Key.002`."""


def maps_folder() -> Path:
    """Return the folder of the shipped maps, which lies beside the backend in a checkout and in the extension."""
    return Path(__file__).resolve().parents[2] / "blendshape_maps"


def load_map(path: Path) -> BlendshapeMap:
    """Read one map, shipped or a user's.

    Raises:
        MapError: unreadable, or not a map; names every problem in it at once.
    """
    data = _read(path)
    problems = problems_of(data)
    if problems:
        raise MapError(f"{path}: {len(problems)} problem{'s' * (len(problems) > 1)}: {'; '.join(problems)}")
    return BlendshapeMap(
        id=data["id"],
        title=data["title"],
        controls=tuple(_control(entry) for entry in data["controls"]),
        minimum_controls=data.get("minimum_controls", 1),
        priority=data.get("priority", 0),
        cancel=tuple((a, b) for a, b in data.get("cancel", ())),
        ordered=tuple((a, b) for a, b in data.get("ordered", ())),
        needs=tuple(data.get("needs", ())),
        ignored=tuple(data.get("ignored", ())),
        exact=data.get("exact", False),
    )


def load_maps(folder: Path | None = None, extra: Path | None = None) -> tuple[BlendshapeMap, ...]:
    """Return the maps of a folder (the shipped ones by default), by id.

    Args:
        folder: one that must hold maps.
        extra: the user's own folder, which may be missing or empty.

    Raises:
        MapError: no map there, two maps with one id, or a map that cannot be read.
    """
    place = folder or maps_folder()
    maps = {path: load_map(path) for path in _files(place)}
    if not maps:
        raise MapError(f"{place}: no blendshape maps there; install the extension again, or give the right folder")
    if extra is not None:
        maps |= {path: load_map(path) for path in _files(extra)}
    by_id: dict[str, Path] = {}
    for path, loaded in maps.items():
        if loaded.id in by_id:
            raise MapError(f"{path}: id {loaded.id!r} is also that of {by_id[loaded.id].name}; rename one")
        by_id[loaded.id] = path
    return tuple(sorted(maps.values(), key=lambda loaded: loaded.id))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.json") if path.name != "schema.json")


def _control(entry: Mapping[str, Any]) -> Control:
    weights = {name: float(weight) for name, weight in entry["weights"].items() if weight}
    bone = _bone(entry)
    degrees = bone is not None and bone.channel == "rotation"
    full = float(entry.get("full", 1.0))
    return Control(
        name=entry["name"],
        weights=dict(sorted(weights.items(), key=lambda item: ARKIT_INDEX[item[0]])),
        region=entry["region"],
        aliases=tuple(entry.get("aliases", ())),
        parts=tuple(entry.get("parts", ())),
        side=entry.get("side"),
        full=math.radians(full) if degrees else full,
        signed=entry.get("signed", False),
        extra=entry.get("extra", False),
        whole=entry.get("whole", False),
        kind=entry.get("kind", "shape"),
        follows={name: float(amount) for name, amount in entry.get("follows", {}).items()},
        bone=bone,
        confidence=float(entry.get("confidence", 1.0)),
        gain=float(entry.get("gain", 1.0)),
        limits=_limits(entry, degrees),
    )


def _limits(entry: Mapping[str, Any], degrees: bool) -> tuple[float, float] | None:
    if "limits" not in entry:
        return None
    low, high = (math.radians(end) if degrees else float(end) for end in entry["limits"])
    return low, high


def _bone(entry: Mapping[str, Any]) -> BoneChannel | None:
    if entry.get("kind", "shape") != "bone":
        return None
    return BoneChannel(entry["channel"], AXES[entry["axis"]], entry.get("space", "bone"))


def _read(path: Path) -> Any:  # noqa: ANN401 - JSON may be anything until it is checked
    """Return the parsed file, which may come from a stranger: bounded in size, strict JSON."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise MapError(f"{path}: cannot read the blendshape map: {error.strerror}; give another file") from error
    if len(raw) > MAX_BYTES:
        raise MapError(f"{path}: larger than {MAX_BYTES // 1000} kB, which no blendshape map is; give another file")
    try:
        return json.loads(raw.decode("utf-8-sig"), parse_constant=_refuse_constant, object_pairs_hook=_no_repeats)
    except (ValueError, RecursionError) as error:
        raise MapError(f"{path}: not a blendshape map: {error}; see blendshape_maps/README.md") from error


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is not a number")


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    repeated = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if repeated:
        raise ValueError(f"the key {repeated[0]!r} stands twice in one object")
    return dict(pairs)
