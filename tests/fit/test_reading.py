# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import numpy as np
import pytest

from backend.core.blendshapes import ARKIT_INDEX, ARKIT_NAMES
from backend.core.errors import RigError
from backend.core.face import canonical_face, lip_gap_cm
from backend.fit.reading import Probe, as_map, read_controls, read_effects
from backend.retarget.map_text import map_text
from backend.retarget.maps import load_map

MOUTH = [name for name in ARKIT_NAMES if name.startswith(("jaw", "mouth"))]
PROBES = [Probe(f"Key {index}") for index in range(len(ARKIT_NAMES))]


def probes(facing, *moves):
    """The controls read where each of these is a motion [N, 3] of the upright surface."""
    surface = replace(facing.surface, motions=np.stack(moves))
    return read_controls(surface, facing.fit, [Probe(f"Key {index}") for index in range(len(moves))])


def motion(facing, name):
    return facing.surface.motions[ARKIT_INDEX[name]]


def test_the_effects_are_the_shapes(facing):
    effects = read_effects(facing.surface, facing.fit)
    for name in MOUTH:
        effect, truth = effects[ARKIT_INDEX[name]], canonical_face().basis_cm[ARKIT_INDEX[name]]
        cosine = (effect * truth).sum() / np.linalg.norm(effect) / np.linalg.norm(truth)
        assert cosine > 0.93, name
    assert lip_gap_cm(effects[ARKIT_INDEX["jawOpen"]]) == pytest.approx(
        lip_gap_cm(canonical_face().basis_cm[ARKIT_INDEX["jawOpen"]]), rel=0.1
    )


def test_each_control_is_mostly_the_shape_that_it_is(facing):
    controls = {control.name: control for control in read_controls(facing.surface, facing.fit, PROBES)}
    first = {
        ARKIT_NAMES[int(name.split()[1])]: max(control.weights, key=lambda key: control.weights[key])
        for name, control in controls.items()
    }
    same = sum(first.get(name) == name for name in MOUTH)
    assert same >= 0.8 * len(MOUTH), first
    assert np.median([controls[f"Key {ARKIT_INDEX[name]}"].confidence for name in MOUTH]) > 0.85
    assert controls[f"Key {ARKIT_INDEX['jawOpen']}"].region == "jaw"
    assert f"Key {ARKIT_INDEX['tongueOut']}" not in controls


def test_what_moves_the_whole_head_is_left_out(facing):
    nod = np.cross(np.array([0.3, 0.0, 0.0]), facing.surface.vertices)
    controls = probes(facing, motion(facing, "jawOpen"), nod, 1e-4 * motion(facing, "mouthPucker"))
    assert [control.name for control in controls] == ["Key 0"]


@pytest.mark.parametrize("name", ["mouthSmileLeft", "browInnerUp", "eyeBlinkLeft", "mouthLeft"])
def test_nothing_that_opens_the_mouth_is_refused(facing, name):
    with pytest.raises(RigError, match="nothing parts the lips"):
        probes(facing, motion(facing, name))


def test_noise_is_no_open_mouth(facing):
    noise = np.random.default_rng(3).normal(size=facing.surface.vertices.shape) * facing.fit.scale
    with pytest.raises(RigError, match="nothing parts the lips"):
        probes(facing, noise, 3 * noise)


def test_the_map_is_saved_with_weights_and_confidence(facing, tmp_path):
    controls = probes(
        facing, motion(facing, "jawOpen"), motion(facing, "mouthPucker") + 0.5 * motion(facing, "jawOpen")
    )
    made = as_map(controls, "Measured: 頭", "measured-head")
    path = tmp_path / "measured-head.json"
    path.write_text(map_text(made), encoding="utf-8")
    again = load_map(path)
    assert [(c.name, c.confidence, c.region) for c in again.controls] == [
        (c.name, c.confidence, c.region) for c in controls
    ]
    assert again.controls[1].weights["mouthPucker"] > 0.5
