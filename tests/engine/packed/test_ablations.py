"""What the ablations take from the packed form's network, and its pictures without a teacher."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cof_viewer.engine.packed.network import PackedCondition, PackedConfig, PackedNetwork, config_from_values
from cof_viewer.engine.packed.pack import PackLayout
from cof_viewer.engine.packed.pictures import bright_grey, pack_pictures, unpack_pictures

LAYOUT = PackLayout(planes=4, phases=6, rows=24, columns=24)
TINY = PackedConfig(pack=LAYOUT, widths=(8, 16), rea_channels=8, dynamic_width=16)


def told(seed: int = 0) -> PackedCondition:
    chance = torch.Generator().manual_seed(seed)
    one = torch.ones(1, 1)
    anatomy = torch.randn(1, TINY.anatomy_channels, 48, 48, generator=chance)
    phase = torch.linspace(0, 0.9, 6)[None] ** (1 + seed)
    return PackedCondition(anatomy, torch.randn(1, 768, generator=chance), phase, one, one)


def network(**changes: object) -> PackedNetwork:
    torch.manual_seed(1)
    made = PackedNetwork(replace(TINY, **changes))  # type: ignore[arg-type]
    torch.nn.init.normal_(made.leave.convolution.weight)
    return made.eval()


def answer(net: PackedNetwork, condition: PackedCondition) -> torch.Tensor:
    x = torch.randn(1, *LAYOUT.shape, generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        return net(x, torch.full((1, 1), 0.5), net.embed(condition))


def test_without_rea_the_anatomy_is_not_seen():
    one, other = told(), replace(told(), anatomy=told(3).anatomy)
    assert not torch.allclose(answer(network(), one), answer(network(), other))
    assert torch.equal(answer(network(rea=False), one), answer(network(rea=False), other))
    assert not any(name.startswith("anatomy") for name in network(rea=False).state_dict())


def test_in_the_spatial_branch_the_ecg_tells_no_phase():
    net = network(ecg_route="spatial")
    one = told()
    later = replace(one, phase=told(2).phase)
    assert torch.equal(answer(net, one), answer(net, later))
    assert not torch.allclose(answer(network(), one), answer(network(), later))
    another = replace(one, embedding=told(2).embedding)
    assert not torch.allclose(answer(net, one), answer(net, another))
    assert torch.equal(net.embed(one).dynamic, net.embed(another).dynamic)
    images = net.embed(one).images[:, -TINY.rea_channels :]
    assert torch.equal(images, images[:, :, :1, :1, :1].expand_as(images))
    unheard = replace(one, has_ecg=torch.zeros(1, 1))
    assert torch.equal(answer(net, unheard), answer(net, replace(another, has_ecg=torch.zeros(1, 1))))


@pytest.mark.parametrize("changes", [{"rea": False}, {"ecg_route": "spatial"}, {"target": "pictures"}])
def test_an_ablation_travels_with_its_weights(changes: dict[str, object]):
    config = replace(TINY, **changes)  # type: ignore[arg-type]
    assert config_from_values(config.values()) == config
    before = {name: value for name, value in TINY.values().items() if name not in ("rea", "ecg_route", "target")}
    assert config_from_values(before) == TINY


def test_changes_of_pictures_come_back_at_twice_the_lattice():
    rng = np.random.default_rng(0)
    planes = rng.normal(0, 10, (6, 4, 48, 48))
    planes[0] = 0.0
    change = np.repeat(np.repeat(planes, 2, axis=2), 2, axis=3)
    images = (120 + rng.uniform(0, 50, (1, 4, 96, 96)) + change).astype(np.float32)
    bright = bright_grey(images[0])
    assert 160 < bright < 175
    packed = pack_pictures(images, (0, 3), LAYOUT)
    assert packed.shape == LAYOUT.shape
    back = unpack_pictures(packed, (0, 3), 4, LAYOUT, bright)
    assert back.shape == (6, 4, 48, 48)
    np.testing.assert_allclose(back, planes, atol=2e-3)
    assert not back[0].any()


def test_a_still_beat_has_no_change():
    image = np.random.default_rng(1).integers(0, 255, (1, 5, 96, 96)).astype(np.uint8)
    assert not pack_pictures(np.repeat(image, 6, axis=0), (1, 3), LAYOUT).any()
