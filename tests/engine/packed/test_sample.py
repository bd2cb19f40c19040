"""Sampling against closed forms, and its cancel."""

from __future__ import annotations

import math

import pytest
import torch

from cof_viewer.domain.errors import Cancelled
from cof_viewer.domain.progress import CancelToken
from cof_viewer.engine.packed.sample import ddim, euler, levels


def test_euler_is_exact_for_a_constant_velocity():
    noise = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    speed = torch.tensor([1.0, -2.0, 0.5])
    assert torch.allclose(euler(lambda x, tau: speed.expand_as(x), noise, 7), noise - speed, atol=1e-5)


def test_euler_of_a_linear_velocity_is_the_power_of_its_step():
    noise = torch.tensor([[1.0, 2.0]])
    found = euler(lambda x, tau: 3.0 * x, noise, 20)
    assert torch.allclose(found, noise * (1 - 3.0 / 20) ** 20, atol=1e-6)
    many = euler(lambda x, tau: 3.0 * x, noise, 5000)
    assert torch.allclose(many, noise * math.exp(-3.0), atol=1e-3)  # dx/dtau = 3x from 1 to 0


def test_the_flow_of_a_known_datum_reaches_it():
    data = torch.tensor([[4.0, -1.0]])
    found = euler(lambda x, tau: (x - data) / tau, torch.randn(1, 2), 20)
    assert torch.allclose(found, data, atol=1e-5)


def test_times_run_from_noise_to_data():
    seen: list[float] = []

    def velocity(x, tau):
        seen.append(float(tau[0, 0]))
        return torch.zeros_like(x)

    euler(velocity, torch.zeros(1, 1), 4)
    assert seen == [1.0, 0.75, 0.5, 0.25]


def test_ddim_reaches_a_known_datum_and_keeps_the_noise_on_the_way():
    data, noise = torch.tensor([[2.0]]), torch.tensor([[0.7]])
    seen: list[tuple[float, float]] = []

    def clean(x, tau):
        seen.append((float(tau[0, 0]), float(x[0, 0])))
        return data

    assert torch.allclose(ddim(clean, noise, 10), data, atol=1e-6)
    tau, x = seen[5]
    signal, level = levels(tau)
    assert x == pytest.approx(2.0 * signal + 0.7 * level, abs=1e-5)


def test_gaussian_data_come_out_with_their_spread():
    """Data N(0, s²): the best estimate is linear, and DDIM and Euler must both shrink noise of spread 1 to s."""
    spread = 0.3
    noise = torch.randn(4000, 1, generator=torch.Generator().manual_seed(1))

    def clean(x, tau):
        signal, level = levels(float(tau[0, 0]))
        return signal * spread**2 * x / (signal**2 * spread**2 + level**2)

    def velocity(x, tau):
        t = float(tau[0, 0])
        best = (1 - t) * spread**2 * x / ((1 - t) ** 2 * spread**2 + t**2)
        return (x - best) / t

    assert float(ddim(clean, noise, 400).std()) == pytest.approx(spread, rel=0.06)
    assert float(euler(velocity, noise, 400).std()) == pytest.approx(spread, rel=0.06)


@pytest.mark.parametrize("sampler", [euler, ddim])
def test_cancel_is_looked_at_before_every_call(sampler):
    token, calls = CancelToken(), []

    def answer(x, tau):
        calls.append(1)
        if len(calls) == 3:
            token.cancel()
        return torch.zeros_like(x)

    with pytest.raises(Cancelled):
        sampler(answer, torch.zeros(1, 1), 20, token)
    assert len(calls) == 3
