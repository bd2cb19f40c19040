"""The network: shapes, periodic time, masks, sizes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import cof_viewer
from cof_viewer.engine.packed.network import (
    DYNAMIC,
    PackedCondition,
    PackedConfig,
    PackedNetwork,
    config_from_values,
)
from cof_viewer.engine.packed.pack import PackLayout
from cof_viewer.engine.packed.sample import sample

TINY = PackedConfig(PackLayout(4, 6, 8, 8), widths=(8, 16), rea_channels=8, dynamic_width=16)


def condition(config: PackedConfig, count: int = 1, seed: int = 0) -> PackedCondition:
    layout, generator = config.pack, torch.Generator().manual_seed(seed)
    images = torch.randn(count, config.anatomy_channels, 2 * layout.rows, 2 * layout.columns, generator=generator)
    phase = torch.linspace(0, 1, layout.phases + 1)[:-1] ** 1.3
    embedding = torch.randn(count, 768, generator=generator)
    return PackedCondition(images, embedding, phase.expand(count, -1), torch.ones(count, 1), torch.ones(count, 1))


def awake(config: PackedConfig) -> PackedNetwork:
    """A network whose last layer is not zero, so that it says something."""
    torch.manual_seed(3)
    network = PackedNetwork(config).eval()
    torch.nn.init.normal_(network.leave.convolution.weight, 0.0, 0.2)
    return network


def test_an_untrained_network_answers_zero_of_the_packs_shape():
    network = PackedNetwork(TINY)
    x = torch.randn(2, *TINY.pack.shape)
    out = network(x, torch.rand(2, 1), network.embed(condition(TINY, 2)))
    assert out.shape == x.shape
    assert not out.any()


@pytest.mark.parametrize("whole", [False, True])
def test_time_is_a_circle(whole):
    network = awake(replace(TINY, whole_kernels=whole))
    x, tau = torch.randn(1, *TINY.pack.shape), torch.full((1, 1), 0.6)
    told = network.embed(condition(TINY))
    turned = replace(told, images=told.images.roll(2, dims=2))
    with torch.no_grad():
        here, there = network(x, tau, told), network(x.roll(2, dims=2), tau, turned)
    assert float(here.std()) > 0.05
    assert torch.allclose(here.roll(2, dims=2), there, atol=1e-5)


def test_every_part_of_the_condition_is_heard_and_masks_silence_it():
    network, x, tau = awake(TINY), torch.randn(1, *TINY.pack.shape), torch.full((1, 1), 0.9)
    told, other = condition(TINY), condition(TINY, seed=1)

    @torch.no_grad()
    def answer(given: PackedCondition) -> torch.Tensor:
        return network(x, tau, network.embed(given))

    for part in ("anatomy", "embedding"):
        assert not torch.allclose(answer(told), answer(replace(told, **{part: getattr(other, part)})), atol=1e-4)
    assert not torch.allclose(answer(told), answer(replace(told, phase=told.phase**2)), atol=1e-4)
    deaf = told.without_ecg()
    assert torch.equal(answer(deaf), answer(replace(deaf, embedding=other.embedding, phase=told.phase**2)))
    blind = replace(told, has_anatomy=torch.zeros(1, 1))
    assert torch.equal(answer(blind), answer(replace(blind, anatomy=other.anatomy)))


def test_the_dynamic_vector_has_896_numbers():
    assert DYNAMIC == 896
    assert PackedNetwork(TINY).dynamic[0].in_features == 896 + 2  # and the two masks


@pytest.mark.parametrize("form", ["flow", "diffusion"])
def test_a_seed_decides_the_draw(form):
    network = awake(replace(TINY, form=form))
    noise = torch.randn(1, *TINY.pack.shape, generator=torch.Generator().manual_seed(5))
    first, again = (sample(network, noise, condition(TINY), 3) for _ in range(2))
    assert torch.equal(first, again)
    assert torch.isfinite(first).all()


def shipped(name: str) -> PackedConfig:
    path = Path(cof_viewer.__file__).parent / "learning" / "packed" / "configs" / name
    return config_from_values(json.loads(path.read_text(encoding="utf-8"))["network"])


def test_what_ships_is_small_and_on_the_cohorts_lattice():
    config = shipped("packed.json")
    numbers = sum(p.numel() for p in PackedNetwork(config).parameters())
    assert 2.5e6 < numbers < 3.0e6  # 16-bit: below 6 MB
    assert config.pack.shape == (16, 25, 24, 24)
    assert shipped("diffusion.json") == replace(config, form="diffusion")  # the comparator differs in nothing else


def test_the_papers_size_answers_and_learns_on_a_small_lattice():
    config = shipped("paper.json")
    assert config.pack.shape == (32, 50, 64, 64)
    config = replace(config, pack=replace(config.pack, phases=3, rows=8, columns=8))
    network = PackedNetwork(config)
    assert sum(p.numel() for p in network.parameters()) > 4e7
    x, told = torch.randn(1, *config.pack.shape), condition(config)
    parts = (told.anatomy, told.embedding, told.phase, told.has_anatomy, told.has_ecg)
    loss = (network.deep(x, torch.full((1, 1), 0.5), *parts) - 1).square().mean()
    loss.backward()
    torch.optim.SGD(network.parameters(), 0.1).step()
    after = (network.deep(x, torch.full((1, 1), 0.5), *parts) - 1).square().mean()
    assert after.item() < loss.item()


def test_a_config_survives_storage():
    assert config_from_values(json.loads(json.dumps(TINY.values()))) == TINY
