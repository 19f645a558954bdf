# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np

from backend.core.blendshapes import ARKIT_INDEX, ARKIT_NAMES
from backend.core.face import canonical_face, lip_gap_cm, vertices_from_weights
from backend.retarget.apply import retarget
from backend.retarget.detect import choose
from backend.retarget.variants import fitted

JAW, CLOSE = ARKIT_INDEX["jawOpen"], ARKIT_INDEX["mouthClose"]


def shapes(whole):
    """The 52 shapes of a rig; `whole` has mouthClose sculpted with the jaw open."""
    basis = canonical_face().basis_cm.copy()
    basis[CLOSE] += whole * basis[JAW]
    return dict(zip(ARKIT_NAMES, basis, strict=True))


def test_mouth_close_as_named_is_left_alone():
    match = choose(ARKIT_NAMES)
    for known in (shapes(whole=False), {}, {"jawOpen": np.zeros((4, 3)), "mouthClose": np.zeros((4, 3))}):
        assert fitted(match, known) == match


def test_mouth_close_sculpted_whole_still_closes_the_lips():
    rig = shapes(whole=True)
    match = fitted(choose(ARKIT_NAMES), rig)
    assert match.map.ordered == ()
    weights = np.zeros((2, 52))
    weights[:, JAW] = 0.2, 0.3
    weights[:, CLOSE] = 0.2, 0.0
    predicted = vertices_from_weights(weights)
    tracks = retarget(predicted, match)
    shown = np.einsum("tk,kvc->tvc", tracks.values, np.stack([rig[name] for name in tracks.names]))
    assert np.abs(shown - predicted).max() < 0.01
    assert abs(tracks.values[0, CLOSE] - 0.2) < 0.01 and tracks.values[0, JAW] < 0.01
    as_named = retarget(predicted, choose(ARKIT_NAMES)).values
    wrong = np.einsum("tk,kvc->tvc", as_named, np.stack([rig[name] for name in tracks.names]))
    assert lip_gap_cm(canonical_face().neutral_cm + wrong)[0] > 0.5
