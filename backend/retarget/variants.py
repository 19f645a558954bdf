# SPDX-License-Identifier: GPL-3.0-or-later
"""What a name does not tell and the character's own shapes do: two ways in which rigs mean one shape."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..core.types import Floats
from .detect import MapMatch, MatchedControl
from .quadratic import Doubles

CARRIES = 0.3
"""Part of the big shape's movement that the small one must repeat to count as containing it."""


def fitted(match: MapMatch, displacements: Mapping[str, Floats]) -> MapMatch:
    """Return the match as the character's own shapes show it to be meant.

    ARKit's mouthClose undoes jawOpen at the lips, and does nothing alone. Many rigs sculpt it as the whole pose
    instead: the jaw open, the lips together. Played by ARKit's rule such a rig opens where it should close. So an
    ordered pair (small, big) whose small shape repeats the big one's movement is taken as sculpted whole: the small
    one then means both, and may be on by itself.

    Args:
        match: how the rig fits its map, by names.
        displacements: the rig's name of a shape -> [V, 3], what it does to a mesh, in any space and unit; shapes of a
            pair must be of the same mesh, and shapes that are missing are taken as named.
    """
    by_name = {matched.control.name: matched for matched in match.controls}
    whole = [
        (small, big)
        for small, big in match.map.ordered
        if small in by_name and big in by_name and _contains(by_name[small], by_name[big], displacements)
    ]
    both = {small: by_name[big].control.weights for small, big in whole}
    controls = tuple(_with(matched, both.get(matched.control.name, {})) for matched in match.controls)
    ordered = tuple(pair for pair in match.map.ordered if pair not in whole)
    return replace(match, controls=controls, map=replace(match.map, ordered=ordered))


def _contains(small: MatchedControl, big: MatchedControl, displacements: Mapping[str, Floats]) -> bool:
    part, whole = _moved(small, displacements), _moved(big, displacements)
    if part is None or whole is None or part.shape != whole.shape:
        return False
    size = float((whole * whole).sum())
    return size > 0 and float((part * whole).sum()) > CARRIES * size


def _moved(matched: MatchedControl, displacements: Mapping[str, Floats]) -> Doubles | None:
    """Return the displacement of the first of a control's names that is there, if one is."""
    found = next((displacements[name] for name in matched.names if name in displacements), None)
    return None if found is None else np.asarray(found, np.float64)


def _with(matched: MatchedControl, more: Mapping[str, float]) -> MatchedControl:
    weights = dict(matched.control.weights)
    for name, weight in more.items():
        weights[name] = weights.get(name, 0.0) + weight
    return replace(matched, control=replace(matched.control, weights=weights))
