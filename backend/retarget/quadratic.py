# SPDX-License-Identifier: GPL-3.0-or-later
"""Bounded quadratic programs that share one matrix, thousands at a time, solved to optimality.

Minimises ½ wᵀ G w − bᵀ w with lower ≤ w ≤ upper for every row of b, by block principal pivoting (Júdice and Pires,
1994; Kim and Park, 2011), here for two-sided bounds: guess which values are free, solve for them, move every value
that breaks its bound and every bound whose multiplier has the wrong sign, repeat; where that stops paying, move one
value at a time (Murty's rule, which always ends). All programs advance together; those that are done drop out. The
result of a program does not depend on its neighbours.
"""

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
States = NDArray[np.int8]

BLOCK = 1024
"""Programs that advance together: bounds the memory, and the matrices stay in the cache."""
SOLVE_BLOCK = 128
"""Programs with similar numbers of free values, solved in one call."""
FULL_EXCHANGES = 3
"""Exchanges of everything that may fail to lower the number of wrong values before Murty's rule takes over."""
MAX_STEPS = 400
AT_LOWER, FREE, AT_UPPER = -1, 0, 1


def minimise(gram: Doubles, linear: Doubles, lower: Doubles, upper: Doubles, tolerance: float = 1e-8) -> Doubles:
    """Return the minimisers [T, K].

    Args:
        gram: [K, K] symmetric, positive definite.
        linear: [T, K], b of each program.
        lower: [K] or [T, K]; where it equals `upper` the value is fixed.
        upper: likewise, not below `lower`.
        tolerance: how far, in units of w, a value may lie from where its own optimality condition puts it.
    """
    result = np.empty_like(linear)
    lower, upper = (np.broadcast_to(bound, linear.shape) for bound in (lower, upper))
    inverse = np.linalg.inv(gram).astype(np.float64)
    for start in range(0, len(linear), BLOCK):
        part = slice(start, start + BLOCK)
        result[part] = _minimise_block(gram, inverse, linear[part], (lower[part], upper[part]), tolerance)
    return result


def residual(gram: Doubles, linear: Doubles, lower: Doubles, upper: Doubles, weights: Doubles) -> Doubles:
    """Return [T], how far the worst value of each program lies from its optimality (KKT) conditions, in units of w."""
    step = (weights @ gram - linear) / np.diag(gram)
    return np.abs(weights - np.clip(weights - step, lower, upper)).max(axis=1, initial=0.0)


def _minimise_block(
    gram: Doubles, inverse: Doubles, linear: Doubles, bounds: tuple[Doubles, Doubles], tolerance: float
) -> Doubles:
    lower, upper = bounds
    movable = upper > lower
    weights = linear @ inverse
    state = np.where(weights <= lower, AT_LOWER, np.where(weights >= upper, AT_UPPER, FREE)).astype(np.int8)
    state[~movable] = AT_LOWER
    best = np.full(len(linear), gram.shape[0] + 1)
    chances = np.full(len(linear), FULL_EXCHANGES)
    active = np.arange(len(linear))
    scale = tolerance * np.diag(gram)
    for _ in range(MAX_STEPS):
        low, high, now = lower[active], upper[active], state[active]
        found = _free_solution(gram, linear[active], np.where(now == AT_UPPER, high, low), now == FREE)
        weights[active] = found
        wrong, target = _wrong(found, found @ gram - linear[active], (low, high), now, (tolerance, scale))
        wrong &= movable[active]
        count = wrong.sum(axis=1)
        left = count > 0
        if not left.any():
            break
        active, now, wrong, count = active[left], now[left], wrong[left], count[left]
        _exchange(now, wrong, target[left], (best, chances, active, count))
        state[active] = now
    return np.clip(weights, lower, upper)


def _wrong(
    weights: Doubles, gradient: Doubles, bounds: tuple[Doubles, Doubles], state: States, slack: tuple[float, Doubles]
) -> tuple[NDArray[np.bool_], States]:
    """Return which values [n, K] contradict their state, and the state each should go to."""
    free = state == FREE
    below = free & (weights < bounds[0] - slack[0])
    above = free & (weights > bounds[1] + slack[0])
    released = ((state == AT_LOWER) & (gradient < -slack[1])) | ((state == AT_UPPER) & (gradient > slack[1]))
    target = np.where(below, AT_LOWER, np.where(above, AT_UPPER, FREE)).astype(np.int8)
    return below | above | released, target


def _exchange(
    state: States,
    wrong: NDArray[np.bool_],
    target: States,
    books: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
) -> None:
    """Change `state` in place: every wrong value where that still pays, else only the last one."""
    best, chances, active, count = books
    better = count < best[active]
    best[active[better]] = count[better]
    chances[active] = np.where(better, FULL_EXCHANGES, chances[active] - 1)
    single = np.flatnonzero(chances[active] < 0)
    last = wrong.shape[1] - 1 - np.argmax(wrong[single, ::-1], axis=1)
    wrong[single] = False
    wrong[single, last] = True
    state[wrong] = target[wrong]


def _free_solution(gram: Doubles, linear: Doubles, held: Doubles, free: NDArray[np.bool_]) -> Doubles:
    """Return [n, K]: `held` where not free, and there the values that minimise, ignoring the bounds."""
    result = np.where(free, 0.0, held)
    rhs = linear - result @ gram
    counts = free.sum(axis=1)
    by_count = np.argsort(counts, kind="stable")
    order = np.argsort(~free, axis=1, kind="stable")
    for start in range(0, len(by_count), SOLVE_BLOCK):
        rows = by_count[start : start + SOLVE_BLOCK]
        size = int(counts[rows[-1]])
        if not size:
            continue
        picked = order[rows, :size]
        used = np.arange(size) < counts[rows, None]
        matrices = gram[picked[:, :, None], picked[:, None, :]]
        matrices *= used[:, :, None] & used[:, None, :]
        matrices[:, np.arange(size), np.arange(size)] += ~used
        values = np.linalg.solve(matrices, (np.take_along_axis(rhs[rows], picked, 1) * used)[..., None])[..., 0]
        result[rows[:, None], picked] = np.where(used, values, result[rows[:, None], picked])
    return result
