# SPDX-License-Identifier: GPL-3.0-or-later
"""A predicted face onto a matched rig: solve, let lips meet, then gains and offsets, then each control's own limits."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..core.errors import RigError
from ..core.types import Floats
from .closing import let_lips_meet, openings_cm
from .detect import MapMatch, MatchedControl
from .effects import effects_cm
from .maps import BoneChannel
from .quadratic import Doubles
from .solve import Pairs, Solver, SolveSettings

COUNTS_TO = 50.0
"""A control whose limit is at least this counts in percent or the like: its limit is where it is fully on."""
MOST_COUNTED = 1000.0
"""A limit beyond this (a custom property without one has 3e38) tells nothing of where the control is fully on."""
Limits = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Gains:
    """How strongly the parts of the face move; 1 is as predicted."""

    jaw: float = 1.0
    lips: float = 1.0
    tongue: float = 1.0
    upper_face: float = 1.0
    offsets: Mapping[str, float] = field(default_factory=dict[str, float])
    """Added to single controls, by the map's name for them, in parts of fully on."""


@dataclass(frozen=True)
class ControlTracks:
    """What to key on the rig."""

    names: tuple[str, ...]
    """The rig's own names."""
    values: Floats
    """[T, N] in the controls' own units."""
    limits: Floats
    """[N, 2] that the values keep."""
    kinds: tuple[str, ...] = ()
    """[N] `shape`, `bone` or `property`; all are shapes where none is given."""
    bones: tuple[BoneChannel | None, ...] = ()
    """[N] what of the bone is keyed, in radians or in centimetres of the canonical face; None for other kinds."""

    def targets(self) -> Iterator[tuple[str, str, BoneChannel | None]]:
        """Yield (kind, the rig's name, what of the bone) of each track."""
        count = len(self.names)
        yield from zip(self.kinds or ("shape",) * count, self.names, self.bones or (None,) * count, strict=True)


class Retargeter:
    """Turns predicted faces into control tracks of one rig; chunks of a clip give the same as the whole.

    With a temporal term in the settings, chunks meet without knowing of each other.
    """

    def __init__(
        self,
        match: MapMatch,
        gains: Gains | None = None,
        limits: Limits | None = None,
        settings: SolveSettings | None = None,
    ) -> None:
        """Prepare.

        Args:
            match: how the rig fits its map.
            gains: all 1 by default.
            limits: lowest and highest value by the rig's name of a shape or property; 0 to the control's full value
                where not given, and from the opposite of it where the control is signed.
            settings: of the solve.

        Raises:
            RigError: the match is a refused one, or the limits leave nothing that could move.
        """
        if match.refusal is not None:
            raise RigError(f"{match.refusal}; give the character ARKit or viseme shape keys")
        self._match = match
        self._gains = gains or Gains()
        controls = match.controls
        given = limits or {}
        self._full = np.array([_full(matched, given) for matched in controls])
        self._limits = [_limits(m, given, full) for m, full in zip(controls, self._full, strict=True)]
        reach = np.array([_reach(*pair) for pair in zip(controls, self._full, self._limits, strict=True)])
        led = np.array([bool(m.control.follows) for m in controls])
        if not (reach[~led, 1] > reach[~led, 0]).any():
            raise RigError("the limits of every matched control are locked, so nothing can move; widen their ranges")
        self._pairs, reach = _pairs(match, reach)
        effects = effects_cm([m.control for m in controls])
        self._opens_cm = openings_cm(effects)
        self._solver = Solver(effects, reach, self._pairs, settings)

    @property
    def names(self) -> tuple[str, ...]:
        """The rig's names, in the order of the tracks."""
        return tuple(name for matched in self._match.controls for name in matched.names)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kind of each track."""
        return tuple(matched.control.kind for matched in self._match.controls for _ in matched.names)

    @property
    def bones(self) -> tuple[BoneChannel | None, ...]:
        """What of the bone each track keys."""
        return tuple(matched.control.bone for matched in self._match.controls for _ in matched.names)

    def tracks(self, displacement_cm: Floats, tongue_out: Floats | None = None) -> ControlTracks:
        """Return the tracks of a face in motion.

        Args:
            displacement_cm: [T, 468, 3] from the canonical neutral face.
            tongue_out: [T] weight of tongueOut where the prediction knows it; the face has no tongue to read it from.
        """
        solved = let_lips_meet(self._solver.solve(displacement_cm), self._opens_cm, openings_cm(displacement_cm))
        if tongue_out is not None:
            for column, matched in enumerate(self._match.controls):
                if set(matched.control.weights) == {"tongueOut"}:
                    solved[:, column] = tongue_out / matched.control.weights["tongueOut"]
        amounts = self._with_gains(solved)
        columns = [index for index, matched in enumerate(self._match.controls) for _ in matched.names]
        limits = np.array([limit for of_control in self._limits for limit in of_control])
        values = np.clip(amounts[:, columns] * self._full[columns], limits[:, 0], limits[:, 1])
        keyed = values.astype(np.float32), limits.astype(np.float32)
        return ControlTracks(self.names, *keyed, self.kinds, self.bones)

    def _with_gains(self, amounts: Doubles) -> Doubles:
        controls = [matched.control for matched in self._match.controls]
        gain = np.array([float(getattr(self._gains, control.region)) * control.gain for control in controls])
        offset = np.array([self._gains.offsets.get(control.name, 0.0) for control in controls])
        changed = amounts * gain + offset
        for small, big in self._pairs.ordered:
            changed[:, small] = np.minimum(changed[:, small], np.maximum(changed[:, big], 0.0))
        names = [control.name for control in controls]
        for column, control in enumerate(controls):
            for leader, share in control.follows.items():
                if leader in names:
                    changed[:, column] += share * changed[:, names.index(leader)]
        return changed


def retarget(
    displacement_cm: Floats,
    match: MapMatch,
    gains: Gains | None = None,
    limits: Limits | None = None,
    settings: SolveSettings | None = None,
) -> ControlTracks:
    """Return the control tracks of a whole clip: displacements [T, 468, 3] in cm on a matched rig.

    Raises:
        RigError: as `Retargeter`.
    """
    return Retargeter(match, gains, limits, settings).tracks(displacement_cm)


def _full(matched: MatchedControl, limits: Limits) -> float:
    """Return the value at which a control is fully on: the map's, or the limit of one that counts to 100."""
    if matched.control.kind == "bone":
        return matched.control.full
    highest = max((limits[name][1] for name in matched.names if name in limits), default=0.0)
    counts = matched.control.full == 1.0 and COUNTS_TO <= highest <= MOST_COUNTED
    return highest if counts else matched.control.full


def _limits(matched: MatchedControl, limits: Limits, full: float) -> list[tuple[float, float]]:
    lowest = -full if matched.control.signed else 0.0
    own = min(lowest, full), max(lowest, full)
    wanted = matched.control.limits
    if matched.control.kind == "bone":
        return [wanted or own] * len(matched.names)
    of_rig = [_checked(name, limits.get(name, own)) for name in matched.names]
    return [_narrowed(ends, wanted) for ends in of_rig]


def _narrowed(limits: tuple[float, float], wanted: tuple[float, float] | None) -> tuple[float, float]:
    """Return the user's own limits as far as the rig's leave them room."""
    if wanted is None:
        return limits
    return float(np.clip(wanted[0], *limits)), float(np.clip(wanted[1], *limits))


def _checked(name: str, limits: tuple[float, float]) -> tuple[float, float]:
    low, high = limits
    if not (np.isfinite(low) and np.isfinite(high)) or low > high:
        raise RigError(f"{name}: limits {low:g} to {high:g} leave it no value; mend its range")
    return float(low), float(high)


def _reach(matched: MatchedControl, full: float, limits: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the lowest and highest amount (1 is fully on) that a control is solved within.

    Never beyond fully on, even where a slider goes further: shapes are made for that. Below zero only where signed.
    """
    ends = sorted((max(low for low, _ in limits) / full, min(high for _, high in limits) / full))
    lowest = -1.0 if matched.control.signed else 0.0
    return min(max(lowest, ends[0]), ends[1]), min(max(1.0, ends[0]), ends[1])


def _pairs(match: MapMatch, reach: NDArray[np.float64]) -> tuple[Pairs, NDArray[np.float64]]:
    """Return the map's pairs as indices; the small one of an ordered pair rests where the big one is missing."""
    index = {matched.control.name: place for place, matched in enumerate(match.controls)}
    sides = {name: name.removesuffix("Left") + "Right" for name in index if _side(match, name) == "left"}
    index |= {big: index[other] for _, big in match.map.ordered if (other := _stand_in(match, big)) is not None}
    for small, big in match.map.ordered:
        if small in index and big not in index:
            reach[index[small]] = np.clip(0.0, *reach[index[small]])

    def known(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[int, int], ...]:
        return tuple((index[a], index[b]) for a, b in pairs if a in index and b in index)

    return Pairs(known(match.map.cancel), known(match.map.ordered), known(tuple(sides.items()))), reach


def _stand_in(match: MapMatch, missing: str) -> str | None:
    """Return the matched control that does what a missing one would (a jaw bone for jawOpen); None without any."""
    meant = next((set(control.weights) for control in match.map.controls if control.name == missing), None)
    names = {matched.control.name for matched in match.controls}
    others = (m.control.name for m in match.controls if m.control.extra and set(m.control.weights) == meant)
    return None if missing in names else next(others, None)


def _side(match: MapMatch, name: str) -> str | None:
    """Return the side of a matched control, by its map's name."""
    return next(matched.control.side for matched in match.controls if matched.control.name == name)
