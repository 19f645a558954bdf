# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs lipsync3d[training]")
pytest.importorskip("onnx", reason="needs lipsync3d[training]")

from backend.inference.encoder import open_session, with_context  # noqa: E402
from backend.models.lipsync3d import FRONT_WIDTH  # noqa: E402
from backend.models.personal_graph import folded_weights  # noqa: E402
from backend.models.selftalk import Animator, AnimatorConfig, Interpreter, InterpreterConfig  # noqa: E402
from backend.models.selftalk_graph import animator_graph, rounded_animator  # noqa: E402

CONFIGS = {
    "as it is": AnimatorConfig(),
    "two layers attend": AnimatorConfig(attending=2),
    "every layer attends": AnimatorConfig(attending=4, heads=2, reach_steps=7),
    "none attends": AnimatorConfig(attending=0),
}


def random_animator(config):
    torch.manual_seed(3)
    net = Animator(config).eval()
    torch.nn.init.normal_(net.head.weight, std=0.1)
    net.feature_mean.normal_()
    net.feature_scale.uniform_(0.5, 2.0)
    return net


def features(steps, seed=0):
    return np.random.default_rng(seed).standard_normal((1, FRONT_WIDTH["speech"], steps)).astype(np.float32)


def session_of(net):
    return open_session(animator_graph(folded_weights(net), net.config).SerializeToString(), "test", "cpu", 1)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("steps", [1, 40, 301])
def test_onnx_computes_what_torch_does(config, steps):
    net = random_animator(config)
    heard = features(steps)
    motion, latent = session_of(net).run(["motion", "latent"], {"features": heard})
    with torch.inference_mode():
        expected_latent, expected_motion = rounded_animator(net)(torch.from_numpy(heard))
    assert np.abs(motion - expected_motion.transpose(1, 2).numpy()).max() <= 1e-4
    assert np.abs(latent - expected_latent.transpose(1, 2).numpy()).max() <= 1e-4
    assert np.ptp(motion) > 0.1


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_an_answer_depends_on_nothing_beyond_its_context(config):
    net, heard, middle = random_animator(config), torch.from_numpy(features(301)), 150
    first, last = middle - config.context_steps, middle + config.context_steps + 1
    other = torch.from_numpy(features(301, seed=1))
    other[..., first:last] = heard[..., first:last]
    with torch.inference_mode():
        ours, theirs = net(heard)[1], net(other)[1]
    assert torch.allclose(ours[..., middle], theirs[..., middle], atol=1e-5)
    assert not torch.allclose(ours[..., first - 1], theirs[..., first - 1], atol=1e-2)


@pytest.mark.parametrize("chunk", [50, 128, 500])
def test_windows_with_overlap_equal_the_whole_clip(chunk):
    net = random_animator(AnimatorConfig())
    session, heard = session_of(net), features(700)
    (whole,) = session.run(["motion"], {"features": heard})
    pieces = []
    for part, left, right in with_context([heard[0].T], chunk, net.config.context_steps, FRONT_WIDTH["speech"]):
        (motion,) = session.run(["motion"], {"features": np.ascontiguousarray(part.T)[None]})
        pieces.append(motion[0, left : len(part) - right])
    assert np.abs(np.concatenate(pieces) - whole[0]).max() < 1e-4


def test_training_starts_from_the_mean_face():
    latent, motion = Animator(AnimatorConfig()).eval()(torch.from_numpy(features(30)))
    assert motion.abs().max() == 0
    assert latent.abs().max() > 0


def test_the_interpreter_sees_the_speakers_own_axes_at_unit_spread():
    rng = np.random.default_rng(0)
    lips = torch.from_numpy((rng.standard_normal((500, 3)) @ rng.standard_normal((3, 120)) + 5).astype(np.float32))
    net = Interpreter(InterpreterConfig(axes=5, symbols=7, width=11), 120).eval()
    net.look(lips)
    seen = (lips - net.lip_mean) @ net.lip_axes
    assert seen[:, :3].std(dim=0).tolist() == pytest.approx([1, 1, 1], abs=0.05)
    assert seen[:, 3:].abs().max() < 0.1  # there are but three
    latents, likely = net(lips[None, :50])
    assert (latents.shape, likely.shape) == ((1, 11, 50), (1, 50, 7))
    assert likely.exp().sum(dim=-1).detach().numpy() == pytest.approx(np.ones((1, 50)), abs=1e-5)
