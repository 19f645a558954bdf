# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import onnxruntime
import pytest
import torch

from backend.models.texture import TextureConfig, TextureNet, feedback
from backend.models.texture_graph import rounded_texture, texture_graph, texture_weights
from backend.normalise.mouth_window import mouth_window


def random_net(code=2, latent=24, size=256):
    torch.manual_seed(3)
    net = TextureNet(TextureConfig(latent=latent, code=code), torch.from_numpy(mouth_window(size).blend.copy()))
    with torch.no_grad():
        for parameter in net.weighs.parameters():
            parameter.normal_(0, 0.3)
        net.latent_mean.normal_()
        net.latent_scale.uniform_(0.2, 3)
    return net.eval()


def ort(net):
    graph = texture_graph(net, 141, 80, 256).SerializeToString()
    return onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("code", [0, 2])
def test_the_graph_computes_what_torch_does_through_200_steps_of_the_loop(code):
    net = rounded_texture(random_net(code))
    session = ort(random_net(code))
    latents = np.random.default_rng(0).standard_normal((200, 1, 24)).astype(np.float32)
    here, there = torch.zeros(1, *net.fed_back), np.zeros((1, *net.fed_back), np.float32)
    worst = 0.0
    for latent in latents:
        given = {"latent": latent, "previous": there}
        found, there = session.run(["difference", "feedback"], given)
        with torch.inference_mode():
            wanted = net(torch.from_numpy(latent), here)
            here = feedback(wanted)
        worst = max(worst, float(np.abs(found - wanted.numpy()).max()), float(np.abs(there - here.numpy()).max()))
    assert worst <= 1e-4
    assert float(wanted.std()) > 0.01


def test_a_fresh_network_answers_with_its_mean_picture_whatever_it_hears():
    net = TextureNet(TextureConfig(latent=8), torch.ones(16, 16)).eval()
    with torch.inference_mode():
        answers = net(torch.randn(5, 8), torch.randn(5, *net.fed_back))
    assert torch.equal(answers, answers[:1].expand_as(answers))


def test_the_previous_atlas_is_heard():
    net = random_net()
    latent = torch.zeros(1, 24)
    with torch.inference_mode():
        still, moved = net(latent, torch.zeros(1, *net.fed_back)), net(latent, torch.ones(1, *net.fed_back) * 0.1)
    assert float((still - moved).abs().max()) > 1e-3


def test_what_is_fed_back_are_means_of_squares():
    picture = torch.arange(16.0).reshape(1, 1, 4, 4).expand(1, 3, 4, 4)
    assert torch.equal(feedback(picture), torch.full((1, 3, 1, 1), 7.5))


def test_the_texture_is_small_enough_to_ship():
    graph = texture_graph(random_net(latent=128), 141, 80, 256).SerializeToString()
    assert len(graph) < 4_000_000
    assert {value.dtype for value in texture_weights(random_net()).values()} == {np.dtype(np.float16)}
