# SPDX-License-Identifier: GPL-3.0-or-later
"""Control values whose combined effect comes nearest to a predicted face, for all frames at once.

Per frame: minimise over w within its limits

    ½ ‖E w − d‖²_M + sparsity Σ h_k |w_k| + ½ ridge Σ h_k w_k² + ½ symmetry Σ h (w_left − w_right)²
    + ½ temporal Σ h_k (w_k(t) − w_k(t−1))²

with E the effects of the controls, d the predicted displacement, M the metric (lips first, and the lip opening as a
term of its own) and h_k the squared length of control k's effect, lip opening apart, so that the settings do not depend
on the mesh or its unit; `floor` adds to the ridge alike for all controls. It follows the
blendshape solve of NVIDIA's Audio2Face-3D (2025), with the penalties made relative, the sparsity a true L1 norm (for
controls that only go one way) and the temporal term two-sided. Then cancel pairs: where both of a pair are on, the
smaller is held at zero and the frame is solved again. In an ordered pair the first never exceeds the second: solved
exactly by writing the second as the first plus something not below zero.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.types import Floats
from .effects import Metric, canonical_metric
from .quadratic import Doubles, minimise

FRAMES_AT_ONCE = 1024
TOUCHES = 1e-7
"""Control values below this are off."""
SMOOTHING_TURNS = 200
"""Turns over even and odd frames at most."""
SMOOTHING_CHANGE = 1e-5
"""Change of control values in a turn at which smoothing ends."""
LEAST_EFFECT = 1e-6
"""A control that moves the face less than this part of the average is held at zero: nothing would tell its value."""


@dataclass(frozen=True)
class SolveSettings:
    """How the solve weighs what it wants; each is relative to the control's own effect."""

    sparsity: float = 3e-5
    """About the control value below which a control is left off where others can stand in for it."""
    ridge: float = 3e-5
    """Pull of every control towards zero, in parts of its own effect; keeps alike controls from fighting."""
    floor: float = 3e-5
    """The same in parts of the average effect: keeps weak controls (the eyes) from following noise."""
    symmetry: float = 0.0
    """Pull of left and right towards each other."""
    temporal: float = 0.0
    """Pull of each frame towards its neighbours; 0 leaves frames independent."""
    tolerance: float = 1e-7
    """Control value by which the optimality conditions may be missed."""


@dataclass(frozen=True)
class Pairs:
    """How controls depend on each other, as indices of the controls."""

    cancel: tuple[tuple[int, int], ...] = ()
    """At most one of each pair is on."""
    ordered: tuple[tuple[int, int], ...] = ()
    """(small, big): small never exceeds big. No control is in two pairs."""
    mirrored: tuple[tuple[int, int], ...] = ()
    """Left and right of one movement, for the symmetry term."""


@dataclass(frozen=True)
class _Bounds:
    lower: Doubles
    """[n, K]."""
    upper: Doubles


class Solver:
    """The solve for one rig: what does not depend on the frames is worked out once."""

    def __init__(
        self,
        effects: Floats,
        limits: Floats | Doubles,
        pairs: Pairs | None = None,
        settings: SolveSettings | None = None,
        metric: Metric | None = None,
    ) -> None:
        """Prepare.

        Args:
            effects: [K, V, 3] displacement by each control at value 1.
            limits: [K, 2] lowest and highest value.
            pairs: none by default.
            settings: the defaults of `SolveSettings`.
            metric: that of the canonical face.
        """
        self.pairs = pairs or Pairs()
        self.settings = settings or SolveSettings()
        self.metric = metric = metric or canonical_metric()
        self._project, data = _normal_equations(effects.astype(np.float64), metric)
        size = ((effects.astype(np.float64) * metric.vertex_weights[:, None]) ** 2).sum(axis=(1, 2))
        average = size.sum() / max(np.count_nonzero(size), 1)
        idle = size <= LEAST_EFFECT * average
        size[idle] = 1.0
        self.limits = np.array(limits, np.float64)
        self.limits[idle] = np.clip(0.0, self.limits[idle, :1], self.limits[idle, 1:])
        self.cost = np.where(self.limits[:, 0] >= 0, self.settings.sparsity * size, 0.0)
        self.size = size
        ridge = self.settings.ridge * size + self.settings.floor * average + idle
        self.gram = data + np.diag(ridge) + self._symmetry()

    def solve(self, displacement: Floats) -> Doubles:
        """Return the control values [T, K] for displacements [T, V, 3]."""
        linear = self.linear(displacement)
        bounds = _Bounds(*(np.repeat(self.limits[None, :, side], len(linear), axis=0) for side in (0, 1)))
        weights = self._ordered(self.gram, linear, bounds)
        held = self._hold_smaller(weights, bounds)
        if held.any():
            part = _Bounds(bounds.lower[held], bounds.upper[held])
            weights[held] = self._ordered(self.gram, linear[held], part)
        return self._smooth(linear, bounds, weights) if self.settings.temporal > 0 else weights

    def linear(self, displacement: Floats) -> Doubles:
        """Return the linear terms [T, K] of the frames' programs, sparsity included."""
        flat = displacement.reshape(len(displacement), len(self._project))
        parts = [flat[start : start + FRAMES_AT_ONCE] for start in range(0, len(flat), FRAMES_AT_ONCE)]
        projected = [part.astype(np.float64) @ self._project for part in parts]
        return np.concatenate([*projected, np.zeros((0, len(self.cost)))]) - self.cost

    def energy(self, displacement: Floats) -> Doubles:
        """Return ‖d‖²_M [T]: with w at rest, twice the objective of each frame."""
        moved = displacement.astype(np.float64)
        upper, lower = self.metric.gap_pairs.T
        gaps = self.metric.gap_weight * (moved[:, upper, 1] - moved[:, lower, 1])
        return ((moved * self.metric.vertex_weights[:, None]) ** 2).sum(axis=(1, 2)) + (gaps**2).sum(axis=1)

    def _symmetry(self) -> Doubles:
        penalty = np.zeros((len(self.size), len(self.size)))
        for left, right in self.pairs.mirrored:
            strength = self.settings.symmetry * 0.5 * (self.size[left] + self.size[right])
            penalty[np.ix_((left, right), (left, right))] += strength * np.array([[1, -1], [-1, 1]])
        return penalty

    def _hold_smaller(self, weights: Doubles, bounds: _Bounds) -> NDArray[np.bool_]:
        """Hold the smaller of every cancel pair that is on at zero; return the frames [T] where that was needed."""
        held = np.zeros(len(weights), np.bool_)
        for pair in self.pairs.cancel:
            both = (weights[:, pair] > TOUCHES).all(axis=1)
            smaller = np.where(weights[:, pair[0]] < weights[:, pair[1]], *pair)
            rows = np.flatnonzero(both)
            bounds.lower[rows, smaller[rows]] = bounds.upper[rows, smaller[rows]] = 0.0
            held |= both
        return held

    def _ordered(self, gram: Doubles, linear: Doubles, bounds: _Bounds) -> Doubles:
        """Return the minimisers [n, K] within the bounds that also respect the ordered pairs."""
        if not self.pairs.ordered:
            return minimise(gram, linear, bounds.lower, bounds.upper, self.settings.tolerance)
        big = [pair[1] for pair in self.pairs.ordered]
        small = [pair[0] for pair in self.pairs.ordered]
        change = np.eye(len(gram))
        change[big, small] = 1.0
        lower, upper = bounds.lower.copy(), bounds.upper.copy()
        upper[:, small] = np.maximum(np.minimum(upper[:, small], upper[:, big]), lower[:, small])
        lower[:, big] = 0.0
        inner = minimise(change.T @ gram @ change, linear @ change, lower, upper, self.settings.tolerance)
        weights = inner @ change.T
        # Convexity: where the optimum without the big one's own limits breaks them, it lies on them.
        limited = np.clip(weights[:, big], bounds.lower[:, big], bounds.upper[:, big])
        broken = (np.abs(limited - weights[:, big]) > TOUCHES).any(axis=1)
        weights[:, big] = limited
        if broken.any():
            lower, upper = bounds.lower[broken].copy(), upper[broken]
            lower[:, big] = upper[:, big] = limited[broken]
            weights[broken] = minimise(gram, linear[broken], lower, upper, self.settings.tolerance)
        return weights

    def _smooth(self, linear: Doubles, bounds: _Bounds, weights: Doubles) -> Doubles:
        """Return the values with the temporal term, by turns for even and odd frames (each given the others)."""
        pull = self.settings.temporal * self.size
        count = len(weights)
        turns = [rows for first in (0, 1) for rows in _by_neighbours(np.arange(first, count, 2), count)]
        for _ in range(SMOOTHING_TURNS):
            before = weights.copy()
            for rows, neighbours in turns:
                around = sum(weights[rows + side] for side in neighbours)
                given = linear[rows] + pull * around
                part = _Bounds(bounds.lower[rows], bounds.upper[rows])
                weights[rows] = self._ordered(self.gram + np.diag(len(neighbours) * pull), given, part)
            if np.abs(weights - before).max(initial=0.0) < SMOOTHING_CHANGE:
                break
        return weights


def solve(
    effects: Floats,
    displacement: Floats,
    limits: Floats | Doubles,
    pairs: Pairs | None = None,
    settings: SolveSettings | None = None,
) -> Doubles:
    """Return the control values [T, K] whose effects [K, V, 3] come nearest to displacements [T, V, 3]."""
    return Solver(effects, limits, pairs, settings).solve(displacement)


def _by_neighbours(rows: NDArray[np.int64], count: int) -> Iterator[tuple[NDArray[np.int64], tuple[int, ...]]]:
    """Yield rows that have the same neighbours in time, with the offsets of those."""
    for at_first in (False, True):
        for at_last in (False, True):
            some = rows[((rows == 0) == at_first) & ((rows == count - 1) == at_last)]
            if len(some):
                yield some, tuple(side for side, gone in ((-1, at_first), (1, at_last)) if not gone)


def _normal_equations(effects: Doubles, metric: Metric) -> tuple[Doubles, Doubles]:
    """Return what turns a flat displacement [V*3] into Eᵀ M d, and Eᵀ M E [K, K]."""
    weighted = effects * (metric.vertex_weights.astype(np.float64) ** 2)[None, :, None]
    for upper, lower in metric.gap_pairs:
        gap = metric.gap_weight**2 * (effects[:, upper, 1] - effects[:, lower, 1])
        weighted[:, upper, 1] += gap
        weighted[:, lower, 1] -= gap
    project = weighted.reshape(len(effects), -1).T
    gram = effects.reshape(len(effects), -1) @ project
    return project, 0.5 * (gram + gram.T)
