# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from backend.core.blendshapes import ARKIT_INDEX, ARKIT_NAMES
from backend.core.errors import RigError
from backend.core.face import canonical_face, lip_gap_cm, vertices_from_weights
from backend.retarget.apply import Gains, Retargeter, retarget
from backend.retarget.detect import choose
from backend.retarget.effects import effects_cm
from backend.retarget.quadratic import minimise, residual
from backend.retarget.solve import Pairs, Solver, SolveSettings, solve

JAW, CLOSE = ARKIT_INDEX["jawOpen"], ARKIT_INDEX["mouthClose"]
MOUTH = [i for i, name in enumerate(ARKIT_NAMES) if name.startswith(("jaw", "mouth", "cheekPuff"))]
VISEMES = [
    f"viseme_{name}" for name in ["sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "I", "O", "U"]
]


def gap_mm(displacement):
    return 10 * lip_gap_cm(canonical_face().neutral_cm + displacement)


def sparse_weights(frames, seed=0):
    generator = np.random.default_rng(seed)
    weights = np.where(generator.random((frames, 52)) < 0.2, generator.random((frames, 52)), 0)
    weights[:, CLOSE] = np.minimum(weights[:, CLOSE], weights[:, JAW])
    for one, other in (("mouthLeft", "mouthRight"), ("jawLeft", "jawRight")):
        weights[:, ARKIT_INDEX[one]] *= weights[:, ARKIT_INDEX[other]] == 0
    weights[:, ARKIT_INDEX["tongueOut"]] = 0
    return weights


def speech_weights(frames=300, closed_every=30):
    """Jaw, lips and rounding on their own rhythms; every so often closed with the jaw a little open."""
    time = np.arange(frames)
    weights = np.zeros((frames, 52))
    wave = {"jawOpen": 0.4, "mouthFunnel": 0.3, "mouthPucker": 0.5, "mouthSmile": 0.3, "mouthLowerDown": 0.3}
    for place, (name, size) in enumerate(wave.items()):
        track = size * np.maximum(0, np.sin(time / (5.0 + 2 * place) + place))
        for full in (name, name + "Left", name + "Right"):
            if full in ARKIT_INDEX:
                weights[:, ARKIT_INDEX[full]] = track
    closed = time % closed_every < 4
    weights[closed] = 0
    weights[closed, JAW] = weights[closed, CLOSE] = 0.12
    for name in ("mouthRollLower", "mouthPressLeft", "mouthPressRight"):
        weights[closed, ARKIT_INDEX[name]] = 0.3
    return weights, closed


def rebuilt(match, tracks):
    """The canonical face as the rig's tracks move it (one name a control, values 0-1)."""
    return np.einsum("tk,kvc->tvc", tracks.values, effects_cm([m.control for m in match.controls]))


def test_identity_rig_gets_the_predicted_weights_back():
    weights = sparse_weights(500)
    predicted = vertices_from_weights(weights)
    tracks = retarget(predicted, choose(ARKIT_NAMES))
    assert tracks.names == ARKIT_NAMES
    assert np.abs(tracks.values - weights)[:, MOUTH].max() < 1e-2
    assert 10 * np.linalg.norm(vertices_from_weights(tracks.values) - predicted, axis=2).max() < 0.3
    assert np.abs(gap_mm(vertices_from_weights(tracks.values)) - gap_mm(predicted)).max() < 0.05


def test_rest_stays_exactly_at_rest():
    assert np.all(retarget(np.zeros((5, 468, 3), np.float32), choose(ARKIT_NAMES)).values == 0)
    assert retarget(np.zeros((0, 468, 3), np.float32), choose(VISEMES)).values.shape == (0, 15)


def random_programs(seed, count=400, size=20):
    generator = np.random.default_rng(seed)
    factor = generator.standard_normal((size + 2, size))
    gram = factor.T @ factor + 1e-3 * np.eye(size)
    linear = 5 * generator.standard_normal((count, size))
    low = -generator.random((count, size)) * (generator.random((count, size)) < 0.5)
    high = low + generator.random((count, size)) * (generator.random((count, size)) < 0.9)
    return gram, linear, low, high


@pytest.mark.parametrize("seed", range(4))
def test_optimality_conditions_hold(seed):
    program = random_programs(seed)
    weights = minimise(*program)
    assert np.all((weights >= program[2]) & (weights <= program[3]))
    assert residual(*program, weights).max() < 1e-7


def test_programs_do_not_depend_on_their_neighbours():
    gram, linear, low, high = random_programs(9)
    whole = minimise(gram, linear, low, high)
    pieces = [minimise(gram, *(part[i : i + 37] for part in (linear, low, high))) for i in range(0, len(linear), 37)]
    assert np.abs(np.concatenate(pieces) - whole).max() < 1e-7


def noisy_faces(frames=200):
    faces = vertices_from_weights(2 * sparse_weights(frames, seed=3))
    return faces + np.random.default_rng(4).normal(0, 0.05, faces.shape).astype(np.float32)


def test_bounds_pairs_and_order_always_hold():
    values = retarget(noisy_faces(), choose(ARKIT_NAMES)).values
    assert values.min() >= 0 and values.max() <= 1 and values.max() > 0.99
    assert np.all(values[:, CLOSE] <= values[:, JAW])
    for one, other in (("mouthLeft", "mouthRight"), ("jawLeft", "jawRight")):
        assert not np.any((values[:, ARKIT_INDEX[one]] > 0) & (values[:, ARKIT_INDEX[other]] > 0))


def test_order_is_solved_not_just_clipped():
    """A jaw that must open for mouthClose to be used: the optimum of the ordered problem, not a clipped other one."""
    effects = effects_cm([m.control for m in choose(["jawOpen", "mouthClose"]).controls])
    limits = np.tile([0.0, 1.0], (2, 1))
    shrink = vertices_from_weights(0.5 * np.eye(52)[CLOSE])[None] + vertices_from_weights(0.2 * np.eye(52)[JAW])[None]
    solver = Solver(effects, limits, Pairs(ordered=((1, 0),)))
    found = solver.solve(shrink)[0]
    grid = np.stack(np.meshgrid(np.linspace(0, 1, 201), np.linspace(0, 1, 201)), axis=-1).reshape(-1, 2)
    grid = grid[grid[:, 1] <= grid[:, 0]]
    cost = ((grid @ solver.gram) * grid / 2).sum(axis=1) - grid @ solver.linear(shrink)[0]
    assert np.abs(found - grid[cost.argmin()]).max() <= 0.01
    capped = Solver(effects, np.array([[0, 0.1], [0, 1.0]]), Pairs(ordered=((1, 0),))).solve(shrink)[0]
    assert capped[1] <= capped[0] <= 0.1


def test_chunks_give_the_same_as_the_whole():
    faces = noisy_faces(150)
    rig = Retargeter(choose(ARKIT_NAMES))
    pieces = [rig.tracks(faces[i : i + 17]).values for i in range(0, 150, 17)]
    assert np.abs(np.concatenate(pieces) - rig.tracks(faces).values).max() < 1e-4


LACKING = {
    "all": [],
    "mouthClose": ["mouthClose"],
    "closing shapes": ["mouthClose", "mouthRollLower", "mouthRollUpper", "mouthPressLeft", "mouthPressRight"],
    "all but jaw and round": [name for name in ARKIT_NAMES if name not in ("jawOpen", "mouthPucker")],
    "all but jaw": [name for name in ARKIT_NAMES if name != "jawOpen"],
}


@pytest.mark.parametrize("lacking", LACKING)
def test_closed_stays_closed_whatever_the_rig_lacks(lacking):
    weights, closed = speech_weights()
    predicted = vertices_from_weights(weights)
    match = choose([name for name in ARKIT_NAMES if name not in LACKING[lacking]])
    shown = gap_mm(rebuilt(match, retarget(predicted, match)))
    assert np.abs(shown[closed]).max() < 1.0
    assert np.corrcoef(shown, gap_mm(predicted))[0, 1] > 0.95


def test_visemes_follow_the_opening_and_close():
    weights, closed = speech_weights()
    predicted = vertices_from_weights(weights)
    match = choose(VISEMES)
    shown = gap_mm(rebuilt(match, retarget(predicted, match)))
    assert np.abs(shown[closed]).max() < 1.0
    assert np.corrcoef(shown, gap_mm(predicted))[0, 1] > 0.95


def test_mouth_close_rests_where_the_jaw_cannot_open():
    match = choose([name for name in ARKIT_NAMES if name != "jawOpen"])
    tracks = retarget(vertices_from_weights(speech_weights()[0]), match)
    assert np.all(tracks.values[:, tracks.names.index("mouthClose")] == 0)


def test_limits_are_kept_and_understood():
    weights, _ = speech_weights()
    limits = {"jawOpen": (0, 100), "mouthPucker": (-1, 2), "mouthFunnel": (0, 0.05), "mouthSmileLeft": (0.1, 1)}
    tracks = retarget(vertices_from_weights(weights), choose(ARKIT_NAMES), limits=limits)
    values = dict(zip(tracks.names, tracks.values.T, strict=True))
    assert np.abs(values["jawOpen"] / 100 - weights[:, JAW]).max() < 0.03
    assert values["mouthPucker"].min() >= 0
    assert values["mouthFunnel"].max() <= 0.05 + 1e-7
    assert values["mouthSmileLeft"].min() >= 0.1 - 1e-7
    assert np.all((tracks.values >= tracks.limits[:, 0]) & (tracks.values <= tracks.limits[:, 1]))


def test_gains_scale_regions_and_keep_closures_closed():
    weights, closed = speech_weights()
    match, predicted = choose(ARKIT_NAMES), vertices_from_weights(weights)
    plain = retarget(predicted, match)
    limits = dict.fromkeys(ARKIT_NAMES, (0.0, 2.0))
    gains = Gains(jaw=1.5, lips=0.5, upper_face=0, offsets={"eyeBlinkLeft": 0.25})
    strong = retarget(predicted, match, gains, limits)
    assert np.allclose(strong.values[:, JAW], 1.5 * plain.values[:, JAW], atol=1e-3)
    pucker = ARKIT_INDEX["mouthPucker"]
    assert np.allclose(strong.values[:, pucker], 0.5 * plain.values[:, pucker], atol=1e-3)
    assert np.all(strong.values[:, ARKIT_INDEX["eyeBlinkLeft"]] == 0.25)
    for jaw in (0.3, 1.5):
        shown = vertices_from_weights(retarget(predicted, match, Gains(jaw=jaw), limits).values)
        assert np.abs(gap_mm(shown)[closed]).max() < 1.0


def test_a_shape_on_several_meshes_is_driven_alike():
    names = [f"head.{name}" for name in ARKIT_NAMES] + [f"teeth.{name}" for name in ARKIT_NAMES[:20]]
    tracks = retarget(vertices_from_weights(speech_weights()[0]), choose(names))
    values = dict(zip(tracks.names, tracks.values.T, strict=True))
    assert len(values) == 72
    assert np.array_equal(values["head.jawOpen"], values["teeth.jawOpen"])


def test_the_tongue_is_given_apart():
    tongue = np.array([0.0, 0.4, 2.0], np.float32)
    tracks = Retargeter(choose(ARKIT_NAMES), Gains(tongue=0.5)).tracks(np.zeros((3, 468, 3), np.float32), tongue)
    assert np.allclose(tracks.values[:, ARKIT_INDEX["tongueOut"]], [0, 0.2, 1.0])
    assert np.count_nonzero(tracks.values) == 2


def test_temporal_term_smooths_and_stays_near():
    weights, _ = speech_weights(90)
    faces = vertices_from_weights(weights) + np.random.default_rng(1).normal(0, 0.1, (90, 468, 3)).astype(np.float32)
    effects = effects_cm([m.control for m in choose(ARKIT_NAMES).controls])
    limits = np.tile([0.0, 1.0], (52, 1))
    plain = solve(effects, faces, limits)
    smooth = solve(effects, faces, limits, settings=SolveSettings(temporal=0.05))
    assert np.abs(np.diff(smooth, axis=0)).sum() < 0.9 * np.abs(np.diff(plain, axis=0)).sum()
    assert np.abs(smooth - weights).mean() < np.abs(plain - weights).mean()


def test_symmetry_term_pulls_sides_together():
    effects = effects_cm([m.control for m in choose(["mouthSmileLeft", "mouthSmileRight", "jawOpen"]).controls])
    limits, face = np.tile([0.0, 1.0], (3, 1)), vertices_from_weights(0.8 * np.eye(52)[[ARKIT_INDEX["mouthSmileLeft"]]])
    names = [m.control.name for m in choose(["mouthSmileLeft", "mouthSmileRight", "jawOpen"]).controls]
    sides = (names.index("mouthSmileLeft"), names.index("mouthSmileRight"))
    apart = solve(effects, face, limits, Pairs(mirrored=(sides,)))[0, list(sides)]
    near = solve(effects, face, limits, Pairs(mirrored=(sides,)), SolveSettings(symmetry=10.0))[0, list(sides)]
    assert apart[0] - apart[1] > 0.75 and abs(near[0] - near[1]) < 0.1


def test_locked_rigs_are_refused():
    with pytest.raises(RigError, match="locked"):
        retarget(np.zeros((1, 468, 3), np.float32), choose(["jawOpen"]), limits={"jawOpen": (0, 0)})
    with pytest.raises(RigError, match="jawOpen: limits 1 to 0"):
        retarget(np.zeros((1, 468, 3), np.float32), choose(["jawOpen"]), limits={"jawOpen": (1, 0)})
